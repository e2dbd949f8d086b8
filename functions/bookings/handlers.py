"""What customers and partners do with a booking: check, transition, emit."""

from __future__ import annotations

from functions.bookings import backend_events, location, messages, monitor, store
from functions.bookings.announce import announce
from functions.bookings.events import Cancel, Reject, StatusUpdate
from functions.bookings.namespaces import CUSTOMER, PARTNER
from functions.bookings.product import bookings
from functions.bookings.rows import Booking, Tracker
from functions.bookings.state import PARTNERS, Status, Trigger, after
from functions.bookings.store import Move
from shared.aws.retry import attempts
from shared.errors import Duplicate, Refusal
from shared.ids import Id
from shared.pipeline.context import Context

__all__ = ["backend_events", "bookings", "location", "messages", "monitor"]

BOOKING_REQUIRED = "bookingId is required"
NOT_FOUND = "Booking not found"
NO_LONGER_AVAILABLE = "Booking is no longer available"
NO_LONGER_CANCELLABLE = "Booking can no longer be cancelled"
WRONG_STATUS = "Booking cannot go from {} to {}"
_ORDER = list(Status)


def own(context: Context, booking: Booking | None) -> Booking:
    """The booking, if the asking person is its party. Somebody else's is refused as one that does
    not exist; a frame that has been handled before has its answer already."""
    if booking is not None and context.arrival.message_id in booking.moved_by:
        raise Duplicate
    me = context.session
    if booking is None or not booking.is_party(me.namespace, me.person_id):
        raise Refusal(NOT_FOUND)
    return booking


@bookings.on("booking:accept", namespaces=[PARTNER.path], payload=Id, missing=BOOKING_REQUIRED)
def accept(context: Context, booking_id: str) -> None:
    """The partner takes it on; from now on they can be tracked."""
    _move(context, booking_id, Trigger.ACCEPT, Status.PARTNER_ACCEPTED, refusal=NO_LONGER_AVAILABLE)


@bookings.on("booking:reject", namespaces=[PARTNER.path], payload=Reject)
def reject(context: Context, request: Reject) -> None:
    """It is nobody's again; the backend assigns somebody else."""
    _move(
        context,
        request.booking_id,
        Trigger.REJECT,
        None,
        refusal=NO_LONGER_AVAILABLE,
        reason=request.reason,
    )


@bookings.on("booking:cancel", namespaces=[CUSTOMER.path], payload=Cancel)
def cancel(context: Context, request: Cancel) -> None:
    """Possible until the work has begun."""
    _move(
        context,
        request.booking_id,
        Trigger.CANCEL,
        Status.CANCELLED,
        refusal=NO_LONGER_CANCELLABLE,
        reason=request.reason,
    )


@bookings.on("booking:status_update", namespaces=[PARTNER.path], payload=StatusUpdate)
def update_status(context: Context, request: StatusUpdate) -> None:
    """Forward only. One that needs what was sent just before, and has overtaken it, waits for it a
    moment: frames of one connection run in any order."""
    for _ in attempts():
        booking = own(context, store.find(request.booking_id))
        trigger = PARTNERS.get(request.status)
        ahead = _ORDER.index(request.status) > _ORDER.index(booking.state)
        possible = trigger is not None and after(booking.state, trigger) is not None
        if possible or not ahead or trigger is None:
            break
    refusal = WRONG_STATUS.format(booking.status, request.status.value)
    _move(context, request.booking_id, trigger, request.status, refusal=refusal)


def _move(
    context: Context,
    booking_id: str,
    trigger: Trigger | None,
    wanted: Status | None,
    *,
    refusal: str,
    reason: str | None = None,
) -> None:
    """Move an own booking and tell everybody; nothing happens where it is as ``wanted`` already."""

    def decide(found: Booking | None) -> Move | None:
        booking = own(context, found)
        if booking.state is wanted:
            return None
        status = after(booking.state, trigger) if trigger else None
        if trigger is None or status is None:
            raise Refusal(refusal)
        return Move(trigger, status, context.now_ms, context.arrival.message_id, reason=reason)

    moved = store.move(booking_id, decide)
    if moved:
        announce(context, moved)


@bookings.on("booking:track", namespaces=[CUSTOMER.path], payload=Id, missing=BOOKING_REQUIRED)
def track(context: Context, booking_id: str) -> None:
    """Send this connection where the partner is, while they are on the booking."""
    _track(context, booking_id, on=True)


@bookings.on("booking:untrack", namespaces=[CUSTOMER.path], payload=Id, missing=BOOKING_REQUIRED)
def untrack(context: Context, booking_id: str) -> None:
    """Send it no more."""
    _track(context, booking_id, on=False)


def _track(context: Context, booking_id: str, *, on: bool) -> None:
    """Change whether the asking session tracks an own booking. A frame that comes late changes
    nothing, while it tracks."""
    mine = location.tracker(context, booking_id)
    wanted = {mine} if on else set[Tracker]()
    for _ in range(store.ROUNDS):
        booking = own(context, store.find(booking_id))
        before = location.of_session(booking, mine)
        late = any(one.asked_ms > mine.asked_ms for one in before)
        if booking.final or before == wanted or late:
            return
        drop = before | (location.stale(booking) if on else set())
        if store.set_trackers(booking, wanted, drop):
            return
    raise RuntimeError(f"booking {booking_id} cannot be tracked")
