"""A GET of a client that polls: it waits for packets."""

from __future__ import annotations

import secrets
import time
from enum import Enum, auto
from typing import Never

from functions.polling.exchange import Answer, Code, EngineError, Request, reply
from shared.aws import mailboxes
from shared.aws.adapters import ports
from shared.aws.mailboxes import Mailbox
from shared.protocol import polling
from shared.protocol.engineio import PacketType
from shared.settings import Settings, settings

NOOP_AFTER_MS = 50
"""How long a GET waits at least during an upgrade, so that a client does not ask all the time."""

SLOTS_TRIED = 3


class Decision(Enum):
    """What a GET does after a look at its mailbox."""

    WAIT = auto()
    ANSWER = auto()
    """Answer with what is in the mailbox, or with ``6`` if it is empty."""

    HANDLE = auto()
    """Have the first packets handled, because no upgrade has come; then wait on."""

    GIVE_UP = auto()
    """Close the WebSocket of an upgrade that has taken too long; then wait on."""


def decide(box: Mailbox | None, poll: str, now_ms: int, waited_ms: int) -> Decision:
    """Decide what the GET ``poll`` does.

    box: the mailbox, or None if it is gone.
    waited_ms: how long the GET has waited.
    """
    if box is None or box.over or box.moved_to or box.poll != poll or box.outbox:
        return Decision.ANSWER
    if box.upgrading(now_ms):
        # A client that waits for the end of its POST cannot upgrade before that either.
        let_go = box.probed and waited_ms >= NOOP_AFTER_MS and not box.posting(now_ms)
        if let_go:
            return Decision.ANSWER
    elif box.websocket:
        return Decision.GIVE_UP
    if box.held is not None and box.held_until_ms <= now_ms:
        return Decision.HANDLE
    return Decision.WAIT


def wait(request: Request) -> Answer:
    """Answer with the packets for the client as soon as there are any.

    Raises ``EngineError`` if there is no such session, or it is over and nothing waits. A second
    GET at the same time ends the session, as in Engine.IO's own server.
    """
    connection_id = request.connection_id
    box = mailboxes.begin_poll(connection_id, request.id, ports().clock.now_ms())
    if box is None:
        refuse(connection_id)
    late = box.over
    _look(box, request.id)
    before = mailboxes.end_poll(connection_id, request.id, ports().clock.now_ms())
    packets = list(before.outbox) if before else []
    if before and before.over:
        mailboxes.delete(connection_id)
        if before.closed and (packets or not late):
            packets.append(before.closed)
        if not packets:
            raise EngineError(Code.SESSION_UNKNOWN)
    return reply(polling.encode(packets or [PacketType.NOOP], int(box.protocol)))


def refuse(connection_id: str) -> Never:
    """Raise the ``EngineError`` of a request that may not begin.

    If another request of the same kind has not been answered yet, the session ends.
    """
    box = mailboxes.get(connection_id)
    if box is None:
        raise EngineError(Code.SESSION_UNKNOWN)
    if not box.moved_to:
        ports().connections.close(connection_id)
    raise EngineError(Code.BAD_REQUEST)


def _look(box: Mailbox, poll: str) -> None:
    """Look at a mailbox again and again, until its GET is to be answered."""
    values, began, connection_id = settings(), time.monotonic(), box.connection_id
    found: Mailbox | None = box
    slot, handed_over = None, False
    while True:
        waited = time.monotonic() - began
        decision = decide(found, poll, ports().clock.now_ms(), int(waited * 1000))
        eager = waited < values.poll_eager_seconds
        if decision is Decision.ANSWER or waited >= values.poll_seconds:
            break
        if decision is Decision.GIVE_UP:
            _give_up(found)
        elif decision is Decision.HANDLE and not handed_over:
            ports().tasks.handle_held(connection_id)
            handed_over = True
        if not eager and slot is None:
            slot = _take_slot(values)
            if slot is None:
                break
        time.sleep(_pause(found, eager=eager))
        found = mailboxes.get(connection_id, consistent=False)
    if slot is not None:
        mailboxes.free_slot(slot)


def _pause(box: Mailbox | None, *, eager: bool) -> float:
    """Return the seconds until the next look at a mailbox.

    The client's first POST comes at the same time as its first GET.
    """
    values = settings()
    begins = eager and box is not None and box.held == []
    if begins or (box is not None and box.posting(ports().clock.now_ms())):
        return values.poll_answer_pause_seconds
    return values.poll_eager_pause_seconds if eager else values.poll_pause_seconds


def _give_up(box: Mailbox | None) -> None:
    """Close the WebSocket of an upgrade that has taken too long. The client polls on."""
    if box is not None and box.websocket:
        ports().connections.close(box.websocket)
        mailboxes.abandon_upgrade(box.connection_id, box.websocket)


def _take_slot(values: Settings) -> int | None:
    """Take one of the slots for GETs that wait long. Returns None if no free one is found."""
    now_ms, most = ports().clock.now_ms(), values.polls_at_once
    until_ms = now_ms + mailboxes.LEASE_MS
    for number in secrets.SystemRandom().sample(range(most), min(most, SLOTS_TRIED)):
        if mailboxes.take_slot(number, now_ms, until_ms):
            return number
    return None
