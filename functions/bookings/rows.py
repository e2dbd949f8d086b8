"""The tables: bookings, the open bookings of each partner, messages."""

from __future__ import annotations

from typing import Any

import msgspec
from pynamodb.attributes import (
    JSONAttribute,
    ListAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from functions.bookings.namespaces import CUSTOMER
from functions.bookings.state import ACTIVE, FINAL, Status
from shared.aws.streams import Row
from shared.aws.tables import Table, TableName, WrittenOnce
from shared.protocol import json
from shared.realtime.address import Address


class Tracker(msgspec.Struct, frozen=True):
    """A session of the customer that tracks a booking.

    member: the session's connection, as ``Address.member``.
    sid: the session's id, which distinguishes it from a later session on the same connection.
    asked_ms: when the frame that asks to track arrived, epoch milliseconds.
    """

    booking_id: str
    member: str
    sid: str
    asked_ms: int = 0

    @classmethod
    def of(cls, text: str) -> Tracker:
        """Read a tracker from its ``text``."""
        return msgspec.json.decode(text, type=cls)

    @property
    def text(self) -> str:
        """The tracker as JSON, as the sets of the tables have it."""
        return json.dumps(self)

    @property
    def address(self) -> Address:
        """The address of the session's connection."""
        return Address.of_member(CUSTOMER.path, self.member)


class WaitingStatus(msgspec.Struct, frozen=True):
    """A status that the backend has reported and the booking cannot have yet.

    at_ms: when the backend says that it happened, epoch milliseconds.
    by: identifies the report.
    """

    status: Status
    at_ms: int
    by: str
    reason: str | None = None

    @classmethod
    def of(cls, text: str) -> WaitingStatus:
        """Read it from its ``text``."""
        return msgspec.json.decode(text, type=cls)

    @property
    def text(self) -> str:
        """The status as JSON, as the booking's row has it."""
        return json.dumps(self)


class ByCustomer(GlobalSecondaryIndex["Booking"]):
    """The keys of the bookings of a customer, sorted by when they were created."""

    class Meta:
        index_name = "customer"
        projection = KeysOnlyProjection()

    customer_id = UnicodeAttribute(hash_key=True, attr_name="customerId")
    created_at = NumberAttribute(range_key=True, attr_name="createdAt")
    booking_id = UnicodeAttribute(attr_name="bookingId")


class ByPartner(GlobalSecondaryIndex["Booking"]):
    """The keys of the bookings that a partner has, sorted by when they were created."""

    class Meta:
        index_name = "partner"
        projection = KeysOnlyProjection()

    partner_id = UnicodeAttribute(hash_key=True, attr_name="partnerId")
    created_at = NumberAttribute(range_key=True, attr_name="createdAt")
    booking_id = UnicodeAttribute(attr_name="bookingId")


class Booking(Table):
    """A booking. Times are epoch milliseconds, but ``scheduled_at`` is ISO 8601.

    partner_id: the partner who has the booking now.
    version: the number of writes. A transition is conditional on the version it was decided on.
    moved_by: the ids of the frames and reports that caused the last transitions, the newest at the
        end.
    moved_in: for each of these transitions, an id that was made anew for every attempt to write it.
        By it, a write that is repeated because its answer was lost recognizes its own success.
    created_at: when the backend says that the booking was created.
    assigned_to, assigned_at: the last assignment, even if the partner has rejected it since.
    stamps: for each field, when the backend says that it got its value.
    trackers: the ``text`` of each ``Tracker``.
    untracked: the ``text`` of sessions that have lately asked to untrack before they tracked.
    waiting: the ``text`` of each ``WaitingStatus``.
    unannounced: the transitions whose events may not have been sent, as the ``text`` of each
        ``moves.Unannounced``.
    early: backend events that arrived before ``booking.created``. Until then, the row has no other
        attribute.
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
    moved_in: Any = ListAttribute(attr_name="attempts", default=list)
    created_at = NumberAttribute(attr_name="createdAt", default=0)
    updated_at = NumberAttribute(attr_name="updatedAt", default=0)
    assigned_to = UnicodeAttribute(attr_name="assignedTo", null=True)
    assigned_at = NumberAttribute(attr_name="assignedAt", default=0)
    stamps: Any = JSONAttribute(default=dict)
    trackers: Any = UnicodeSetAttribute(null=True)
    untracked: Any = UnicodeSetAttribute(null=True)
    waiting: Any = ListAttribute(null=True)
    unannounced: Any = UnicodeSetAttribute(null=True)
    early: Any = ListAttribute(null=True)

    by_customer = ByCustomer()
    by_partner = ByPartner()

    @property
    def state(self) -> Status:
        """The status, of a booking that has been created."""
        return Status(self.status)

    @property
    def active(self) -> bool:
        """Whether the partner has accepted and works on the booking."""
        return self.state in ACTIVE

    @property
    def final(self) -> bool:
        """Whether the booking is completed or cancelled."""
        return self.state in FINAL

    def is_party(self, namespace: str, person_id: str) -> bool:
        """Return whether a person is the booking's customer (in ``/customer``) or its partner."""
        party = self.customer_id if namespace == CUSTOMER.path else self.partner_id
        return party == person_id


class Partner(Table):
    """The open bookings of a partner and the partner's last location.

    With them here, a location costs one write, and nothing else if no customer tracks.

    open: the partner's bookings that are not final, as the JSON of ``[bookingId, customerId]``.
    active: the ids of the bookings that the partner has accepted and that are not final.
    trackers: the ``text`` of each ``Tracker`` of the active bookings.
    latitude, longitude: degrees.
    located_at: when the frame with the last location arrived, epoch milliseconds.
    """

    class Meta:
        table_name = TableName("partners")

    partner_id = UnicodeAttribute(hash_key=True, attr_name="partnerId")
    open: Any = UnicodeSetAttribute(null=True)
    active: Any = UnicodeSetAttribute(null=True)
    trackers: Any = UnicodeSetAttribute(null=True)
    latitude = NumberAttribute(null=True)
    longitude = NumberAttribute(null=True)
    located_at = NumberAttribute(attr_name="locatedAt", null=True)


class Message(WrittenOnce):
    """A message between a customer and a partner. Times are epoch milliseconds.

    recipient_namespace: the side on which the recipient is, ``/customer`` or ``/partner``.
    booking_id: the booking that the message is about, if any.
    read_at: when the recipient first marked it as read.
    """

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


def is_created(row: Row) -> bool:
    """Return whether a row is that of a booking that has been created, and not only reports that
    have arrived before."""
    return row is not None and "customerId" in row


def has_news(before: Row, after: Row) -> bool:
    """Return whether a change of a row has created a booking, or changed what people see of it.

    Trackers, stamps and waiting events are none of that.
    """
    if not is_created(after):
        return False
    changed: bool = (before or {}).get("updatedAt") != (after or {}).get("updatedAt")
    return changed or not is_created(before)
