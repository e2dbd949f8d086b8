"""What has overtaken an event of a transition that reaches a device late.

A device that joins after the loss of another receives what that one has missed, perhaps behind the
events of later transitions.
"""

from __future__ import annotations

from typing import Any

from functions.bookings import announce, store
from functions.bookings.events import Cancelled, NewRequest, PartnerAssigned, StatusUpdated
from functions.bookings.namespaces import CUSTOMER, PARTNER
from functions.bookings.product import bookings
from functions.bookings.rows import Booking
from functions.bookings.state import Status
from shared import times
from shared.pipeline.deployment import Access
from shared.ports import Ports
from shared.realtime.sessions import Session

_MAY_READ = Access({"bookings": "GetItem"})


@bookings.overtakes(CUSTOMER.path, StatusUpdated.event, access=_MAY_READ)
def newer_status(_ports: Ports, _customer: Session, update: dict[str, Any]) -> StatusUpdated | None:
    """Return the event of the booking's status, if it has another one by now."""
    booking = store.find(update["bookingId"])
    if booking is None or booking.status == update["status"]:
        return None
    return announce.status_event(booking.booking_id, booking.state)


@bookings.overtakes(
    CUSTOMER.path, PartnerAssigned.event, access=_MAY_READ | Access({"accounts": "GetItem"})
)
def newer_partner(
    _ports: Ports, _customer: Session, assigned: dict[str, Any]
) -> PartnerAssigned | None:
    """Return the event of the booking's partner, if it has another one by now."""
    booking = store.find(assigned["bookingId"])
    if booking is None or booking.partner_id in (None, assigned["partner"]["_id"]):
        return None
    return announce.assignment(booking, booking.partner_id)


@bookings.overtakes(PARTNER.path, NewRequest.event, access=_MAY_READ)
def lost_again(_ports: Ports, partner: Session, request: dict[str, Any]) -> Cancelled | None:
    """Return the event of the loss of a booking that was offered to a partner."""
    booking = store.find(request["bookingId"])
    if booking is None or _has(booking, partner.person_id):
        return None
    return Cancelled(booking.booking_id, booking.reason, times.iso(int(booking.updated_at)))


@bookings.overtakes(PARTNER.path, Cancelled.event, access=_MAY_READ)
def offered_again(_ports: Ports, partner: Session, cancelled: dict[str, Any]) -> NewRequest | None:
    """Return the event of a booking that is offered again to a partner who had lost it."""
    booking = store.find(cancelled["bookingId"])
    return announce.offer(booking) if booking and _has(booking, partner.person_id) else None


def _has(booking: Booking, partner_id: str) -> bool:
    return booking.partner_id == partner_id and booking.state is not Status.CANCELLED
