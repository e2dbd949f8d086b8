"""What the product answers over HTTP."""

from __future__ import annotations

import msgspec

from functions.bookings import booking_list, store
from functions.bookings.namespaces import CUSTOMER, PARTNER
from functions.bookings.product import bookings
from functions.bookings.rows import Booking
from functions.bookings.state import Status
from shared import times
from shared.pipeline import paging
from shared.pipeline.authentication import require_admin, require_role
from shared.pipeline.deployment import Access
from shared.pipeline.http import HttpError, HttpRequest
from shared.pipeline.paging import Items
from shared.pipeline.routes import Parameter

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


class Bookings(Items[BookingDetails], frozen=True):
    """A page of bookings, newest first."""


@bookings.route(
    "GET /bookings",
    query={
        **paging.QUERY,
        "cursor": booking_list.CURSOR,
        "status": Parameter("Only those with this status", Status),
    },
    errors=(403,),
    access=Access(
        {"bookings": "BatchGetItem", "bookings/customer": "Query", "bookings/partner": "Query"}
    ),
)
def own_bookings(request: HttpRequest) -> Bookings:
    """Return the bookings of the customer or the partner who asks, newest first. With `status`, a
    page looks at up to 100 bookings, and so may be short although another page follows."""
    require_role(request.identity, *PARTIES)
    party, person_id = PARTIES[request.identity.role], request.identity.account_id
    page, status = paging.read(request.query), request.choice("status", Status)
    before = None if page.before is None else booking_list.Key.of(page.before)
    if page.before is not None and before is None:
        raise HttpError(400, paging.NOT_OURS)
    most = page.rows if status is None else paging.MOST
    keys = booking_list.keys(party, person_id, most, before)
    rows = booking_list.bookings(party, person_id, keys)
    matching = [key for key in keys if key in rows and status in (None, rows[key].state)]
    held, cursor = paging.cut(page, matching, lambda key: key.text)
    if cursor is None and len(keys) == most:  # older bookings may match, too
        cursor = paging.cursor(keys[-1].text)
    return Bookings([shown(rows[key]) for key in held], cursor)


@bookings.route("GET /bookings/{id}", errors=(403, 404), access=Access({"bookings": "GetItem"}))
def booking(request: HttpRequest) -> BookingDetails:
    """Return a booking, for its customer, its partner and admins. For other people, a booking that
    exists is answered like one that does not."""
    identity = request.identity
    found = store.find(request.id)
    party = PARTIES.get(identity.role)
    if not (found and party and found.is_party(party, identity.account_id)):
        require_admin(identity)
    if found is None:
        raise HttpError(404, "There is no such booking")
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
