"""What the product answers over HTTP."""

from __future__ import annotations

import msgspec

from functions.bookings import store
from functions.bookings.namespaces import CUSTOMER, PARTNER
from functions.bookings.product import bookings
from functions.bookings.rows import Booking
from functions.bookings.state import Status
from shared import times
from shared.ids import is_id
from shared.pipeline.authentication import require_admin
from shared.pipeline.deployment import Access
from shared.pipeline.http import HttpError, HttpRequest

PARTIES = {CUSTOMER.role: CUSTOMER.path, PARTNER.role: PARTNER.path}


class BookingDetails(msgspec.Struct, frozen=True, rename="camel"):
    """A booking as its parties see it. Times are ISO 8601. ``partnerId``: null if no partner has
    it. ``reason``: why it was cancelled, null if it was not or if no reason was given."""

    booking_id: str
    booking_number: str
    customer_id: str
    partner_id: str | None
    service: str
    scheduled_at: str
    address: str
    amount: float
    status: Status
    reason: str | None
    created_at: str
    updated_at: str


@bookings.route("GET /bookings/{id}", errors=(403, 404), access=Access({"bookings": "GetItem"}))
def booking(request: HttpRequest) -> BookingDetails:
    """Return a booking, for its customer, its partner and admins."""
    identity = request.identity
    found = store.find(request.id) if is_id(request.id) else None
    if found is None:
        raise HttpError(404, "There is no such booking")
    party = PARTIES.get(identity.role)
    if party is None or not found.is_party(party, identity.account_id):
        require_admin(identity)
    return shown(found)


def shown(row: Booking) -> BookingDetails:
    """Return a booking's row as its parties see it."""
    return BookingDetails(
        booking_id=row.booking_id,
        booking_number=row.booking_number,
        customer_id=row.customer_id,
        partner_id=row.partner_id,
        service=row.service,
        scheduled_at=row.scheduled_at,
        address=row.address,
        amount=row.amount,
        status=row.state,
        reason=row.reason,
        created_at=times.iso(row.created_at),
        updated_at=times.iso(row.updated_at),
    )
