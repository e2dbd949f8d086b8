"""The tables: bookings, what each partner is on, messages."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from pynamodb.attributes import (
    JSONAttribute,
    ListAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)

from functions.bookings.namespaces import CUSTOMER
from functions.bookings.state import ACTIVE, FINAL, Status
from shared import times
from shared.aws.tables import Table, TableName
from shared.protocol import json
from shared.realtime.address import Address


class Tracker(NamedTuple):
    """A session of the customer's that tracks a booking. ``sid`` tells it from a later session on
    the same connection; ``asked_ms``: when it asked to, by the clock of arrivals."""

    booking_id: str
    member: str
    sid: str
    asked_ms: int = 0

    @classmethod
    def of(cls, text: str) -> Tracker:
        return msgspec.json.decode(text, type=cls)

    @property
    def text(self) -> str:
        """The form in which it stands in a set."""
        return json.dumps(self)

    @property
    def address(self) -> Address:
        return Address.of_member(CUSTOMER.path, self.member)


class Booking(Table):
    """``version`` counts the writes: a transition is conditional on the one that it was decided on.

    ``moved_by``: ids of the messages that moved it last, the newest at the end. ``assigned_to`` and
    ``assigned_at``: the last assignment, whatever became of it. ``stamps``: when the backend says
    that a field became what it is; ``created_at`` and ``updated_at``: in epoch ms, too.
    ``trackers``: texts of ``Tracker``. ``early``: events that came before ``booking.created``, of a
    row that has nothing else yet.
    """

    class Meta:
        table_name = TableName("bookings")

    booking_id = UnicodeAttribute(hash_key=True, attr_name="bookingId")
    booking_number = UnicodeAttribute(attr_name="bookingNumber", null=True)
    customer_id = UnicodeAttribute(attr_name="customerId", null=True)
    service = UnicodeAttribute(null=True)
    scheduled_at = UnicodeAttribute(attr_name="scheduledAt", null=True)
    address = UnicodeAttribute(null=True)
    amount = NumberAttribute(default=0)
    status = UnicodeAttribute(null=True)
    partner_id = UnicodeAttribute(attr_name="partnerId", null=True)
    reason = UnicodeAttribute(null=True)
    version = NumberAttribute(default=0)
    moved_by: Any = ListAttribute(attr_name="moves", default=list)
    created_at = NumberAttribute(attr_name="createdAt", default=0)
    updated_at = NumberAttribute(attr_name="updatedAt", default=0)
    assigned_to = UnicodeAttribute(attr_name="assignedTo", null=True)
    assigned_at = NumberAttribute(attr_name="assignedAt", default=0)
    stamps: Any = JSONAttribute(default=dict)
    trackers: Any = UnicodeSetAttribute(null=True)
    early: Any = ListAttribute(null=True)

    @property
    def state(self) -> Status:
        return Status(self.status)

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def final(self) -> bool:
        return self.state in FINAL

    def is_party(self, namespace: str, person_id: str) -> bool:
        party = self.customer_id if namespace == CUSTOMER.path else self.partner_id
        return party == person_id


def shown(booking: Booking) -> dict[str, Any]:
    """A booking as its parties see it."""
    return {
        "bookingId": booking.booking_id,
        "bookingNumber": booking.booking_number,
        "customerId": booking.customer_id,
        "partnerId": booking.partner_id,
        "service": booking.service,
        "scheduledAt": booking.scheduled_at,
        "address": booking.address,
        "amount": booking.amount,
        "status": booking.status,
        "reason": booking.reason,
        "createdAt": times.iso(booking.created_at),
        "updatedAt": times.iso(booking.updated_at),
    }


class Partner(Table):
    """What a partner is on, so that a location costs one write and nothing else while nobody
    tracks. ``open``: the bookings that are theirs and not over, each as the JSON of ``[bookingId,
    customerId]``; ``active``: the ids of those that they have accepted; ``trackers``: who tracks
    one of these. ``located_at``: arrival of the last location, epoch ms."""

    class Meta:
        table_name = TableName("partners")

    partner_id = UnicodeAttribute(hash_key=True, attr_name="partnerId")
    open: Any = UnicodeSetAttribute(null=True)
    active: Any = UnicodeSetAttribute(null=True)
    trackers: Any = UnicodeSetAttribute(null=True)
    latitude = NumberAttribute(null=True)
    longitude = NumberAttribute(null=True)
    located_at = NumberAttribute(attr_name="locatedAt", null=True)


class Message(Table):
    """Times are epoch ms."""

    class Meta:
        table_name = TableName("booking_messages")

    message_id = UnicodeAttribute(hash_key=True, attr_name="messageId")
    sender_id = UnicodeAttribute(attr_name="senderId")
    recipient_id = UnicodeAttribute(attr_name="recipientId")
    recipient_namespace = UnicodeAttribute(attr_name="recipientNamespace")
    text = UnicodeAttribute(attr_name="message")
    booking_id = UnicodeAttribute(attr_name="bookingId", null=True)
    created_at = NumberAttribute(attr_name="createdAt")
    read_at = NumberAttribute(attr_name="readAt", null=True)
