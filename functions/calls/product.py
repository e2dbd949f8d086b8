"""The call product. Its other modules register what they do with it."""

from __future__ import annotations

from functions.calls.events import (
    Accepted,
    AcceptedByTelecaller,
    CallError,
    Cancelled,
    Ended,
    Incoming,
    Missed,
    Rejected,
    Ringing,
)
from shared.pipeline.product import Product
from shared.realtime.namespaces import TELECALLER, USER

calls = Product("calls")
calls.sends(USER.path, Ringing, AcceptedByTelecaller, Rejected, Missed, Ended, CallError)
calls.sends(TELECALLER.path, Incoming, Accepted, Cancelled, Missed, Ended)
