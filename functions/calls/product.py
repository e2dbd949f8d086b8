"""The call product: its namespaces, its functions, and what its code may do."""

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
from functions.calls.namespaces import TELECALLER, USER
from shared.pipeline.deployment import Access, FunctionSpec
from shared.pipeline.product import Product

FINISH = Access({"people": "GetItem UpdateItem", "calls": "PutItem"})
"""Ends a call that rings."""

PART = FINISH | Access(may="delete-livekit-room")
"""Ends any call."""

ASK = Access({"calls": "Query", "calls/callee": "Query"})
"""Looks for a call that is over, to answer for it."""

calls = Product(
    "calls",
    namespaces=[USER, TELECALLER],
    access=FINISH | ASK,
    functions=[
        FunctionSpec(
            "livekit-rooms",
            "functions.calls.livekit_rooms.handler",
            Access(may="read-secret"),
            timeout_seconds=15,  # longer than the secret and LiveKit take, one after the other
            takes="livekit-rooms",
            at_once=5,  # LiveKit is not to be flooded either
            layers=("LiveKit",),
        ),
        FunctionSpec(
            "presence-stream",
            "functions.calls.presence.stream.handler",
            Access(
                {"counts": "BatchGetItem UpdateItem", "accounts": "GetItem"}, may="send-broadcast"
            ),
            timeout_seconds=30,
            streams=("people", "connections", "calls"),
        ),
    ],
    memory_mb=1024,
)
calls.sends(USER.path, Ringing, AcceptedByTelecaller, Rejected, Missed, Ended, CallError)
calls.sends(TELECALLER.path, Incoming, Accepted, Cancelled, Missed, Ended)
