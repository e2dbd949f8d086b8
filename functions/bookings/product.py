"""The booking product and the events that it sends. Its modules register their handlers with it."""

from __future__ import annotations

from functions.bookings import events
from functions.bookings.namespaces import CUSTOMER, PARTNER
from shared.pipeline.deployment import Access, FunctionSpec, IndexSpec, Stream, TableSpec
from shared.pipeline.product import Product
from shared.realtime.namespaces import ADMIN

bookings = Product(
    "bookings",
    namespaces=[CUSTOMER, PARTNER],
    tables=[
        TableSpec(
            "bookings",
            "bookingId",
            stream=Stream.BOTH,
            indexes=(
                IndexSpec(
                    "customer", "customerId", "createdAt", keys_only=True, sort_by_number=True
                ),
                IndexSpec("partner", "partnerId", "createdAt", keys_only=True, sort_by_number=True),
            ),
        ),
        TableSpec("partners", "partnerId"),
        TableSpec("booking_messages", "messageId", stream=Stream.NEW),
    ],
    access=Access(
        {
            "connections": "GetItem UpdateItem",
            "people": "GetItem",
            "rooms": "PutItem",
            "limits": "UpdateItem",
            "counts": "GetItem",
            "bookings": "GetItem UpdateItem",
            "partners": "GetItem UpdateItem",
            "recovery": "GetItem",
            "booking_messages": "PutItem UpdateItem",
        },
        may="send-broadcast send-deadline",
    ),
    functions=[
        FunctionSpec(
            "bookings-stream",
            "functions.bookings.stream.handler",
            Access(
                {"bookings": "BatchGetItem", "counts": "BatchGetItem GetItem UpdateItem"},
                may="send-broadcast",
            ),
            timeout_seconds=30,
            streams=("bookings", "booking_messages"),
        )
    ],
)

REPORTED = Access(
    {
        "accounts": "GetItem",
        "people": "GetItem",
        "limits": "GetItem PutItem UpdateItem",
        "bookings": "GetItem UpdateItem",
        "partners": "UpdateItem",
    },
    may="post send-broadcast",
)
"""What a backend's reports take."""

bookings.sends(
    CUSTOMER.path,
    events.StatusUpdated,
    events.PartnerAssigned,
    events.PartnerLocation,
    events.MessageReceived,
    events.MessageSent,
    events.Typing,
    posted={events.NOTIFICATION_NEW: events.Notification},
)
bookings.sends(
    PARTNER.path,
    events.NewRequest,
    events.Cancelled,
    events.MessageReceived,
    events.MessageSent,
    events.Typing,
    posted={
        events.EARNINGS_UPDATED: events.Earnings,
        events.NOTIFICATION_NEW: events.Notification,
    },
)
bookings.sends(
    ADMIN.path,
    events.BookingCreated,
    events.BookingUpdated,
    events.Stats,
    posted={
        events.PARTNER_REGISTERED: events.Registered,
        events.KYC_SUBMITTED: events.Submitted,
    },
)
