"""The conditional writes behind the transitions of a booking.

The booking's row decides every transition. The partner's row lists the partner's bookings too, and
changes with the booking's row in one transaction, so that a location update reads no booking.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from pynamodb.exceptions import PynamoDBException
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from functions.bookings.events import Created
from functions.bookings.moves import Move, Moved, Unannounced, unannounced
from functions.bookings.rows import Booking, Partner, Tracker, WaitingStatus
from functions.bookings.state import FINAL, Status, Trigger, can_become
from shared.aws.event_order import is_older
from shared.aws.tables import Transaction, transact_if
from shared.protocol import json
from shared.settings import settings

ROUNDS = 16
"""How often a write is attempted. After a refusal it is decided again on the row as it is then."""

MAX_EARLY_EVENTS = 20
"""How many events may wait for a booking that has not been created."""

MAX_WAITING = 20
"""How many statuses may wait on a booking. If there are more, the oldest are dropped."""

MAX_MOVES = 5
"""How many ids ``Booking.moved_by`` and ``moved_in`` keep: from an accept to the end of the
booking. A frame is delivered again soon or not at all."""

ATTEMPT_DIGITS = 8
"""How many hex digits distinguish the attempts to write a transition of one booking."""


def find(booking_id: str) -> Booking | None:
    """Return the booking, strongly consistent.

    Returns None if there is no row, or the row has only events that wait for the booking.
    """
    try:
        booking = Booking.get(booking_id, consistent_read=True)
    except Booking.DoesNotExist:
        return None
    return booking if booking.customer_id else None


def partner(partner_id: str) -> Partner:
    """Return the row, strongly consistent. Returns an empty one if the partner has none."""
    try:
        return Partner.get(partner_id, consistent_read=True)
    except Partner.DoesNotExist:
        return Partner(partner_id)


def create(event: Created, at_ms: int, now_ms: int) -> Booking:
    """Create the booking if it does not exist, and return it. Idempotent.

    at_ms: when the backend says that it was created, epoch milliseconds.
    """
    booking = Booking(event.booking_id)
    actions: list[Action] = [
        Booking.booking_number.set(event.booking_number),
        Booking.customer_id.set(event.customer_id),
        Booking.service.set(event.service),
        Booking.scheduled_at.set(event.scheduled_at),
        Booking.address.set(event.address),
        Booking.amount.set(event.amount),
        Booking.status.set(Status.PENDING.value),
        Booking.version.set(1),
        Booking.created_at.set(at_ms),
        Booking.updated_at.set(now_ms),
    ]
    if not booking.update_if(actions, Booking.customer_id.does_not_exist()):
        return Booking.get(event.booking_id, consistent_read=True)
    return booking


def keep_early(booking_id: str, text: str) -> bool:
    """Keep an event until its booking is created. Returns False if the booking exists.

    Raises ``RuntimeError`` if ``MAX_EARLY_EVENTS`` wait already, for a booking that never comes.
    """
    early: Any = Booking.early
    kept = Booking(booking_id).update_if(
        [early.set((early | []).append([text]))],
        Booking.customer_id.does_not_exist()
        & (
            early.does_not_exist() | (~early[MAX_EARLY_EVENTS - 1].exists() & ~early.contains(text))
        ),
    )
    if kept:
        return True
    row = Booking.get(booking_id, consistent_read=True)
    if row.customer_id:
        return False
    if text not in row.early:
        raise RuntimeError(f"too many events for booking {booking_id}, which does not exist")
    return True


def forget_early(booking_id: str) -> None:
    """Delete the events that have waited for a booking. Idempotent."""
    Booking(booking_id).update([Booking.early.remove()])


def move(
    booking_id: str,
    decide: Callable[[Booking | None], Move | None],
    known: Booking | None = None,
) -> Moved | None:
    """Make the transition that ``decide`` returns for the booking's row.

    Returns None if ``decide`` returns None or the booking does not exist. What ``decide`` raises is
    passed on.

    known: the booking, if it has just been read.
    """
    moved: Moved | None = None
    for _ in range(ROUNDS):
        booking, known = known or find(booking_id), None
        if moved and booking and moved.move.attempt in booking.moved_in:
            return moved  # the write happened; only its answer was lost
        decided = decide(booking)
        if booking is None or decided is None:
            return None
        unique = uuid.uuid4().hex
        decided = decided._replace(by=decided.by or unique, attempt=unique[:ATTEMPT_DIGITS])
        left = [one for one in unannounced(booking) if not one.only]
        since_ms = decided.at_ms - settings().unannounced_seconds * 1000
        others = [one for one in left if one.move.at_ms > since_ms]
        moved = Moved(booking, decided, bool(others), () if others else tuple(left))
        also = Booking.unannounced.contains(others[-1].text) if others else None
        try:
            if _commit(
                booking,
                _booking_actions(booking, decided),
                _partner_actions(booking, decided),
                also,
            ):
                return moved
        except PynamoDBException:
            if not _has_moved(booking_id, decided):
                raise
            return moved
    raise RuntimeError(f"booking {booking_id} cannot change its status")


def _has_moved(booking_id: str, move: Move) -> bool:
    """Return whether a transition has been made, though the answer of its write has not come."""
    booking = find(booking_id)
    return booking is not None and move.attempt in booking.moved_in


def may_still_apply(
    waiting: WaitingStatus, status: Status, stamps: dict[str, int], assigned_at: float
) -> bool:
    """Return whether a reported status may be the newest of a booking, now or later.

    status, stamps, assigned_at: the booking's, as they are or will be. A status from before the
    current assignment was meant for the partner before; a cancellation is for good.
    """
    known = [stamps.get("status", 0)]
    if waiting.status is not Status.CANCELLED:
        known.append(int(assigned_at))
    return can_become(status, waiting.status) and not any(
        is_older(waiting.at_ms, one) for one in known
    )


def let_wait(booking: Booking, waiting: WaitingStatus) -> bool:
    """Keep a status that the booking cannot have yet.

    Returns False if the booking has changed since it was read. If the booking has this status, only
    its time is recorded.
    """
    if booking.state is waiting.status:
        stamps = Booking.stamps.set(booking.stamps | {"status": waiting.at_ms})
        return _commit(booking, [stamps], {})
    texts = [*(booking.waiting or ()), waiting.text]
    texts.sort(key=lambda text: WaitingStatus.of(text).at_ms)
    return _commit(booking, [Booking.waiting.set(texts[-MAX_WAITING:])], {})


def record_announced(booking_id: str, made: Unannounced, missed: Sequence[str] = ()) -> Booking:
    """Record that the events of a transition have been sent; return the booking as it is then.

    Idempotent.

    missed: the connections that have not received them, which are recorded instead.
    """
    try:
        return _record_announced(booking_id, made, missed)
    except PynamoDBException:  # if it is not recorded, the sweep sends the events again
        return _record_announced(booking_id, made, missed)


def _record_announced(booking_id: str, made: Unannounced, missed: Sequence[str]) -> Booking:
    booking = Booking(booking_id)
    left = made._replace(only=tuple(missed))
    if missed:
        booking.update([Booking.unannounced.add({left.text})])
    if not missed or left != made:
        booking.update([Booking.unannounced.delete({made.text})])
    return booking


def revise(booking: Booking, fields: dict[str, Any], stamps: dict[str, int], now_ms: int) -> bool:
    """Change fields other than the status. Returns False if the booking has changed meanwhile.

    stamps: for each field, when the backend says that it got its value, epoch milliseconds.
    """
    actions = [getattr(Booking, name).set(value) for name, value in fields.items()]
    actions.append(Booking.stamps.set(booking.stamps | stamps))
    if fields:
        actions.append(Booking.updated_at.set(max(now_ms, int(booking.updated_at) + 1)))
    return _commit(booking, actions, {})


def set_trackers(
    booking: Booking, add: set[Tracker], drop: set[Tracker], untracked: set[Tracker]
) -> bool:
    """Add and drop trackers of a booking, and of its partner if the booking is active.

    Returns False if the booking has changed meanwhile.

    untracked: the new value of ``Booking.untracked``.
    """
    # An expression may name an attribute only once, so the booking gets a whole new set.
    added, dropped = _texts(add), _texts(drop)
    on_booking = [
        attribute.set(texts) if texts else attribute.remove()
        for attribute, texts in (
            (Booking.trackers, (set(booking.trackers or ()) - dropped) | added),
            (Booking.untracked, _texts(untracked)),
        )
    ]
    on_partners: dict[str, list[Action]] = {}
    if booking.active and booking.partner_id:
        if dropped:
            Partner(booking.partner_id).update([Partner.trackers.delete(dropped)])
        if added:
            on_partners[booking.partner_id] = [Partner.trackers.add(added)]
    return _commit(booking, on_booking, on_partners)


def _texts(trackers: set[Tracker]) -> set[str]:
    return {one.text for one in trackers}


def _booking_actions(booking: Booking, decided: Move) -> list[Action]:
    """Return what a transition changes on the booking's row."""
    actions: list[Action] = [
        Booking.status.set(decided.status.value),
        Booking.updated_at.set(max(decided.at_ms, int(booking.updated_at) + 1)),
        Booking.moved_by.set([*booking.moved_by, decided.by][-MAX_MOVES:]),
        Booking.moved_in.set([*booking.moved_in, decided.attempt][-MAX_MOVES:]),
        Booking.unannounced.add({Moved(booking, decided).unannounced.text}),
    ]
    if decided.partner_id:
        actions += [
            Booking.partner_id.set(decided.partner_id),
            Booking.assigned_to.set(decided.partner_id),
            Booking.assigned_at.set(decided.happened_at_ms or decided.at_ms),
        ]
    elif decided.happened_at_ms is not None:
        actions.append(Booking.stamps.set(booking.stamps | {"status": decided.happened_at_ms}))
    if decided.trigger is Trigger.REJECT:
        actions.append(Booking.partner_id.remove())
    if decided.reason is not None:
        actions.append(Booking.reason.set(decided.reason))
    if booking.waiting:
        actions.append(_waiting_after(booking, decided))
    return actions


