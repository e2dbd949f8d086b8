"""``POST /socket.io/`` of the HTTP API: packets of clients that poll.

They run through the same code as frames do, except those that are held: ``first_packets``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus

import msgspec

from functions.polling.exchange import Answer, Code, EngineError, Request, reply
from functions.polling.waiting import refuse
from functions.socketio import first_packets
from functions.socketio.first_packets import Handle
from functions.socketio.join import connect_packet, read_ahead
from shared.aws import mailboxes
from shared.aws.adapters import ports
from shared.aws.mailboxes import Mailbox
from shared.aws.parallel import both
from shared.pipeline.admission import FindAccount
from shared.protocol import engineio, polling
from shared.protocol.engineio import CURRENT, LEGACY, PacketType
from shared.protocol.errors import ProtocolError
from shared.settings import settings

BINARY = "application/octet-stream"
CONNECT_FIRST = re.compile(rb"(?P<length>\d+:)?40")
"""How a payload of CONNECT packets begins in Engine.IO 4, and with its length in Engine.IO 3."""


class _Payload(msgspec.Struct, frozen=True):
    """The packets of a payload, as a version of Engine.IO reads them. None if they are none."""

    protocol: int
    packets: list[str] | None


def receive(request: Request, handle: Handle) -> Answer:
    """Handle the packets of a POST, in order.

    Raises ``EngineError`` if there is no such session, or the body is no payload. Such a body ends
    the session, and so does a second POST at the same time, as in Engine.IO's own server. More than
    a mailbox holds, before it is clear which transport the client uses, ends it as well.
    """
    connection_id = request.connection_id
    if len(request.body) > settings().max_payload_bytes:
        return reply("", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    payload = _first_look(request)
    box, find_account = _begin(request, payload)
    if box is None:
        refuse(connection_id)
    left: Sequence[str] | None = ()
    try:
        packets = _packets_of(request, payload, int(box.protocol))
        held = mailboxes.held(packets, request.ms)
        left = held if box.held is None else first_packets.hold(box, held, find_account)
        if left is not None:
            first_packets.each(connection_id, request.id, left, handle)
        elif box.held_until_ms <= request.ms or PacketType.CLOSE in packets:
            first_packets.handle_held(connection_id, handle)
    except mailboxes.Full:
        ports().connections.close(connection_id)
        return reply("", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    finally:
        if left is not None:
            mailboxes.end_post(connection_id)
    return reply("ok", "text/html")


def _begin(request: Request, payload: _Payload) -> tuple[Mailbox | None, FindAccount | None]:
    """Begin a POST. Returns the mailbox, or None as ``begin_post`` does, and what ``read_ahead``
    returns if the POST begins with CONNECT.
    """
    connection_id, now_ms = request.connection_id, ports().clock.now_ms()
    packet = connect_packet(payload.packets[0]) if payload.packets else None
    if packet is None:
        return mailboxes.begin_post(connection_id, now_ms), None
    return both(
        lambda: mailboxes.begin_post(connection_id, now_ms),
        lambda: read_ahead(packet),
    )


def _first_look(request: Request) -> _Payload:
    """Read the payload as its beginning suggests, before the mailbox has said which version of
    Engine.IO the client speaks."""
    found = CONNECT_FIRST.match(request.body)
    return _read(request, LEGACY if found and found["length"] else CURRENT)


def _packets_of(request: Request, payload: _Payload, protocol: int) -> list[str]:
    """Return the packets of a POST. If they are none, end the session and raise ``EngineError``.

    payload: what ``_first_look`` has returned.
    """
    packets = (payload if payload.protocol == protocol else _read(request, protocol)).packets
    binary = request.headers.get("content-type", "").startswith(BINARY)
    if binary or packets is None:
        ports().connections.close(request.connection_id)
        raise EngineError(Code.BAD_REQUEST)
    return packets


def _read(request: Request, protocol: int) -> _Payload:
    """Read the payload of a POST."""
    try:
        packets = list(polling.decode(request.body.decode(errors="replace"), protocol))
        for packet in packets:
            engineio.decode(packet)
    except ProtocolError:
        return _Payload(protocol, None)
    return _Payload(protocol, packets)
