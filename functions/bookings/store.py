"""The conditional writes that move a booking on.

The booking's row decides every transition. What a partner is on stands on the partner's row too and
changes with it, in one transaction, so that a location needs no look at any booking.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

from pynamodb.expressions.update import Action

from functions.bookings.events import Created
from functions.bookings.rows import Booking, Partner, Tracker
from functions.bookings.state import FINAL, Status, Trigger
from shared.aws.tables import Transaction, TransactionRefused, transact
from shared.protocol import json

ROUNDS = 16
"""A write that somebody overtook is decided again on the row as it is then."""

MOST_EARLY = 20

MOST_MOVES = 5
"""From an accept to the end. The same frame comes again soon, or not at all."""


class Move(NamedTuple):
    """A transition. ``by``: the message that asks for it, or anything unique. ``partner_id``: of an
    assignment; ``told_at_ms``: when the backend says that it happened, where it says so."""

    trigger: Trigger
    status: Status
    at_ms: int
    by: str = ""
    partner_id: str | None = None
    reason: str | None = None
    told_at_ms: int | None = None


class Moved(NamedTuple):
    """A transition that has happened, and the booking as it was before."""

    booking: Booking
    move: Move


def find(booking_id: str) -> Booking | None:
    """The row, strongly consistent; None where there is none, or nothing on it but early events."""
    try:
        booking = Booking.get(booking_id, consistent_read=True)
    except Booking.DoesNotExist:
        return None
    return booking if booking.customer_id else None


def partner(partner_id: str) -> Partner:
    """The row, strongly consistent; an empty one for somebody who never had a booking."""
    try:
        return Partner.get(partner_id, consistent_read=True)
    except Partner.DoesNotExist:
        return Partner(partner_id)


def create(event: Created, at_ms: int, now_ms: int) -> Booking:
    """The booking, made now if it was not there."""
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
    """Keep an event until its booking is there; False where it is. Raises where there are too many
    for a booking that never comes."""
    early: Any = Booking.early
    kept = Booking(booking_id).update_if(
        [early.set((early | []).append([text]))],
        Booking.customer_id.does_not_exist()
        & (early.does_not_exist() | ~early[MOST_EARLY - 1].exists()),
    )
    if not kept and find(booking_id) is None:
        raise RuntimeError(f"too many events for booking {booking_id}, which is not there")
    return kept


def forget_early(booking_id: str) -> None:
    Booking(booking_id).update([Booking.early.remove()])


def move(booking_id: str, decide: Callable[[Booking | None], Move | None]) -> Moved | None:
    """Move a booking as ``decide`` says of its row, which may raise; None where it says nothing."""
    moved: Moved | None = None
    for _ in range(ROUNDS):
        booking = find(booking_id)
        if moved and booking and moved.move.by in booking.moved_by:
            return moved  # it was written, only the answer was lost
        decided = decide(booking)
        if booking is None or decided is None:
            return None
        moved = Moved(booking, decided._replace(by=decided.by or uuid.uuid4().hex))
        if _commit(booking, _moving(*moved), _on_partners(*moved)):
            return moved
    raise RuntimeError(f"booking {booking_id} cannot be moved on")


def revise(booking: Booking, fields: dict[str, Any], stamps: dict[str, int], now_ms: int) -> bool:
    """Change what is not the status; False where the booking has changed meanwhile."""
    actions = [getattr(Booking, name).set(value) for name, value in fields.items()]
    actions.append(Booking.stamps.set(booking.stamps | stamps))
    if fields:
        actions.append(Booking.updated_at.set(max(now_ms, int(booking.updated_at) + 1)))
    return _commit(booking, actions, {})


def set_trackers(booking: Booking, add: set[Tracker], drop: set[Tracker]) -> bool:
    """Change who tracks a booking, on its partner's row too while that is on it. False where the
    booking has changed meanwhile."""
    # One expression names an attribute once, so what goes and what comes is one new set.
    comes, goes = _texts(add), _texts(drop)
    trackers = (set(booking.trackers or ()) - goes) | comes
    on_booking = [Booking.trackers.set(trackers) if trackers else Booking.trackers.remove()]
    on_partners: dict[str, list[Action]] = {}
    if booking.active and booking.partner_id:
        if goes:
            Partner(booking.partner_id).update([Partner.trackers.delete(goes)])
        if comes:
            on_partners[booking.partner_id] = [Partner.trackers.add(comes)]
    return _commit(booking, on_booking, on_partners)


def _texts(trackers: set[Tracker]) -> set[str]:
    return {one.text for one in trackers}


def _moving(booking: Booking, decided: Move) -> list[Action]:
    actions: list[Action] = [
        Booking.status.set(decided.status.value),
        Booking.updated_at.set(max(decided.at_ms, int(booking.updated_at) + 1)),
        Booking.moved_by.set([*booking.moved_by, decided.by][-MOST_MOVES:]),
    ]
    if decided.partner_id:
        actions += [
            Booking.partner_id.set(decided.partner_id),
            Booking.assigned_to.set(decided.partner_id),
            Booking.assigned_at.set(decided.told_at_ms or decided.at_ms),
        ]
    elif decided.told_at_ms is not None:
        actions.append(Booking.stamps.set(booking.stamps | {"status": decided.told_at_ms}))
    if decided.trigger is Trigger.REJECT:
        actions.append(Booking.partner_id.remove())
    if decided.reason is not None:
        actions.append(Booking.reason.set(decided.reason))
    return actions


def _on_partners(booking: Booking, decided: Move) -> dict[str, list[Action]]:
    """What a transition changes on partners' rows, by partner."""
    entry, trackers = {open_entry(booking)}, set(booking.trackers or ())
    mine = booking.partner_id
    changes: dict[str, list[Action]] = {}
    if mine and (decided.trigger in {Trigger.ASSIGN, Trigger.REJECT} or decided.status in FINAL):
        changes[mine] = [Partner.open.delete(entry), Partner.active.delete({booking.booking_id})]
        if trackers:
            changes[mine].append(Partner.trackers.delete(trackers))
    if decided.partner_id:
        changes[decided.partner_id] = [Partner.open.add(entry)]
    if mine and decided.trigger is Trigger.ACCEPT:
        changes[mine] = [Partner.active.add({booking.booking_id})]
        if trackers:
            changes[mine].append(Partner.trackers.add(trackers))
    return changes


def open_entry(booking: Booking) -> str:
    return json.dumps([booking.booking_id, booking.customer_id])


def _commit(booking: Booking, actions: list[Action], on_partners: dict[str, list[Action]]) -> bool:
    """Write, if the booking still is what it was; else False."""
    unchanged = Booking.version == int(booking.version)
    actions = [*actions, Booking.version.set(int(booking.version) + 1)]
    if not on_partners:
        return Booking(booking.booking_id).update_if(actions, unchanged)

    def add_items(transaction: Transaction) -> None:
        transaction.update(
            "booking", Booking(booking.booking_id), actions=actions, condition=unchanged
        )
        for partner_id, changes in on_partners.items():
            transaction.update("partner", Partner(partner_id), actions=changes)

    try:
        transact(add_items)
    except TransactionRefused:
        return False
    return True