def _waiting_after(booking: Booking, decided: Move) -> Action:
    """Return the change of the statuses that wait: those that may still apply stay."""
    stamps, assigned_at = booking.stamps, booking.assigned_at
    if decided.partner_id:
        assigned_at = decided.happened_at_ms or decided.at_ms
    elif decided.happened_at_ms is not None:
        stamps = stamps | {"status": decided.happened_at_ms}
    texts = []
    for text in booking.waiting:
        waiting = WaitingStatus.of(text)
        stays = may_still_apply(waiting, decided.status, stamps, assigned_at)
        if waiting.by != decided.by and stays:
            texts.append(text)
    action: Action = Booking.waiting.set(texts) if texts else Booking.waiting.remove()
    return action


def _partner_actions(booking: Booking, decided: Move) -> dict[str, list[Action]]:
    """Return what a transition changes on the rows of partners, by the partner's id."""
    entry, trackers = {open_entry(booking)}, set(booking.trackers or ())
    current = booking.partner_id
    loses = decided.trigger in {Trigger.ASSIGN, Trigger.REJECT} or decided.status in FINAL
    changes: dict[str, list[Action]] = {}
    if current and loses:
        changes[current] = [Partner.open.delete(entry), Partner.active.delete({booking.booking_id})]
        if trackers:
            changes[current].append(Partner.trackers.delete(trackers))
    if decided.partner_id:
        changes[decided.partner_id] = [Partner.open.add(entry)]
    if current and decided.trigger is Trigger.ACCEPT:
        changes[current] = [Partner.active.add({booking.booking_id})]
        if trackers:
            changes[current].append(Partner.trackers.add(trackers))
    return changes


def open_entry(booking: Booking) -> str:
    """Return the entry of a booking in ``Partner.open``."""
    return json.dumps([booking.booking_id, booking.customer_id])


def _commit(
    booking: Booking,
    actions: list[Action],
    on_partners: dict[str, list[Action]],
    also: Condition | None = None,
) -> bool:
    """Write to a booking and to partners in one transaction.

    Returns False, and writes nothing, if the booking has changed since it was read, or the
    condition ``also`` does not hold.
    """
    unchanged: Condition = Booking.version == int(booking.version)
    if also is not None:
        unchanged &= also
    actions = [*actions, Booking.version.set(int(booking.version) + 1)]
    if not on_partners:
        return Booking(booking.booking_id).update_if(actions, unchanged)

    def add_items(transaction: Transaction) -> None:
        transaction.update(
            "booking", Booking(booking.booking_id), actions=actions, condition=unchanged
        )
        for partner_id, changes in on_partners.items():
            transaction.update("partner", Partner(partner_id), actions=changes)

    return transact_if(add_items)
