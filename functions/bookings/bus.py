"""What the booking product puts on the stack's bus, for a team's own systems."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from functions.bookings import rows
from functions.bookings.product import bookings
from functions.bookings.rows import Booking, Message
from functions.bookings.state import Status
from shared.aws.bus_events import BusEvent, Happened
from shared.aws.streams import Row
from shared.pipeline.payloads import one_of

SentStatus = Annotated[str, one_of(*Status)]


class BookingEvent(BusEvent, frozen=True):
    """What all events about a booking have.

    ``partnerId``: the partner who has the booking, or null.
    ``amount``: the price.
    ``scheduledAt``: ISO 8601.
    """

    booking_id: str
    booking_number: str
    customer_id: str
    partner_id: str | None
    service: str
    scheduled_at: str
    amount: float
    status: SentStatus


class CreatedBooking(BookingEvent, frozen=True):
    """A new booking."""

    type = "booking.created"


class ChangedBooking(BookingEvent, frozen=True):
    """A booking that has changed.

    ``previousStatus``: the status before; the same as ``status`` if something else has changed.
    """

    type = "booking.updated"
    previous_status: SentStatus


class BookingMessage(BusEvent, frozen=True):
    """A message between a customer and a partner.

    ``bookingId``: the booking that the message is about, or null.
    """

    type = "message.sent"
    product: Literal["bookings"]
    message_id: str
    sender_id: str
    recipient_id: str
    booking_id: str | None


@bookings.publishes("bookings", CreatedBooking, ChangedBooking)
def of_booking(before: Row, after: Row) -> Iterator[Happened]:
    """Yield that a booking has been created or has changed."""
    if not rows.has_news(before, after):
        return
    now = Booking.from_raw_data(dict(after or {}))
    about: dict[str, Any] = {
        "booking_id": now.booking_id,
        "booking_number": now.booking_number or "",
        "customer_id": now.customer_id,
        "partner_id": now.partner_id,
        "service": now.service or "",
        "scheduled_at": now.scheduled_at or "",
        "amount": now.amount,
        "status": now.status,
    }
    if rows.is_created(before):
        previous = Booking.from_raw_data(dict(before or {})).status or ""
        yield Happened(ChangedBooking(**about, previous_status=previous), now.updated_at)
    else:
        yield Happened(CreatedBooking(**about), now.updated_at)


@bookings.publishes("booking_messages", BookingMessage)
def of_message(_: Row, after: Row) -> Iterator[Happened]:
    """Yield that a message has been sent."""
    row = Message.from_raw_data(dict(after or {}))
    sent = BookingMessage(
        "bookings", row.message_id, row.sender_id, row.recipient_id, row.booking_id
    )
    yield Happened(sent, row.created_at)
