"""Whom a transition is told: the customer on all connections, and the partners it concerns. Those
who track a booking are among the customer's connections, so nobody is told twice. Admins are told
by the stream."""

from __future__ import annotations

from functools import partial

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


def announce(background: Background, moved: Moved) -> None:
    """Send a transition's events, each once."""
    booking, move = moved
    concerned = [one for one in (booking.partner_id, move.partner_id) if one is not None]
    found = together(
        partial(_addresses, namespace, person_id)
        for namespace, person_id in [
            (CUSTOMER.path, booking.customer_id or ""),
            *((PARTNER.path, one) for one in concerned),
        ]
    )
    customer, partners = found[0], dict(zip(concerned, found[1:], strict=True))
    deliveries = []
    if move.status is not booking.state:
        changed = StatusUpdated(booking.booking_id, move.status.value, MESSAGES[move.status])
        deliveries.append(changed.to(customer))
    if move.trigger is Trigger.ASSIGN and move.partner_id:
        deliveries += _assigned(booking, move.partner_id, customer, partners[move.partner_id])
    if booking.partner_id and _lost(moved):
        deliveries.append(_cancelled(booking, move).to(partners[booking.partner_id]))
    background.emit(*deliveries)


def _lost(moved: Moved) -> bool:
    """Whether the partner who had it has not given it up by themselves."""
    return moved.move.status is Status.CANCELLED or moved.move.trigger is Trigger.ASSIGN


def _addresses(namespace: str, person_id: str) -> list[Address]:
    return people.get(namespace, person_id).addresses


def _assigned(
    booking: Booking, partner_id: str, customer: list[Address], partner: list[Address]
) -> list[Delivery]:
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


def _cancelled(booking: Booking, move: Move) -> Cancelled:
    reason = REASSIGNED if move.trigger is Trigger.ASSIGN else move.reason
    return Cancelled(booking.booking_id, reason, times.iso(move.at_ms))
