"""What customers and partners do with a booking: each handler checks, makes a transition, emits."""

from __future__ import annotations

from functions.bookings import (
    backend_events,
    bus,
    location,
    messages,
    monitor,
    overtaken,
    routes,
    statuses,
    store,
    unannounced,
)
from functions.bookings.events import Cancel, Reject, StatusUpdate
from functions.bookings.moves import Move
from functions.bookings.namespaces import CUSTOMER, PARTNER
from functions.bookings.product import bookings
from functions.bookings.rows import Booking, Tracker
from functions.bookings.state import PARTNER_TRIGGERS, Status, Trigger, after
from shared.aws.retry import attempts
from shared.errors import Duplicate, Refusal
from shared.ids import Id
from shared.pipeline.context import Context

__all__ = [
    "backend_events",
    "bookings",
    "bus",
    "location",
    "messages",
    "monitor",
    "overtaken",
    "routes",
    "unannounced",
]

BOOKING_REQUIRED = "bookingId is required"
NOT_FOUND = "Booking not found"
NO_LONGER_AVAILABLE = "Booking is no longer available"
NO_LONGER_CANCELLABLE = "Booking can no longer be cancelled"
WRONG_STATUS = "Booking cannot go from {} to {}"
_ORDER = list(Status)
"""The statuses in the order in which a booking goes through them."""


def require_party(context: Context, booking: Booking | None) -> Booking:
    """Return the booking, if the person who sent the frame is a party of it.

    Raises ``Refusal`` otherwise: a booking of other people is refused exactly as a booking that
    does not exist. Raises ``Duplicate`` if this frame has moved the booking before.
    """
    if booking is not None and context.arrival.message_id in booking.moved_by:
        raise Duplicate
    session = context.session
    if booking is None or not booking.is_party(session.namespace, session.person_id):
        raise Refusal(NOT_FOUND)
    return booking


@bookings.on(
    "booking:accept",
    namespaces=[PARTNER.path],
    payload=Id,
    preload=store.find,
    missing=BOOKING_REQUIRED,
    refusals=[NOT_FOUND, NO_LONGER_AVAILABLE],
)
def accept(context: Context, _booking_id: str) -> None:
    """Accept a booking that is offered to the partner. The payload is the booking's id. The
    customer receives ``booking:status_updated``, and from now on can track the partner's location;
    admins who monitor receive ``booking:updated``."""
    _move(
        context,
        context.preloaded,
        Trigger.ACCEPT,
        Status.PARTNER_ACCEPTED,
        refusal=NO_LONGER_AVAILABLE,
    )


@bookings.on(
    "booking:reject",
    namespaces=[PARTNER.path],
    payload=Reject,
    preload=lambda request: store.find(request.booking_id),
    refusals=[NOT_FOUND, NO_LONGER_AVAILABLE],
)
def reject(context: Context, request: Reject) -> None:
    """Reject a booking that is offered to the partner. It is ``PENDING`` again, so that the backend
    can assign another partner. The customer receives ``booking:status_updated``; admins who monitor
    receive ``booking:updated``."""
    _move(
        context,
        context.preloaded,
        Trigger.REJECT,
        None,
        refusal=NO_LONGER_AVAILABLE,
        reason=request.reason,
    )


@bookings.on(
    "booking:cancel",
    namespaces=[CUSTOMER.path],
    payload=Cancel,
    preload=lambda request: store.find(request.booking_id),
    refusals=[NOT_FOUND, NO_LONGER_CANCELLABLE],
)
def cancel(context: Context, request: Cancel) -> None:
    """Cancel a booking, which is possible until it is ``IN_PROGRESS``. The customer receives
    ``booking:status_updated`` on all connections; the partner, if one is assigned, receives
    ``booking:cancelled``; admins who monitor receive ``booking:updated``."""
    _move(
        context,
        context.preloaded,
        Trigger.CANCEL,
        Status.CANCELLED,
        refusal=NO_LONGER_CANCELLABLE,
        reason=request.reason,
    )


