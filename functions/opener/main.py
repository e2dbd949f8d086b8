"""The opener: opens a connection as soon as frames can be posted to it.

A Socket.IO client waits for the Engine.IO open packet before it sends anything. A native client
waits for nothing, but nothing can be sent to it earlier either. ``connect`` invokes this function
asynchronously.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

from functions.products import REGISTRY
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, entry
from shared.pipeline import admission, greeting
from shared.pipeline.context import Arrival
from shared.protocol import engineio, json, socketio
from shared.realtime import connections
from shared.realtime.address import Wire
from shared.realtime.connections import Connection
from shared.realtime.namespaces import MAIN
from shared.settings import settings

FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 1.0


@entry
def handler(event: Event) -> None:
    """Open the connection of ``{"connectionId"}``.

    If the event is delivered twice, the open packet is sent once. The sessions of the handshake
    begin both times, because the first invocation may have failed before that.
    """
    connection_id = event["connectionId"]
    first = connections.mark_opened(connection_id)
    connection = first or connections.get(connection_id)
    if connection is None or connection.leaving:
        return
    if (first or connection.wire == Wire.NATIVE) and not _retry(_opening(connection)):
        ports().tasks.end_connection(connection_id)
        return
    if first and connection.legacy:
        ports().connections.post(connection_id, socketio.connect_frame(MAIN, None))
    for session in connection.all_sessions():
        if not session.arrived_ms:
            admission.begin_session(REGISTRY, ports(), connection, session)
            greeting.greet(
                REGISTRY,
                ports(),
                Arrival.of_opening(connection),
                connection=connection,
                session=session,
                auth=_auth(connection),
            )


def _auth(connection: Connection) -> dict[str, Any]:
    """Return the query of a 2.x client. Returns an empty object for a native client."""
    return cast("dict[str, Any]", json.loads(connection.handshake)) if connection.handshake else {}


def _opening(connection: Connection) -> Callable[[], bool]:
    """Return a function that tries to open the connection, and returns whether it has succeeded."""
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
    """Repeat ``attempt`` until it succeeds, for at most ``opening_retry_seconds``.

    Each pause is twice as long as the one before. Returns False if no attempt has succeeded.
    """
    deadline = time.monotonic() + settings().opening_retry_seconds
    pause = FIRST_PAUSE_SECONDS
    while not attempt():
        if time.monotonic() + pause > deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
    return True
