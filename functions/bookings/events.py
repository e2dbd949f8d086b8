"""The events of ``/customer``, ``/partner`` and, about bookings, ``/admin``.

All times are ISO 8601. ``Inbound`` payloads come from clients, ``Outbound`` payloads go to clients,
and the others are reported by the team's backend.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from functions.bookings.state import BACKEND_TRIGGERS, PARTNER_TRIGGERS, Status
from shared.ids import Id
from shared.pipeline.payloads import Inbound, Outbound, Posted, one_of
from shared.wrong_values import worded

Reason = Annotated[str, msgspec.Meta(max_length=1_000)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
Time = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=1_000, extra_json_schema={"format": "date-time"}),
]
Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]
Amount = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
SentStatus = Annotated[str, one_of(*Status)]
PartnerStatus = Annotated[Status, one_of(*PARTNER_TRIGGERS)]
ReportedStatus = Annotated[Status, one_of(*BACKEND_TRIGGERS)]

DIGITS = 9
"""How many digits after the point are kept of an amount and of a degree, where the last one is a
tenth of a millimetre. DynamoDB cannot store numbers as small as a double can be."""


class Cancel(Inbound, frozen=True):
    """The booking to cancel.

    ``reason``: up to 1,000 characters for the partner, or null.
    """

    booking_id: Id
    reason: Reason | None = None


class Reject(Inbound, frozen=True):
    """The booking to reject.

    ``reason``: up to 1,000 characters, or null.
    """

    booking_id: Id
    reason: Reason | None = None


class StatusUpdate(Inbound, frozen=True):
    """The new status of a booking.

    ``status``: ``ON_THE_WAY``, ``ARRIVED``, ``IN_PROGRESS`` or ``COMPLETED``.
    """

    booking_id: Id
    status: PartnerStatus


class Location(Inbound, frozen=True):
    """Where a partner is.

    ``latitude``: degrees, -90 to 90.
    ``longitude``: degrees, -180 to 180.
    """

    # The bounds are the only check that is needed: JSON has no number that is not finite.
    latitude: Latitude
    longitude: Longitude


class Send(Inbound, frozen=True):
    """A message to the other party.

    ``recipientId``: the account id of the recipient.
    ``message``: 1 to 8,000 Unicode code points.
    ``bookingId``: the booking that the message is about, or null.
    """

    recipient_id: Id
    message: Annotated[str, msgspec.Meta(min_length=1, max_length=8_000)]
    booking_id: Id | None = None


def _check_and_round(event: Created | Updated) -> None:
    """Check the time and round the amount.

    Raises ``ValueError`` if ``scheduledAt`` is not a time, worded as msgspec words its errors, so
    that the answer names the field.
    """
    if event.scheduled_at is not None:
        try:
            datetime.fromisoformat(event.scheduled_at)
        except ValueError:
            raise worded("Expected a time in ISO 8601", "scheduledAt") from None
    if event.amount is not None:
        msgspec.structs.force_setattr(event, "amount", round(event.amount, DIGITS))


class Created(msgspec.Struct, frozen=True, rename="camel"):
    """A new booking, which is ``PENDING``.

    ``scheduledAt``: ISO 8601.
    ``amount``: the price, 0 or more.
    """

    booking_id: Id
    booking_number: Text
    customer_id: Id
    service: Text
    scheduled_at: Time
    address: Text
    amount: Amount

    def __post_init__(self) -> None:
        _check_and_round(self)


class Assigned(msgspec.Struct, frozen=True, rename="camel"):
    """A partner to whom a booking is offered."""

    booking_id: Id
    partner_id: Id


class Updated(msgspec.Struct, frozen=True, rename="camel"):
    """What has changed about a booking; other fields are absent or null.

    ``status``: any status but ``PARTNER_ASSIGNED``, for which the backend sends
    ``booking.assigned``.
    ``reason``: why the booking is ``CANCELLED``.
    ``scheduledAt``: ISO 8601.
    ``amount``: the price, 0 or more.
    """

    booking_id: Id
    status: ReportedStatus | None = None
    reason: Reason | None = None
    booking_number: Text | None = None
    service: Text | None = None
    scheduled_at: Time | None = None
    address: Text | None = None
    amount: Amount | None = None

    def __post_init__(self) -> None:
        _check_and_round(self)
        if self.status is Status.PARTNER_ASSIGNED:
            raise worded("A partner is assigned with booking.assigned", "status")

    @property
    def fields(self) -> dict[str, Any]:
        """The new values of the booking's fields, by attribute name, without the status."""
        names = ("booking_number", "service", "scheduled_at", "address", "amount")
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value is not None}


