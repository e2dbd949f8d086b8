"""The product, for the modules that register with it, and what it sends."""

from __future__ import annotations

from functions.bookings import events
from functions.bookings.namespaces import CUSTOMER, PARTNER
from shared.pipeline.product import Product
from shared.realtime.namespaces import ADMIN

bookings = Product("bookings", namespaces=[CUSTOMER, PARTNER])
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
