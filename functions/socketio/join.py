"""A Socket.IO CONNECT packet: the session of a connection in a namespace."""

from __future__ import annotations

from urllib.parse import parse_qsl

from shared.adapters import ports
from shared.errors import ConnectionRefused
from shared.protocol import socketio
from shared.protocol.errors import InvalidPacket
from shared.realtime import connections, people, strangers
from shared.realtime.address import Wire
from shared.realtime.admission import authenticate, too_many
from shared.realtime.connections import Connection
from shared.realtime.namespaces import NAMESPACES
from shared.settings import settings


def join(connection_id: str, packet: socketio.Packet) -> None:
    """Let the client in and say so, or refuse with a CONNECT_ERROR.

    The session is written before the client learns of it, so its next event finds it, wherever that
    runs; others can reach it only after its CONNECT has been posted, because clients do not expect
    events before. Raises ``InvalidPacket`` on a native connection.
    """
    connection = connections.get(connection_id)
    if connection is None or connection.session(packet.namespace) is not None:
        return
    if connection.wire != Wire.SOCKETIO:
        raise InvalidPacket("CONNECT on a native connection")
    legacy = connection.legacy
    try:
        if connection.limited:
            raise ConnectionRefused(too_many(packet.namespace))
        session = authenticate(ports(), packet.namespace, _token(connection, packet))
    except ConnectionRefused as refused:
        frame = socketio.connect_error_frame(packet.namespace, refused.message, legacy=legacy)
        ports().connections.post(connection_id, frame)
        return
    values = settings()
    seconds = (
        values.ping_period_seconds if session.authenticated else values.unauthenticated_seconds
    )
    due_at = ports().clock.now_ms() // 1000 + seconds
    if not connections.add_session(connection_id, session, due_at):
        return
    frame = socketio.connect_frame(packet.namespace, None if legacy else session.sid)
    if not ports().connections.post(connection_id, frame):
        ports().tasks.disconnect(connection_id)
        return
    if not session.authenticated:
        strangers.await_authentication(ports(), connection_id, session)
        return
    people.join(
        connection.address(packet.namespace),
        session.person_id,
        expires_at=int(connection.expires_at),
        everybody=NAMESPACES[packet.namespace].everybody,
    )


def _token(connection: Connection, packet: socketio.Packet) -> object:
    """From ``auth`` (3.x on), from the query of the namespace (2.x), or from the handshake."""
    if isinstance(packet.data, dict) and packet.data.get("token") is not None:
        return packet.data["token"]
    namespace = NAMESPACES.get(packet.namespace)
    cookie = connection.cookie if namespace and namespace.cookie else None
    return dict(parse_qsl(packet.query)).get("token", connection.credential or cookie)
