"""``$default``: Engine.IO and Socket.IO, packet by packet, and native frames without a route.

https://socket.io/docs/v4/engine-io-protocol/ · https://socket.io/docs/v4/socket-io-protocol/
"""

from __future__ import annotations

from typing import Any, cast

from functions import native
from functions.products import REGISTRY
from functions.socketio.join import join
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, websocket_entry
from shared.pipeline import departure
from shared.pipeline.context import Arrival
from shared.pipeline.dispatch import Request, dispatch
from shared.protocol import engineio, socketio
from shared.protocol.errors import InvalidPacket, InvalidPayload
from shared.realtime import connections
from shared.realtime.address import Wire


@websocket_entry
def handler(event: Event) -> None:
    """Handle one frame of a client."""
    arrival, frame = Arrival.of(event), event.get("body") or ""
    if frame.lstrip().startswith("{"):
        dispatch(REGISTRY, ports(), arrival, native.request_of(frame))
        return
    try:
        receive(arrival, frame)
    except InvalidPacket:
        refuse(arrival, frame)


def receive(arrival: Arrival, frame: str) -> None:
    """Handle one Engine.IO packet. Raises ``InvalidPacket`` if the frame is none."""
    packet = engineio.decode(frame)
    match packet.type:
        case engineio.PacketType.MESSAGE:
            try:
                message(arrival, socketio.decode(packet.data))
            except InvalidPayload as error:
                request = Request(
                    error.event or "",
                    Wire.SOCKETIO,
                    namespace=error.namespace,
                    ack=error.ack,
                    refusal=error.message,
                )
                dispatch(REGISTRY, ports(), arrival, request)
        case engineio.PacketType.PING:
            _require_socketio(arrival)
            ports().connections.post(
                arrival.connection_id, engineio.encode(engineio.PacketType.PONG, packet.data)
            )
        case engineio.PacketType.PONG:
            now = ports().clock.now_ms() // 1000
            if connections.mark_answered(arrival.connection_id, now) == Wire.NATIVE:
                raise InvalidPacket("PONG on a native connection")
        case engineio.PacketType.CLOSE:
            refuse(arrival, frame)
        case engineio.PacketType.OPEN | engineio.PacketType.UPGRADE | engineio.PacketType.NOOP:
            _require_socketio(arrival)  # means nothing from a client, as in Engine.IO's own server


def message(arrival: Arrival, packet: socketio.Packet) -> None:
    """Handle one Socket.IO packet. Raises ``InvalidPacket`` if a client may not send it."""
    match packet.type:
        case socketio.PacketType.CONNECT:
            join(arrival, packet)
        case socketio.PacketType.DISCONNECT:
            leave(arrival, packet.namespace)
        case socketio.PacketType.EVENT:
            name, *arguments = cast("list[Any]", packet.data)
            request = Request(
                name,
                Wire.SOCKETIO,
                namespace=packet.namespace,
                arguments=arguments,
                ack=packet.id,
            )
            dispatch(REGISTRY, ports(), arrival, request)
        case socketio.PacketType.ACK:
            _require_socketio(arrival)
        case _:
            raise InvalidPacket(f"{packet.type.name} is not supported")


def _require_socketio(arrival: Arrival) -> None:
    """Raise ``InvalidPacket`` if a native client has sent text that looks like a packet."""
    connection = connections.get(arrival.connection_id)
    if connection is not None and connection.wire == Wire.NATIVE:
        raise InvalidPacket("a packet on a native connection")


def leave(arrival: Arrival, namespace: str) -> None:
    """End the session in a namespace from which the client disconnects; the connection stays open.

    A session that the client asked for after this packet is not ended: frames run in any order.
    Raises ``InvalidPacket`` on a native connection.
    """
    connection = connections.get(arrival.connection_id)
    session = connection.session(namespace) if connection else None
    if connection is not None and connection.wire != Wire.SOCKETIO:
        raise InvalidPacket("DISCONNECT on a native connection")
    if connection is None or session is None or session.arrived_ms >= arrival.ms:
        return
    if not departure.end_session(REGISTRY, ports(), connection, namespace, arrival.ms):
        leave(arrival, namespace)  # the session has authenticated meanwhile


def refuse(arrival: Arrival, frame: str) -> None:
    """Close the Socket.IO connection of a frame that is no packet, or is CLOSE.

    A native client receives an error instead, and stays connected.
    """
    connection = connections.get(arrival.connection_id)
    if connection is not None and connection.wire == Wire.NATIVE:
        dispatch(REGISTRY, ports(), arrival, native.request_of(frame))
    else:
        ports().connections.close(arrival.connection_id)
