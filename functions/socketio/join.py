"""A Socket.IO CONNECT packet: the session of a connection in a namespace."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import msgspec

from functions.products import REGISTRY
from shared.aws.adapters import ports
from shared.aws.retry import attempts
from shared.errors import ConnectionRefused
from shared.pipeline import departure, greeting
from shared.pipeline.admission import authenticate, begin, too_many
from shared.pipeline.context import Arrival
from shared.protocol import socketio
from shared.protocol.errors import InvalidPacket
from shared.realtime import connections
from shared.realtime.address import Wire
from shared.realtime.connections import Connection
from shared.settings import settings


def join(arrival: Arrival, packet: socketio.Packet) -> None:
    """Let the client in and say so, or refuse with a CONNECT_ERROR.

    The session is written before the client learns of it, so its next event finds it, wherever that
    runs; others can reach it only after its CONNECT has been posted, because clients do not expect
    events before. Raises ``InvalidPacket`` on a native connection.
    """
    connection_id = arrival.connection_id
    connection = _outside(arrival, packet.namespace)
    if connection is None:
        return
    legacy = connection.legacy
    try:
        if connection.limited:
            raise ConnectionRefused(too_many(REGISTRY, packet.namespace))
        session = authenticate(REGISTRY, ports(), packet.namespace, _token(connection, packet))
        session = msgspec.structs.replace(session, arrived_ms=arrival.ms)
    except ConnectionRefused as refused:
        frame = socketio.connect_error_frame(packet.namespace, refused.message, legacy=legacy)
        ports().connections.post(connection_id, frame)
        return
    values = settings()
    seconds = values.ping_period_seconds if session.settled else values.unauthenticated_seconds
    due_at = ports().clock.now_ms() // 1000 + seconds
    if not connections.add_session(connection_id, session, due_at):
        return
    frame = socketio.connect_frame(packet.namespace, None if legacy else session.sid)
    if not ports().connections.post(connection_id, frame):
        ports().tasks.disconnect(connection_id)
        return
    begin(REGISTRY, ports(), connection, session)
    auth = _auth(packet)
    greeting.greet(REGISTRY, ports(), arrival, connection=connection, session=session, auth=auth)


def _outside(arrival: Arrival, namespace: str) -> Connection | None:
    """The connection while it is not in ``namespace``; None where it is, or is gone. Raises
    ``InvalidPacket``.

    Frames run in any order, and a client that comes back says so right after it has left: the
    leaving has a moment to begin, and to end. What takes longer has failed on the way.
    """
    for _ in attempts():
        connection = connections.get(arrival.connection_id)
        if connection is None or connection.leaving:
            return None
        if connection.wire != Wire.SOCKETIO:
            raise InvalidPacket("CONNECT on a native connection")
        before = connection.occupant(namespace)
        if before is None:
            return connection
        if before.arrived_ms >= arrival.ms:  # the same frame again
            return None
    if connection is None or connection.session(namespace) is not None:
        return None
    departure.finish(REGISTRY, ports(), connection)
    return connection


def _auth(packet: socketio.Packet) -> dict[str, Any]:
    """Return what the client gave along: ``auth`` (3.x on), or the query of the namespace (2.x)."""
    return packet.data if isinstance(packet.data, dict) else dict(parse_qsl(packet.query))


def _token(connection: Connection, packet: socketio.Packet) -> object:
    """From ``auth`` (3.x on), from the query of the namespace (2.x), or from the handshake."""
    if isinstance(packet.data, dict) and packet.data.get("token") is not None:
        return packet.data["token"]
    namespace = REGISTRY.namespaces.get(packet.namespace)
    cookie = connection.cookie if namespace and namespace.cookie else None
    return dict(parse_qsl(packet.query)).get("token", connection.credential or cookie)
