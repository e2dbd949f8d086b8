"""What the page at ``/docs`` says before the events. Numbers come from the settings."""

from __future__ import annotations

import msgspec

from shared.errors import INTERNAL
from shared.pipeline.declarations import Limit
from shared.settings import Settings

_DEFAULTS = {field.name: field.default for field in msgspec.structs.fields(Settings)}

SECTIONS: tuple[tuple[str, str, str], ...] = (
    (
        "connect",
        "Connect",
        """
<p>Socket.IO at <code>/socket.io/</code>, one namespace per kind of person; one connection may join
several. The token goes into <code>auth</code>; <code>/admin</code> takes the cookie
<code>authenticationToken</code> as well. Without a Socket.IO library, connect a WebSocket to
<code>/ws?namespace=/user</code> with the token in <code>Authorization: Bearer …</code> or in
<code>&amp;token=…</code>, and send one JSON object per message.</p>
{connect}""",
    ),
    (
        "chat-order",
        "The order of things in /",
        """
<p>A connection to <code>/</code> needs no token. Until it has authenticated, every other event is
answered with <code>chat:error</code>.</p>
<ol><li>Connect.</li>
<li>Send <code>authenticate</code> with the token within {unauthenticated_seconds} seconds, again
after every reconnection. A connection that has not authenticated by then is closed.</li>
<li>Wait for <code>authenticated</code>. A bad token gives <code>auth:error</code>, and you may try
again.</li>
<li>Send <code>join_channel</code>, in every tab and after every reconnection.</li>
<li>Send and receive messages. What was said before comes from
<code>GET /channels/{{id}}/messages</code>.</li></ol>""",
    ),
    (
        "tokens",
        "How tokens are made",
        """
<p>Your own login makes them: JSON Web Tokens, signed with HS256 and the stack's secret, or with
RS256 or ES256 and keys at a JWKS URL. <code>make run</code> prints some. The claims:</p>
<dl class="facts"><div><dt><code>sub</code></dt><dd>the account's id</dd></div>
<div><dt><code>role</code></dt><dd><code>USER</code>, <code>TELECALLER</code>, <code>ADMIN</code>,
<code>CUSTOMER</code>, <code>PARTNER</code>, or any other role for chat</dd></div>
<div><dt><code>exp</code></dt><dd>when the token ends, in seconds since 1970; required</dd></div>
<div><dt><code>name</code></dt><dd>optional: the name of a person without an account</dd></div>
<div><dt><code>permissions</code></dt><dd>optional, for chat; those of an account win</dd></div>
</dl>
{token}""",
    ),
    (
        "answers",
        "Acknowledgements",
        """
<p>A callback is always called, with one argument: the event's answer, <code>null</code> where there
is nothing to say, or <code>{{error: {{message}}}}</code>. A native frame with an <code>id</code>
gets exactly one <code>{{"ack": id, "data": …}}</code> or
<code>{{"ack": id, "error": {{"message": …}}}}</code>. An error comes as the error event,
too.</p>""",
    ),
    (
        "errors",
        "Errors",
        """
<p>Each event below lists its own texts and the error event that carries them. Besides, every event
may be answered with:</p>
<dl class="facts"><div><dt>a wrong payload</dt><dd>a text that names the field:
<code>callId is required</code></dd></div>
<div><dt>an event that there is not</dt><dd>the same error event of the namespace</dd></div>
<div><dt>too many events</dt><dd><code>{too_many}</code></dd></div>
<div><dt>a failure inside</dt><dd><code>{internal}</code></dd></div></dl>
<p>In <code>/</code> the payload of an error event is the bare text, in all other namespaces
<code>{{message}}</code>.</p>""",
    ),
    (
        "limits",
        "Limits",
        """
<p>Limits count over any 60 seconds, failed attempts too. Each is a setting; these are the defaults.
A message may have {max_payload_bytes} bytes, a chat message 8,000 characters.</p>
{limits}""",
    ),
)

CONNECT = {
    "js": (
        'import { io } from "socket.io-client";\n\n'
        'const socket = io("http://127.0.0.1:8000/user", {\n'
        "  auth: { token },\n});\n"
        'socket.on("connect_error", (error) => console.log(error.message));'
    ),
    "python": (
        "import socketio\n\nsio = socketio.Client()\n"
        'sio.connect("http://127.0.0.1:8000", namespaces=["/user"],\n'
        '            auth={"token": token})'
    ),
    "json": "ws://127.0.0.1:8000/ws?namespace=/user&token=eyJhbGciOi…",
}

TOKEN = {
    "js": (
        'import { SignJWT } from "jose";\n\n'
        'const token = await new SignJWT({ role: "USER", name: "John Doe" })\n'
        '  .setProtectedHeader({ alg: "HS256" })\n'
        '  .setSubject("507f1f77bcf86cd799439011")\n  .setExpirationTime("1h")\n'
        "  .sign(new TextEncoder().encode(process.env.JWT_SECRET));"
    ),
    "python": (
        "import os, time\nimport jwt\n\n"
        'claims = {"sub": "507f1f77bcf86cd799439011", "role": "USER", "name": "John Doe",\n'
        '          "exp": int(time.time()) + 3600}\n'
        'token = jwt.encode(claims, os.environ["JWT_SECRET"], algorithm="HS256")'
    ),
}


def limits() -> dict[str, int]:
    """Return the default of every limit, by its setting."""
    return {
        name: value
        for name, value in _DEFAULTS.items()
        if name.startswith("limit_") and isinstance(value, int)
    }


def numbers() -> dict[str, object]:
    """Return what the texts of the guide refer to."""
    return {
        "unauthenticated_seconds": _DEFAULTS["unauthenticated_seconds"],
        "max_payload_bytes": f"{_DEFAULTS['max_payload_bytes']:,}",
        "too_many": Limit("").text,
        "internal": INTERNAL,
    }
