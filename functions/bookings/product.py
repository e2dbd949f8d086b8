"""The booking product and the events that it sends. Its modules register their handlers with it."""

from __future__ import annotations

from functions.bookings import events
from shared.pipeline.product import Product
from shared.realtime.namespaces import ADMIN, CUSTOMER, PARTNER

bookings = Product("bookings")
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
