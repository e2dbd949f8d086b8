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
from shared.pipeline import admission, greeting, returning
from shared.pipeline.context import Arrival
from shared.protocol import engineio, json, socketio
from shared.realtime import connections, lifecycle
from shared.realtime.address import Wire
from shared.realtime.connections import Connection
from shared.realtime.namespaces import MAIN
from shared.settings import settings

FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 1.0

LONGEST_SECONDS = 40
"""The function's timeout. It is longer than ``opening_retry_seconds`` and the longest post
together."""


@entry
def handler(event: Event) -> None:
    """Open the connection of ``{"connectionId"}``.

    With ``namespace``, bring the session up to date that has come back on an open connection.

    If the event is delivered twice, the open packet is sent once. The sessions of the handshake
    begin both times, because the first invocation may have failed before that.

    The first invocation may even have died before the open packet. A retry finds that out from what
    the client has sent since, and closes the connection if there is nothing: the client, which may
    still wait, connects again. A second open packet is no remedy, because clients that have
    received the first one would join all namespaces twice.
    """
    connection_id = event["connectionId"]
    if "namespace" in event:
        returning.restore(REGISTRY, ports(), connection_id, event["namespace"])
        return
    first = lifecycle.mark_opened(connection_id)
    connection = first or connections.get(connection_id)
    if connection is None or connection.leaving:
        return
    if not first and _is_silent(connection):
        ports().connections.close(connection_id)
        ports().tasks.end_connection(connection_id)
        return
    if (first or connection.wire == Wire.NATIVE) and not _retry(_opening(connection)):
        ports().tasks.end_connection(connection_id)
        return
    if first and connection.legacy:
        ports().connections.post(connection_id, _answer_in_main(connection))
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


def _answer_in_main(connection: Connection) -> str:
    """Return the frame by which a 2.x client learns whether it is in ``/``.

    It is in ``/`` without asking, unless its address has opened too many connections.
    """
    if connection.limited:
        text = admission.too_many(REGISTRY, MAIN)
        return socketio.connect_error_frame(MAIN, text, legacy=True)
    return socketio.connect_frame(MAIN, None)


def _is_silent(connection: Connection) -> bool:
    """Return whether a Socket.IO client has had the time to join a namespace, and has not.

    If it is so after ``LONGEST_SECONDS``, the invocation that sent the open packet is over, and the
    client has probably not received the packet. A session of the handshake is a sign of life too
    once it can be reached, because it begins after the open packet.
    """
    connected_at = Arrival.of_opening(connection).ms
    if connection.wire != Wire.SOCKETIO:
        return False
    if ports().clock.now_ms() - connected_at < LONGEST_SECONDS * 1000 or connection.answered_at:
        return False
    sessions = connection.all_sessions()
    return not any(one.arrived_ms or connection.reachable(one) for one in sessions)


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
