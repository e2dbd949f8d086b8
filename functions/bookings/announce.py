"""The events that a transition sends: to all connections of the customer, and to the partners whom
it concerns.

The connections that track a booking are connections of its customer, so no connection receives an
event twice. Admins receive their events from ``stream``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from functions.bookings import store
from functions.bookings.events import (
    Cancelled,
    NewRequest,
    PartnerAssigned,
    PartnerDetails,
    StatusUpdated,
)
from functions.bookings.namespaces import CUSTOMER, PARTNER
from functions.bookings.rows import Booking
from functions.bookings.state import MESSAGES, Status, Trigger
from functions.bookings.store import Move, Moved
from shared import times
from shared.aws.parallel import together
from shared.identity import accounts
from shared.pipeline.context import Background
from shared.realtime import people
from shared.realtime.address import Address, Delivery

REASSIGNED = "Assigned to another partner"


def announce(background: Background, moved: Moved, *, reported: bool = False) -> bool:
    """Send the events of a transition, each once. Returns whether a status was sent.

    reported: whether the backend has reported the transition. Then the events are those that are
    still true of the booking as it is now: a later transition sends its own.
    """
    booking, move = moved
    partner_ids = [id_ for id_ in (booking.partner_id, move.partner_id) if id_ is not None]
    reads: list[Callable[[], Any]] = [
        partial(_addresses, namespace, person_id)
        for namespace, person_id in [
            (CUSTOMER.path, booking.customer_id or ""),
            *((PARTNER.path, partner_id) for partner_id in partner_ids),
        ]
    ]
    if reported:
        reads.append(partial(store.find, booking.booking_id))
    found = together(reads)
    now: Booking | None = found.pop() if reported else None
    customer, partners = found[0], dict(zip(partner_ids, found[1:], strict=True))
    deliveries = []
    changed = move.status is not booking.state and (now is None or now.moved_by[-1:] == [move.by])
    if changed:
        deliveries.append(_status(booking.booking_id, move.status).to(customer))
    if move.trigger is Trigger.ASSIGN and move.partner_id and _has_it(now, move.partner_id):
        deliveries += _assignment(booking, move.partner_id, customer, partners[move.partner_id])
    if booking.partner_id and _is_taken_away(moved):
        deliveries.append(_cancellation(booking, move).to(partners[booking.partner_id]))
    background.emit(*deliveries)
    return changed


def announce_status(background: Background, booking: Booking) -> None:
    """Send the status that a booking has to its customer."""
    customer = _addresses(CUSTOMER.path, booking.customer_id or "")
    background.emit(_status(booking.booking_id, booking.state).to(customer))


def _status(booking_id: str, status: Status) -> StatusUpdated:
    return StatusUpdated(booking_id, status.value, MESSAGES[status])


def _has_it(now: Booking | None, partner_id: str) -> bool:
    """Return whether the partner has the booking still, as far as that is known."""
    return now is None or (now.partner_id == partner_id and not now.final)


def _is_taken_away(moved: Moved) -> bool:
    """Return whether the partner loses the booking without having rejected or completed it."""
    return moved.move.status is Status.CANCELLED or moved.move.trigger is Trigger.ASSIGN


def _addresses(namespace: str, person_id: str) -> list[Address]:
    return people.get(namespace, person_id).addresses


def _assignment(
    booking: Booking, partner_id: str, customer: list[Address], partner: list[Address]
) -> list[Delivery]:
    """Return the events of an assignment for the partner and the customer."""
    request = NewRequest(
        booking_id=booking.booking_id,
        booking_number=booking.booking_number or "",
        service=booking.service or "",
        scheduled_at=booking.scheduled_at or "",
        address=booking.address or "",
        amount=booking.amount,
    )
    account = accounts.get(partner_id)
    details = PartnerDetails(
        id=partner_id,
        name=account.name if account else partner_id,
        profile=account.profile if account else None,
        about=account.about if account else None,
    )
    return [
        request.to(partner),
        PartnerAssigned(booking.booking_id, details).to(customer),
    ]


def _cancellation(booking: Booking, move: Move) -> Cancelled:
    """Return the event for the partner who loses the booking."""
    reason = REASSIGNED if move.trigger is Trigger.ASSIGN else move.reason
    return Cancelled(booking.booking_id, reason, times.iso(move.at_ms))
