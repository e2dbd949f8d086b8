"""Examples of events and requests, to copy from the page at ``/docs``."""

from __future__ import annotations

import json
import pprint
from typing import Any

from web.contract.schemas import Schema, resolve

Json = dict[str, Any]

LANGUAGES = {"js": "JavaScript", "python": "Python", "json": "Native JSON"}
"""The languages of the examples of events, in the order in which they are shown."""

VALUES: dict[str, Any] = {
    "_id": "507f1f77bcf86cd799439021",
    "about": "Experienced telecaller with 5 years of experience.",
    "address": "123 Main St",
    "amount": 999,
    "bookingId": "booking-1001",
    "bookingNumber": "BK1001",
    "callId": "1a2197e68b4a3a8ebab7aefc",
    "channelId": "lobby",
    "fileName": "plan.pdf",
    "fileSize": 52_000,
    "fileType": "application/pdf",
    "language": "hindi",
    "latitude": 28.6139,
    "longitude": 77.209,
    "message": "Hello",
    "name": "Jane Smith",
    "profile": "avatar-3",
    "roomName": "1a2197e68b4a3a8ebab7aefc",
    "service": "House cleaning",
    "telecallerId": "507f1f77bcf86cd799439021",
    "token": "eyJhbGciOi…",
    "url": "wss://livekit.example.com",
}
"""Values by the names of fields. Other fields get a value by their name's ending, or by type."""

ENDINGS: dict[str, Any] = {
    "Id": "507f1f77bcf86cd799439031",
    "At": "2026-01-19T10:30:00.000Z",
    "timestamp": "2026-01-19T10:30:00.000Z",
    "Name": "Jane Smith",
}
BY_TYPE: dict[str, Any] = {"string": "text", "integer": 1, "number": 1, "boolean": True}
ID = "507f1f77bcf86cd799439031"


def value(schemas: dict[str, Schema], schema: Schema, name: str = "") -> Any:
    """Return an example of a value. Fields that may be left out are left out.

    name: the name of the field.
    """
    found = resolve(schemas, schema)
    for choices in ("anyOf", "oneOf"):
        if choices in found:
            return value(schemas, found[choices][0], name)
    if "const" in found or "enum" in found:
        return found["enum"][0] if "enum" in found else found["const"]
    kind = found.get("type")
    if kind == "object":
        required = found.get("required", ())
        fields = found.get("properties", {}).items()
        return {key: value(schemas, one, key) for key, one in fields if key in required}
    if kind == "array":
        items = found.get("prefixItems") or [found.get("items", {})]
        return [value(schemas, one, one.get("title", "")) for one in items]
    return _simple(kind[0] if isinstance(kind, list) else kind, name)


def _simple(kind: str | None, name: str) -> Any:
    if name in VALUES:
        return VALUES[name]
    ending = next((text for end, text in ENDINGS.items() if name.endswith(end)), None)
    if ending is not None and kind == "string":
        return ending
    return BY_TYPE.get(kind or "", {})


def arguments(schemas: dict[str, Schema], message: Json) -> list[Any]:
    """Return the examples of an event's arguments."""
    if "payload" not in message:
        return []
    payload = message["payload"]
    example = value(schemas, payload, "payload")
    if resolve(schemas, payload).get("x-arguments"):
        return list(example)
    return [ID if example == BY_TYPE["string"] else example]


def sent(namespace: str, event: str, action: str, given: list[Any]) -> dict[str, str]:
    """Return how a client sends an event, by language."""
    script = "".join(f", {_script(one)}" for one in given)
    python = "".join(f"{_python(one)}, " for one in [_one(given)] if given)
    data = {"data": _one(given)} if given else {}
    return {
        "js": f'socket.emit("{event}"{script}, (answer) => console.log(answer));',
        "python": f'answer = sio.call("{event}", {python}namespace="{namespace}")',
        "json": _compact({"action": action, **data, "id": 1}),
    }


def received(namespace: str, event: str, given: list[Any]) -> dict[str, str]:
    """Return how a client receives an event, by language."""
    return {
        "js": f'socket.on("{event}", (data) => console.log(data));\n// {_compact(_one(given))}',
        "python": (
            f'@sio.on("{event}", namespace="{namespace}")\ndef received(data):\n    print(data)'
        ),
        "json": _compact({"event": event, "data": _one(given)}),
    }


def request(method: str, path: str, body: Any, *, token: bool) -> str:
    """Return a request to an HTTP route, for a shell."""
    parts = [f"curl -X {method} http://127.0.0.1:8000{path.replace('{id}', 'booking-1001')}"]
    if token:
        parts.append('-H "Authorization: Bearer $TOKEN"')
    if body is not None:
        parts += ["-H 'Content-Type: application/json'", f"-d '{_compact(body)}'"]
    return " \\\n  ".join(parts)


def _one(given: list[Any]) -> Any:
    return given[0] if len(given) == 1 else given


def _compact(example: Any) -> str:
    return json.dumps(example, ensure_ascii=False)


def _script(example: Any) -> str:
    """Return JavaScript: as JSON, with bare names of fields."""
    if isinstance(example, dict):
        fields = (f"{name}: {_script(one)}" for name, one in example.items())
        return f"{{ {', '.join(fields)} }}" if example else "{}"
    if isinstance(example, list):
        return f"[{', '.join(map(_script, example))}]"
    return _compact(example)


def _python(example: Any) -> str:
    return pprint.pformat(example, width=10_000, sort_dicts=False).replace("'", '"')
