"""Engine.IO and Socket.IO, packet by packet, and native frames without a route.

The packets are frames (``$default``), or come with a POST of a client that polls.

https://socket.io/docs/v4/engine-io-protocol/ · https://socket.io/docs/v4/socket-io-protocol/
"""

from __future__ import annotations

from typing import Any, cast

from functions import native
from functions.polling.exchange import Answer, answered
from functions.products import REGISTRY
from functions.socketio import first_packets, posts, upgrade
from functions.socketio.join import join
from shared.aws import mailboxes
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, entry, websocket_entry
from shared.pipeline import departure
from shared.pipeline.context import Arrival
from shared.pipeline.dispatch import Request, dispatch
from shared.protocol import engineio, socketio
from shared.protocol.errors import InvalidPacket, InvalidPayload
from shared.realtime import connections, lifecycle
from shared.realtime.address import Wire
from shared.realtime.connections import Upgrading


def handler(event: Event, context: Any) -> Any:
    """Handle a frame, or the packets of a client that polls.

    The event is a frame of the WebSocket API, a POST of the HTTP API, or
    ``{"connectionId", "held"}`` for the first packets of a client that polls, which have waited for
    a WebSocket.
    """
    if "held" in event:
        return _held(event, context)
    return (_post if "http" in event.get("requestContext", {}) else _frame)(event, context)


@websocket_entry
def _frame(event: Event) -> None:
    """Handle one frame of a client."""
    arrival, frame = Arrival.of(event), event.get("body") or ""
    if frame.lstrip().startswith("{"):
        dispatch(REGISTRY, ports(), arrival, native.request_of(frame))
        return
    handle(arrival, frame)


@entry
def _post(event: Event) -> Answer:
    """Handle the packets of a POST."""
    return answered(event, lambda request: posts.receive(request, handle))


@entry
def _held(event: Event) -> None:
    """Handle the first packets of a client that polls and does not upgrade."""
    first_packets.handle_held(event["connectionId"], handle)


def handle(arrival: Arrival, frame: str) -> bool:
    """Handle one Engine.IO packet. Returns False if the connection is over then."""
    try:
        receive(upgrade.of_client(arrival, frame), frame)
    except InvalidPacket:
        refuse(arrival, frame)
        return False
    except Upgrading as upgrading:
        later = upgrade.settled(arrival, upgrading.connection)
        return later is not None and handle(later, frame)
    return not frame.startswith(engineio.PacketType.CLOSE)


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
            upgrade.answer_ping(arrival, packet.data)
        case engineio.PacketType.UPGRADE:
            upgrade.finish(arrival, handle)
        case engineio.PacketType.PONG:
            now = ports().clock.now_ms() // 1000
            row = lifecycle.mark_answered(arrival.connection_id, now)
            if row is not None:
                row.require_socketio()
                row.require_settled()
        case engineio.PacketType.CLOSE:
            close(arrival, frame)
        case engineio.PacketType.OPEN | engineio.PacketType.NOOP:
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
    if connection is not None:
        connection.require_socketio()


def leave(arrival: Arrival, namespace: str) -> None:
    """End the session in a namespace from which the client disconnects; the connection stays open.

    A session that the client asked for after this packet is not ended: frames run in any order.
    Raises ``InvalidPacket`` on a native connection.
    """
    connection = connections.get(arrival.connection_id)
    if connection is None:
        return
    connection.require_settled()
    connection.require_socketio()
    session = connection.session(namespace)
    lost = connection.lost_session(namespace)
    if lost is not None and lost.arrived_ms < arrival.ms:  # the connection's end came before
        departure.run_consequences(REGISTRY, ports(), connection, lost)
    if session is None or session.arrived_ms >= arrival.ms:
        return
    if not departure.end_session(REGISTRY, ports(), connection, namespace, arrival.ms):
        leave(arrival, namespace)  # the session has authenticated meanwhile


def close(arrival: Arrival, frame: str) -> None:
    """End the connection of a client that has sent CLOSE.

    A client that polls receives ``6`` in the answer to its GET, as from Engine.IO's own server.
    """
    connection_id = arrival.connection_id
    if not mailboxes.polls(connection_id):
        if refuse(arrival, frame):
            ports().tasks.end_connection(connection_id, goodbye=True)
    elif mailboxes.close(connection_id, engineio.PacketType.NOOP):
        ports().tasks.end_connection(connection_id, goodbye=True)


def refuse(arrival: Arrival, frame: str) -> bool:
    """Close the Socket.IO connection of a frame that is no packet, or is CLOSE.

    Returns False if it is the connection of a native client, which receives an error instead and
    stays connected.
    """
    connection = connections.get(arrival.connection_id)
    if connection is not None and connection.wire == Wire.NATIVE:
        dispatch(REGISTRY, ports(), arrival, native.request_of(frame))
        return False
    ports().connections.close(arrival.connection_id)
    return True
