"""The statuses that the backend reports, in whatever order they arrive.

A status that the booking cannot have yet waits on the booking's row. Every transition, also one
that a customer or a partner makes, is followed by those that wait and have become possible. So the
booking ends in the newest status of those it can reach.
"""

from __future__ import annotations

from functools import partial

from functions.bookings import store
from functions.bookings.announce import announce
from functions.bookings.moves import Move, Moved
from functions.bookings.rows import Booking, WaitingStatus
from functions.bookings.state import BACKEND_TRIGGERS, Status, after
from shared.pipeline.context import Background


def finish(background: Background, moved: Moved) -> None:
    """Send the events of a transition that has just been made, and make those that have waited for
    it."""
    announce(background, moved)
    if moved.booking.waiting:
        apply_waiting(background, moved.booking.booking_id)


def reach(background: Background, booking_id: str, waiting: WaitingStatus) -> None:
    """Give a booking the status that a report has, or let the status wait. Idempotent."""
    for _ in range(store.ROUNDS):
        moved = store.move(booking_id, partial(_reported, waiting, background.now_ms))
        if moved:
            finish(background, moved)
            return
        booking = store.find(booking_id)
        if booking is None or not _is_news(booking, waiting):
            return
        possible = _move(waiting, background.now_ms, booking) is not None
        if not possible and store.let_wait(booking, waiting):
            return
    raise RuntimeError(f"booking {booking_id} cannot change its status")


def apply_waiting(background: Background, booking_id: str) -> None:
    """Make the transitions that wait and have become possible, the earliest first. Idempotent."""
    for _ in range(store.MAX_WAITING):
        moved = store.move(booking_id, partial(_next, background.now_ms))
        if moved is None:
            return
        announce(background, moved)


def _is_news(booking: Booking, waiting: WaitingStatus) -> bool:
    """Return whether a status changes the booking, now or later, and does not wait yet."""
    known = {WaitingStatus.of(text).by for text in booking.waiting or ()} | set(booking.moved_by)
    if waiting.by in known:
        return False
    if booking.state is waiting.status:
        # An older assignment may still arrive, which the partner has rejected already.
        stamp = booking.stamps.get("status", 0)
        return booking.state is Status.PENDING and waiting.at_ms > stamp
    return store.may_still_apply(waiting, booking.state, booking.stamps, booking.assigned_at)


def _reported(waiting: WaitingStatus, now_ms: int, booking: Booking | None) -> Move | None:
    if booking is None or not _is_news(booking, waiting):
        return None
    return _move(waiting, now_ms, booking)


def _next(now_ms: int, booking: Booking | None) -> Move | None:
    """Return the transition of the earliest status that waits and is possible."""
    found = [WaitingStatus.of(text) for text in (booking and booking.waiting) or ()]
    for waiting in sorted(found, key=lambda one: one.at_ms):
        move = _move(waiting, now_ms, booking) if booking else None
        if move:
            return move
    return None


def _move(waiting: WaitingStatus, now_ms: int, booking: Booking) -> Move | None:
    trigger = BACKEND_TRIGGERS[waiting.status]
    if after(booking.state, trigger) is None:
        return None
    return Move(
        trigger,
        waiting.status,
        now_ms,
        waiting.by,
        reason=waiting.reason,
        happened_at_ms=waiting.at_ms,
    )
