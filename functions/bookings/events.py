"""The events of ``/customer``, ``/partner`` and, about bookings, ``/admin``. Times are ISO 8601."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from functions.bookings.state import Status
from shared.ids import Id
from shared.pipeline.payloads import Inbound, Outbound, Posted

Reason = Annotated[str, msgspec.Meta(max_length=1_000)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]
Amount = Annotated[float, msgspec.Meta(ge=0, le=1e12)]

DIGITS = 9
"""After the point, of an amount and of a degree, where it is a tenth of a millimetre. DynamoDB has
no number as small as a double can be."""


class Cancel(Inbound, frozen=True):
    booking_id: Id
    reason: Reason | None = None


class Reject(Inbound, frozen=True):
    booking_id: Id
    reason: Reason | None = None


class StatusUpdate(Inbound, frozen=True):
    booking_id: Id
    status: Status


class Location(Inbound, frozen=True):
    """Degrees. JSON has no number that is not finite."""

    latitude: Latitude
    longitude: Longitude


class Send(Inbound, frozen=True):
    """``message``: up to 8,000 Unicode code points."""

    recipient_id: Id
    message: Annotated[str, msgspec.Meta(min_length=1, max_length=8_000)]
    booking_id: Id | None = None


def _settle(event: Created | Updated) -> None:
    """Round the amount. Raise ``ValueError`` for a time that is none, worded as msgspec does it, so
    that the field is named."""
    if event.scheduled_at is not None:
        try:
            datetime.fromisoformat(event.scheduled_at)
        except ValueError:
            raise ValueError("Expected a time in ISO 8601 - at `$.scheduledAt`") from None
    if event.amount is not None:
        msgspec.structs.force_setattr(event, "amount", round(event.amount, DIGITS))


class Created(msgspec.Struct, frozen=True, rename="camel"):
    """``booking.created``."""

    booking_id: Id
    booking_number: Text
    customer_id: Id
    service: Text
    scheduled_at: Text
    address: Text
    amount: Amount

    def __post_init__(self) -> None:
        _settle(self)


class Assigned(msgspec.Struct, frozen=True, rename="camel"):
    """``booking.assigned``."""

    booking_id: Id
    partner_id: Id


class Updated(msgspec.Struct, frozen=True, rename="camel"):
    """``booking.updated``: what has changed. ``status``: any but ``PARTNER_ASSIGNED``, which takes
    a ``booking.assigned``; ``reason`` goes with ``CANCELLED``."""

    booking_id: Id
    status: Status | None = None
    reason: Reason | None = None
    booking_number: Text | None = None
    service: Text | None = None
    scheduled_at: Text | None = None
    address: Text | None = None
    amount: Amount | None = None

    def __post_init__(self) -> None:
        _settle(self)
        if self.status is Status.PARTNER_ASSIGNED:
            raise ValueError("A partner is assigned with booking.assigned - at `$.status`")

    @property
    def fields(self) -> dict[str, Any]:
        """What the booking is to be changed to, by name."""
        names = ("booking_number", "service", "scheduled_at", "address", "amount")
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value is not None}


class Earnings(Posted, frozen=True):
    """``earnings.updated``."""

    partner_id: Id


class Notification(Posted, frozen=True):
    """``notification.created``."""

    account_id: Id


class Registered(Posted, frozen=True):
    """``partner.registered``."""


class Submitted(Posted, frozen=True):
    """``kyc.submitted``."""


class StatusUpdated(Outbound, frozen=True):
    event = "booking:status_updated"
    booking_id: str
    status: str
    message: str


class PartnerDetails(msgspec.Struct, frozen=True):
    id: str = msgspec.field(name="_id")
    name: str
    profile: str | None
    about: str | None


class PartnerAssigned(Outbound, frozen=True):
    event = "partner:assigned"
    booking_id: str
    partner: PartnerDetails


class NewRequest(Outbound, frozen=True):
    event = "booking:new_request"
    booking_id: str
    booking_number: str
    service: str
    scheduled_at: str
    address: str
    amount: float


class Cancelled(Outbound, frozen=True):
    """To the partner."""

    event = "booking:cancelled"
    booking_id: str
    reason: str | None
    cancelled_at: str


class PartnerLocation(Outbound, frozen=True):
    event = "partner:location_update"
    booking_id: str
    location: Location
    timestamp: str


class MessageReceived(Outbound, frozen=True):
    event = "message:received"
    id: str
    sender_id: str
    message: str
    booking_id: str | None
    created_at: str


class MessageSent(Outbound, frozen=True):
    event = "message:sent"
    id: str
    created_at: str


class Typing(Outbound, frozen=True):
    event = "typing:indicator"
    user_id: str
    typing: bool


class BookingCreated(Outbound, frozen=True):
    """To monitoring admins."""

    event = "booking:created"
    booking_id: str
    booking_number: str
    customer_id: str
    service: str
    scheduled_at: str
    address: str
    amount: float
    status: str


class BookingUpdated(Outbound, frozen=True):
    """To monitoring admins."""

    event = "booking:updated"
    booking_id: str
    status: str
    partner_id: str | None
    updated_at: str


class Stats(Outbound, frozen=True):
    """``by_status``: bookings there are, by status. ``active``: those a partner is on. ``today``
    (UTC): what has been ``created``, ``completed`` and ``cancelled``."""

    event = "dashboard:stats_update"
    by_status: dict[str, int]
    active: int
    today: dict[str, int]
    timestamp: str


EARNINGS_UPDATED = "earnings:updated"
NOTIFICATION_NEW = "notification:new"
PARTNER_REGISTERED = "partner:registered"
KYC_SUBMITTED = "kyc:submitted"
"""Events whose payload is what the backend posted."""
