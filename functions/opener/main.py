"""Opens a connection as soon as it can be posted to.

A Socket.IO client waits for the Engine.IO open packet before it says anything; a native one for
nothing, but it can be reached only now. Invoked asynchronously by ``connect``.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from shared.adapters import ports
from shared.lambda_entry import Event, entry
from shared.protocol import engineio, socketio
from shared.realtime import connections, people, strangers
from shared.realtime.address import Wire
from shared.realtime.connections import Connection
from shared.realtime.namespaces import CHAT, NAMESPACES
from shared.settings import settings

FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 1.0


@entry
def handler(event: Event) -> None:
    """``{"connectionId"}``. Delivered twice, it opens once."""
    connection = connections.mark_opened(event["connectionId"])
    if connection is None:
        return
    if not _retry(_opening(connection)):
        ports().tasks.disconnect(connection.connection_id)
        return
    if connection.legacy:
        _enter_root(connection)
    if connection.wire == Wire.NATIVE:
        for session in connection.all_sessions():
            if not session.authenticated:
                strangers.await_authentication(ports(), connection.connection_id, session)
                continue
            people.join(
                connection.address(session.namespace),
                session.person_id,
                expires_at=int(connection.expires_at),
                everybody=NAMESPACES[session.namespace].everybody,
            )


def _enter_root(connection: Connection) -> None:
    """A 2.x client is in ``/`` without asking."""
    session = strangers.session(ports(), CHAT.path)
    due_at = ports().clock.now_ms() // 1000 + settings().unauthenticated_seconds
    if not connection.limited:
        connections.add_session(connection.connection_id, session, due_at)
    ports().connections.post(connection.connection_id, socketio.connect_frame(CHAT.path, None))
    if not connection.limited:
        strangers.await_authentication(ports(), connection.connection_id, session)


def _opening(connection: Connection) -> Callable[[], bool]:
    gateway, connection_id = ports().connections, connection.connection_id
    if connection.wire == Wire.NATIVE:
        return lambda: gateway.exists(connection_id)
    values = settings()
    packet = engineio.open_packet(
        sid=ports().ids.session_id(),
        ping_interval_ms=values.ping_interval_ms,
        ping_timeout_ms=values.ping_timeout_ms,
        max_payload=values.max_payload_bytes,
    )
    return lambda: gateway.post(connection_id, packet)


def _retry(attempt: Callable[[], bool]) -> bool:
    """Until it succeeds or the opening time is over; pauses double."""
    deadline = time.monotonic() + settings().opening_retry_seconds
    pause = FIRST_PAUSE_SECONDS
    while not attempt():
        if time.monotonic() + pause > deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
    return True
