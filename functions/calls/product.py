"""The call product: its namespaces, its functions, and what its code may do."""

from __future__ import annotations

from functions.calls.events import (
    Accepted,
    AcceptedByTelecaller,
    BalanceLow,
    CallError,
    Cancelled,
    Ended,
    Incoming,
    Missed,
    Rejected,
    Ringing,
)
from functions.calls.namespaces import TELECALLER, USER
from shared.pipeline.deployment import Access, FunctionSpec, TableSpec
from shared.pipeline.product import Product

MAY_END_RINGING = Access({"people": "GetItem UpdateItem", "calls": "PutItem"})
"""What code needs that ends a call while it rings."""

MAY_END_CALL = MAY_END_RINGING | Access(may="delete-livekit-room")
"""What code needs that ends a call in any state."""

MAY_ANNOUNCE_ACCEPT = Access(may="read-secret start-balance")
"""What code needs that announces the accept of a call, beside reading its rows."""

MAY_READ_RECORDS = Access({"calls": "Query", "calls/callee": "Query"})
"""What code needs that reads the records of calls that are over."""

calls = Product(
    "calls",
    namespaces=[USER, TELECALLER],
    tables=[
        TableSpec("presences", "presence", "telecallerId"),
        TableSpec("call_lists", "list", "callId", expires=True),
    ],
    access=MAY_END_RINGING | MAY_READ_RECORDS,
    functions=[
        FunctionSpec(
            "livekit-rooms",
            "functions.calls.livekit_rooms.handler",
            Access(may="read-secret"),
            timeout_seconds=15,  # longer than reading the secret and then calling LiveKit take
            takes="livekit-rooms",
            at_once=5,  # bounds the requests that LiveKit receives at once
            layers=("LiveKit",),
        ),
        FunctionSpec(
            "balance-due",
            "functions.calls.balance.main.handler",
            MAY_END_CALL | Access(may="post invoke-disconnect"),
            timeout_seconds=20,
        ),
        FunctionSpec(
            "presence-stream",
            "functions.calls.presence.stream.handler",
            Access(
                {
                    "counts": "BatchGetItem UpdateItem",
                    "accounts": "GetItem",
                    "presences": "DeleteItem PutItem",
                    "limits": "PutItem",
                    "call_lists": "DeleteItem PutItem",
                },
                may="send-broadcast send-push",
            ),
            timeout_seconds=30,
            streams=("people", "connections", "calls"),
        ),
    ],
    memory_mb=1024,
)
calls.sends(
    USER.path, Ringing, AcceptedByTelecaller, Rejected, Missed, Ended, BalanceLow, CallError
)
calls.sends(TELECALLER.path, Incoming, Accepted, Cancelled, Missed, Ended)