class Earnings(Posted, frozen=True):
    """A partner's earnings; further fields are passed on as the backend gave them.

    ``partnerId``: the partner who receives the event.
    """

    partner_id: Id


class Notification(Posted, frozen=True):
    """A notification; further fields are passed on as the backend gave them.

    ``accountId``: the customer or partner who receives the event.
    """

    account_id: Id


class Registered(Posted, frozen=True):
    """A partner who has registered; all fields are passed on as the backend gave them."""


class Submitted(Posted, frozen=True):
    """Identity documents (KYC) of a partner; all fields are passed on as the backend
    gave them."""


class StatusUpdated(Outbound, frozen=True):
    """The new status of a customer's booking.

    ``status``: ``PENDING``, ``PARTNER_ASSIGNED``, ``PARTNER_ACCEPTED``, ``ON_THE_WAY``,
    ``ARRIVED``, ``IN_PROGRESS``, ``COMPLETED`` or ``CANCELLED``.
    ``message``: a text about the status to show to the customer.
    """

    event = "booking:status_updated"
    booking_id: str
    status: SentStatus
    message: str


class PartnerDetails(msgspec.Struct, frozen=True):
    """A partner as a customer sees them.

    ``_id``: the partner's account id.
    ``profile``, ``about``: from the partner's account, or null.
    """

    id: str = msgspec.field(name="_id")
    name: str
    profile: str | None
    about: str | None


class PartnerAssigned(Outbound, frozen=True):
    """The partner who has been assigned to a customer's booking."""

    event = "partner:assigned"
    booking_id: str
    partner: PartnerDetails


class NewRequest(Outbound, frozen=True):
    """A booking that is offered to the partner, to accept or reject.

    ``scheduledAt``: ISO 8601.
    ``amount``: the price.
    """

    event = "booking:new_request"
    booking_id: str
    booking_number: str
    service: str
    scheduled_at: str
    address: str
    amount: float


class Cancelled(Outbound, frozen=True):
    """A booking that the partner no longer has: it was cancelled or assigned to another partner.

    ``reason``: a text, or null.
    ``cancelledAt``: ISO 8601.
    """

    event = "booking:cancelled"
    booking_id: str
    reason: str | None
    cancelled_at: str


class PartnerLocation(Outbound, frozen=True):
    """Where the partner of a tracked booking is.

    ``location``: in degrees.
    ``timestamp``: when the location arrived, ISO 8601.
    """

    event = "partner:location_update"
    booking_id: str
    location: Location
    timestamp: str


class MessageReceived(Outbound, frozen=True):
    """A message from the other party.

    ``bookingId``: the booking that the message is about, or null.
    ``createdAt``: ISO 8601.
    """

    event = "message:received"
    id: str
    sender_id: str
    message: str
    booking_id: str | None
    created_at: str


class MessageSent(Outbound, frozen=True):
    """The confirmation that a message was stored and sent.

    ``id``: the message's id.
    ``createdAt``: ISO 8601.
    """

    event = "message:sent"
    id: str
    created_at: str


class Typing(Outbound, frozen=True):
    """Whether the other party is typing.

    ``userId``: the account id of the other party.
    """

    event = "typing:indicator"
    user_id: str
    typing: bool


class BookingCreated(Outbound, frozen=True):
    """A new booking, for admins who monitor bookings.

    ``scheduledAt``: ISO 8601.
    ``amount``: the price.
    """

    event = "booking:created"
    booking_id: str
    booking_number: str
    customer_id: str
    service: str
    scheduled_at: str
    address: str
    amount: float
    status: SentStatus


class BookingUpdated(Outbound, frozen=True):
    """A booking that has changed, for admins who monitor bookings.

    ``partnerId``: the partner who has the booking, or null.
    ``updatedAt``: ISO 8601.
    """

    event = "booking:updated"
    booking_id: str
    status: SentStatus
    partner_id: str | None
    updated_at: str


class Stats(Outbound, frozen=True):
    """The numbers of bookings, for admins.

    ``byStatus``: the number of all bookings, by status.
    ``active``: the number of bookings that a partner has accepted and that are not over.
    ``today``: how many were ``created``, ``completed`` and ``cancelled`` on this UTC day.
    ``timestamp``: ISO 8601.
    """

    event = "dashboard:stats_update"
    by_status: dict[str, int]
    active: int
    today: dict[str, int]
    timestamp: str


EARNINGS_UPDATED = "earnings:updated"
NOTIFICATION_NEW = "notification:new"
PARTNER_REGISTERED = "partner:registered"
KYC_SUBMITTED = "kyc:submitted"
"""Events whose payload is what the backend has reported, unchanged."""
