"""``POST /socket.io/`` of the HTTP API: packets of clients that poll.

They run through the same code as frames do. The first packets of a session wait until it is clear
whether the client upgrades to a WebSocket: ``docs/decisions/0024-polling-has-a-mailbox.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus

from functions.polling.exchange import Answer, Code, EngineError, Request, reply
from functions.polling.waiting import refuse
from shared.aws import mailboxes
from shared.aws.adapters import ports
from shared.pipeline.context import Arrival
from shared.protocol import polling
from shared.protocol.errors import InvalidPacket
from shared.settings import settings

Handle = Callable[[Arrival, str], bool]
"""What handles one packet. Returns False if the session is over then."""

BINARY = "application/octet-stream"
NO_PACKET = ""


def receive(request: Request, handle: Handle) -> Answer:
    """Handle the packets of a POST, in order.

    Raises ``EngineError`` if there is no such session. A second POST at the same time ends the
    session, as in Engine.IO's own server.
    """
    connection_id = request.connection_id
    if len(request.body) > settings().max_payload_bytes:
        return reply("", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    box = mailboxes.begin_post(connection_id, ports().clock.now_ms())
    if box is None:
        refuse(connection_id)
    if request.headers.get("content-type", "").startswith(BINARY):
        ports().connections.close(connection_id)
        raise EngineError(Code.BAD_REQUEST)
    packets = list(_packets(request.body.decode(errors="replace"), int(box.protocol)))
    if box.held is None or not mailboxes.hold(connection_id, packets, request.ms):
        try:
            _each(connection_id, request.id, mailboxes.held(packets, request.ms), handle)
        finally:
            mailboxes.end_post(connection_id)
    elif box.held_until_ms <= request.ms:
        handle_held(connection_id, handle)
    return reply("ok", "text/html")


def handle_held(connection_id: str, handle: Handle) -> None:
    """Handle the first packets of a session, and those that come meanwhile. Idempotent.

    If an earlier invocation has died on the way, its packets are handled again, as frames that are
    delivered twice.
    """
    box = mailboxes.claim_held(connection_id, ports().clock.now_ms())
    done = 0
    while box is not None and box.held is not None:
        _each(connection_id, "held", box.held, handle, done)
        done = len(box.held)
        if mailboxes.finish_held(connection_id, done):
            return
        box = mailboxes.get(connection_id)


def take_over(connection_id: str, held: Sequence[str], handle: Handle) -> None:
    """Handle the first packets of a session as packets of the WebSocket to which it upgrades."""
    _each(connection_id, "held", held, handle)


def _packets(payload: str, protocol: int) -> Iterator[str]:
    """Yield the packets of a payload, and something that is no packet where it is broken."""
    try:
        yield from polling.decode(payload, protocol)
    except InvalidPacket:
        yield NO_PACKET


def _each(
    connection_id: str, prefix: str, held: Sequence[str], handle: Handle, first: int = 0
) -> None:
    """Handle packets in order, beginning with the one of number ``first``.

    prefix: the beginning of the packets' ids. A packet that is handled again has the same id.
    held: the packets as they stand in ``Mailbox.held``.
    """
    for number, text in enumerate(held[first:], first):
        ms, _, packet = text.partition(" ")
        if not handle(Arrival(connection_id, f"{prefix} {number}", int(ms)), packet):
            return
