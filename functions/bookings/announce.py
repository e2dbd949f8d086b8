"""The events that a transition sends: to all connections of the customer, and to the partners whom
it concerns.

The write that makes a transition records it as unannounced; when its events have been sent, another
write deletes the record. A transition that finds such a record leaves its own events to the process
that sends those: so the parties of a booking receive all events in the order of its transitions,
each once. ``unannounced`` finds what is left over by a process that has died.

The connections that track a booking are connections of its customer, so no connection receives an
event twice. Admins receive their events from ``stream``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from functions.bookings import moves, store
from functions.bookings.events import (
    Cancelled,
    NewRequest,
    PartnerAssigned,
    PartnerDetails,
    StatusUpdated,
)
from functions.bookings.moves import Move, Moved, Unannounced
from functions.bookings.namespaces import CUSTOMER, PARTNER
from functions.bookings.rows import Booking
from functions.bookings.state import MESSAGES, Status, Trigger
from shared import times
from shared.aws.log import logger
from shared.aws.parallel import together
from shared.identity import accounts
from shared.pipeline.context import Background
from shared.realtime import people
from shared.realtime.address import Address, Delivery

REASSIGNED = "Assigned to another partner"


def announce(background: Background, moved: Moved) -> None:
    """Send the events of a transition that has just been made, if no other process does.

    A failure does not undo the transition. It is logged, and the sweep sends the events.
    """
    if moved.left_to_another:
        return
    try:
        announce_all(background, moved.booking, [*moved.overdue, moved.unannounced])
    except Exception:  # noqa: BLE001 - whatever it is, the transition stands
        logger.exception("transition not announced", extra={"booking_id": moved.booking.booking_id})


def announce_all(background: Background, booking: Booking, left: Sequence[Unannounced]) -> None:
    """Send the events of a booking's transitions in order, and then of those made meanwhile.

    booking: as it was at any time.
    """
    for _ in range(store.ROUNDS):
        if not left:
            return
        made = left[0]
        missed = background.emit.tell(*_events(booking, made)).missed
        booking = store.record_announced(booking.booking_id, made, missed)
        left = [one for one in moves.unannounced(booking) if not one.only]


def announce_missed(background: Background, booking: Booking, made: Unannounced) -> None:
    """Send the events of the last transition again to the connections that have missed them.

    A later transition has sent events of its own, which are newer.
    """
    last = booking.moved_by[-1:] == [made.move.by]
    missed = background.emit.tell(*_events(booking, made)).missed if last else ()
    store.record_announced(booking.booking_id, made, missed)


def _events(booking: Booking, made: Unannounced) -> list[Delivery]:
    """Return the events of a transition, for those of its parties who have not received them."""
    move, before = made.move, made.partner_before
    wanted = [(CUSTOMER.path, booking.customer_id or "")]
    wanted += [(PARTNER.path, one) for one in (move.partner_id, before) if one]
    addresses = together(partial(_addresses, made, *one) for one in wanted)
    of = dict(zip(wanted, addresses, strict=True))
    customer = of[wanted[0]]
    deliveries = []
    if move.status is not made.before:
        deliveries.append(status_event(booking.booking_id, move.status).to(customer))
    if move.partner_id:
        deliveries.append(offer(booking).to(of[PARTNER.path, move.partner_id]))
        deliveries.append(assignment(booking, move.partner_id).to(customer))
    if before and _is_taken_away(move):
        deliveries.append(_cancellation(booking.booking_id, move).to(of[PARTNER.path, before]))
    return deliveries


def _addresses(made: Unannounced, namespace: str, person_id: str) -> list[Address]:
    """Return the addresses of a person that have not received the events of a transition."""
    found = people.get(namespace, person_id).addresses
    return [one for one in found if not made.only or one.connection_id in made.only]


def _is_taken_away(move: Move) -> bool:
    """Return whether the partner loses the booking without having rejected or completed it."""
    return move.status is Status.CANCELLED or move.trigger is Trigger.ASSIGN


def status_event(booking_id: str, status: Status) -> StatusUpdated:
    """Return the event that tells the customer the status of a booking."""
    return StatusUpdated(booking_id, status.value, MESSAGES[status])


def offer(booking: Booking) -> NewRequest:
    """Return the event for the partner who gets the booking."""
    return NewRequest(
        booking_id=booking.booking_id,
        booking_number=booking.booking_number or "",
        service=booking.service or "",
        scheduled_at=booking.scheduled_at or "",
        address=booking.address or "",
        amount=booking.amount,
    )


def assignment(booking: Booking, partner_id: str) -> PartnerAssigned:
    """Return the event that tells the customer who the partner is."""
    account = accounts.get(partner_id)
    details = PartnerDetails(
        id=partner_id,
        name=account.name if account else partner_id,
        profile=account.profile if account else None,
        about=account.about if account else None,
    )
    return PartnerAssigned(booking.booking_id, details)


def _cancellation(booking_id: str, move: Move) -> Cancelled:
    """Return the event for the partner who loses the booking."""
    reason = REASSIGNED if move.trigger is Trigger.ASSIGN else move.reason
    return Cancelled(booking_id, reason, times.iso(move.at_ms))
