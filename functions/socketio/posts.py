"""``POST /socket.io/`` of the HTTP API: packets of clients that poll.

They run through the same code as frames do. The first packets of a session wait until it is clear
whether the client upgrades to a WebSocket: ``docs/decisions/0024-polling-has-a-mailbox.md``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from itertools import islice

from functions.polling.exchange import Answer, Code, EngineError, Request, reply
from functions.polling.waiting import refuse
from functions.socketio.join import Known, admit, connect_packet, read
from shared.aws import mailboxes
from shared.aws.adapters import ports
from shared.aws.mailboxes import Mailbox
from shared.aws.parallel import both
from shared.pipeline.context import Arrival
from shared.protocol import engineio, polling, socketio
from shared.protocol.engineio import CURRENT, LEGACY, PacketType
from shared.protocol.errors import InvalidPacket, ProtocolError
from shared.settings import settings

Handle = Callable[[Arrival, str], bool]
"""What handles one packet. Returns False if the session is over then."""

BINARY = "application/octet-stream"
NO_PACKET = ""
CONNECT_FIRST = re.compile(rb"(?P<length>\d+:)?40")
"""How a payload of CONNECT packets begins in Engine.IO 4, and with its length in Engine.IO 3."""

HELD = "held"
"""The beginning of the ids of packets that have waited in a mailbox."""


def receive(request: Request, handle: Handle) -> Answer:
    """Handle the packets of a POST, in order.

    Raises ``EngineError`` if there is no such session, or the body is no payload. Such a body ends
    the session, and so does a second POST at the same time, as in Engine.IO's own server. More than
    a mailbox holds, before it is clear which transport the client uses, ends it as well.
    """
    connection_id = request.connection_id
    if len(request.body) > settings().max_payload_bytes:
        return reply("", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    box, known = _begin(request)
    if box is None:
        refuse(connection_id)
    finished = False
    try:
        packets = _read_packets(request, int(box.protocol))
        held = mailboxes.held(packets, request.ms)
        answers: list[str] = []
        if box.held is not None:
            held, answers = _answer_connects(connection_id, held, known)
            finished = mailboxes.hold(connection_id, held, answers)
        if not finished:
            for answer in answers:
                ports().connections.post(connection_id, answer)
            _each(connection_id, request.id, held, handle)
        elif box.held_until_ms <= request.ms or PacketType.CLOSE in packets:
            handle_held(connection_id, handle)
    except mailboxes.Full:
        ports().connections.close(connection_id)
        return reply("", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    finally:
        if not finished:
            mailboxes.end_post(connection_id)
    return reply("ok", "text/html")


def _begin(request: Request) -> tuple[Mailbox | None, Known | None]:
    """Begin a POST. Returns the mailbox, or None as ``begin_post`` does, and what is read beside it
    if the POST begins with CONNECT.
    """
    connection_id, now_ms = request.connection_id, ports().clock.now_ms()
    packet = _first_connect(request)
    if packet is None:
        return mailboxes.begin_post(connection_id, now_ms), None
    return both(
        lambda: mailboxes.begin_post(connection_id, now_ms),
        lambda: read(connection_id, packet),
    )


def _read_packets(request: Request, protocol: int) -> list[str]:
    """Return the packets of a POST. If they are none, end the session and raise ``EngineError``."""
    packets = list(_packets(request.body.decode(errors="replace"), protocol))
    binary = request.headers.get("content-type", "").startswith(BINARY)
    if binary or not all(map(_is_packet, packets)):
        ports().connections.close(request.connection_id)
        raise EngineError(Code.BAD_REQUEST)
    return packets


def _first_connect(request: Request) -> socketio.Packet | None:
    """Return the CONNECT with which a POST begins, or None."""
    found = CONNECT_FIRST.match(request.body)
    if found is None:
        return None
    protocol = LEGACY if found["length"] else CURRENT
    return connect_packet(next(_packets(request.body.decode(errors="replace"), protocol)))


def _answer_connects(
    connection_id: str, held: Sequence[str], known: Known | None
) -> tuple[list[str], list[str]]:
    """Let clients in at once, though the packets wait until it is clear which transport they use.

    So the client is connected at once, and its session becomes reachable on the transport that it
    uses then. Returns the packets without the CONNECTs that are refused, and what is left to be
    told: the answer to the last packet goes with the write that the POST makes anyway.

    known: what has been read for the first packet, if it is a CONNECT.
    """
    kept: list[str] = []
    answers: list[str] = []
    for text, (arrival, frame) in zip(held, _arrivals(connection_id, HELD, held), strict=True):
        while answers:
            ports().connections.post(connection_id, answers.pop())
        packet = connect_packet(frame)
        admitted = admit(arrival, packet, known) if packet else None
        if admitted or not packet:
            kept.append(text)
        if admitted and admitted.answer:
            answers.append(admitted.answer)
        known = None
    return kept, answers


def handle_held(connection_id: str, handle: Handle) -> None:
    """Handle the first packets of a session, and those that come meanwhile. Idempotent.

    If an earlier invocation has died on the way, its packets are handled again, as frames that are
    delivered twice.
    """
    box = mailboxes.claim_held(connection_id, ports().clock.now_ms())
    done = 0
    while box is not None and box.held is not None:
        _each(connection_id, HELD, box.held, handle, done)
        done = len(box.held)
        if mailboxes.finish_held(connection_id, done):
            return
        box = mailboxes.get(connection_id)


def take_over(connection_id: str, held: Sequence[str], handle: Handle) -> None:
    """Handle the first packets of a session as packets of the WebSocket to which it upgrades."""
    _each(connection_id, HELD, held, handle)


def _packets(payload: str, protocol: int) -> Iterator[str]:
    """Yield the packets of a payload, and something that is no packet where it is broken."""
    try:
        yield from polling.decode(payload, protocol)
    except InvalidPacket:
        yield NO_PACKET


def _is_packet(text: str) -> bool:
    """Return whether a text is a packet of Engine.IO."""
    try:
        engineio.decode(text)
    except ProtocolError:
        return False
    return True


def _each(
    connection_id: str, prefix: str, held: Sequence[str], handle: Handle, first: int = 0
) -> None:
    """Handle packets in order, beginning with the one of number ``first``, until the session ends.

    The other arguments are those of ``_arrivals``.
    """
    for arrival, packet in islice(_arrivals(connection_id, prefix, held), first, None):
        if not handle(arrival, packet):
            return


def _arrivals(
    connection_id: str, prefix: str, held: Sequence[str]
) -> Iterator[tuple[Arrival, str]]:
    """Yield packets with their arrivals. A packet that is handled again has the same arrival.

    prefix: the beginning of the packets' ids.
    held: the packets as they stand in ``Mailbox.held``.
    """
    for number, text in enumerate(held):
        ms, _, packet = text.partition(" ")
        yield Arrival(connection_id, f"{prefix} {number}", int(ms), held=True), packet