@bookings.on(
    "booking:status_update",
    namespaces=[PARTNER.path],
    payload=StatusUpdate,
    preload=lambda request: store.find(request.booking_id),
    refusals=[NOT_FOUND, WRONG_STATUS],
)
def update_status(context: Context, request: StatusUpdate) -> None:
    """Set how far the partner is with a booking they have accepted. Statuses may be skipped, but
    never go back; the same status again changes nothing. The customer receives
    ``booking:status_updated``; admins who monitor receive ``booking:updated``."""
    # The frames of one connection run in any order. A frame that has overtaken the one sent just
    # before, and needs its status, waits for it a moment.
    known: Booking | None = context.preloaded
    for _ in attempts():
        booking, known = require_party(context, known or store.find(request.booking_id)), None
        trigger = PARTNER_TRIGGERS.get(request.status)
        ahead = _ORDER.index(request.status) > _ORDER.index(booking.state)
        possible = trigger is not None and after(booking.state, trigger) is not None
        if possible or not ahead or trigger is None:
            break
    _move(context, booking, trigger, request.status, refusal=WRONG_STATUS)


def _move(
    context: Context,
    known: Booking | None,
    trigger: Trigger | None,
    wanted: Status | None,
    *,
    refusal: str,
    reason: str | None = None,
) -> None:
    """Make a transition of a booking, and send its events.

    Nothing happens if the booking has the status ``wanted`` already. Raises ``Refusal`` with the
    text ``refusal`` if the transition is not possible.

    known: the booking as it has just been read.
    refusal: may have places for the booking's status as it is then, and for ``wanted``.
    """

    def decide(found: Booking | None) -> Move | None:
        booking = require_party(context, found)
        if booking.state is wanted:
            return None
        status = after(booking.state, trigger) if trigger else None
        if trigger is None or status is None:
            raise Refusal(refusal.format(booking.status, wanted))
        return Move(trigger, status, context.now_ms, context.arrival.message_id, reason=reason)

    booking = require_party(context, known)
    moved = store.move(booking.booking_id, decide, booking)
    if moved:
        statuses.finish(context, moved)


@bookings.on(
    "booking:track",
    namespaces=[CUSTOMER.path],
    payload=Id,
    preload=store.find,
    missing=BOOKING_REQUIRED,
    refusals=[NOT_FOUND],
)
def track(context: Context, booking_id: str) -> None:
    """Track a booking with this connection. The payload is the booking's id. The connection
    receives ``partner:location_update`` from when the partner accepts the booking until it is
    over."""
    _set_tracking(context, booking_id, on=True)


@bookings.on(
    "booking:untrack",
    namespaces=[CUSTOMER.path],
    payload=Id,
    preload=store.find,
    missing=BOOKING_REQUIRED,
    refusals=[NOT_FOUND],
)
def untrack(context: Context, booking_id: str) -> None:
    """Stop tracking a booking with this connection. The payload is the booking's id. The connection
    no longer receives ``partner:location_update`` for it."""
    _set_tracking(context, booking_id, on=False)


def _set_tracking(context: Context, booking_id: str, *, on: bool) -> None:
    """Set whether the session tracks a booking. Idempotent.

    A frame changes nothing if a newer one of the session has been handled: the newest one to track
    is kept as a tracker, the newest one to untrack as a trace.
    """
    tracker = location.tracker(context, booking_id)
    wanted = {tracker} if on else set[Tracker]()
    known: Booking | None = context.preloaded
    for _ in range(store.ROUNDS):
        booking, known = require_party(context, known or store.find(booking_id)), None
        before = location.of_session(booking.trackers, tracker)
        traces = location.of_session(booking.untracked, tracker)
        overtaken = any(one.asked_ms > tracker.asked_ms for one in before | traces)
        if booking.final or overtaken or tracker in (before if on else traces):
            return
        drop = before | (location.ended_trackers(booking) if on else set())
        untracked = location.recent(booking.untracked, context.now_ms) - traces
        if not on:
            untracked.add(tracker)
        if store.set_trackers(booking, wanted, drop, untracked):
            return
    raise RuntimeError(f"booking {booking_id} cannot be tracked")
