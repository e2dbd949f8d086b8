"""What admins ask for, and what presence does once a minute."""

from __future__ import annotations

from functions.calls.namespaces import USER
from functions.presence import counts, repair
from functions.presence.events import Counts, PresenceChanged
from shared import times
from shared.pipeline.context import Context
from shared.pipeline.deployment import Access, FunctionSpec
from shared.pipeline.product import Product
from shared.realtime.namespaces import ADMIN

presence = Product(
    "presence",
    access=Access({"counts": "GetItem"}),
    functions=[
        FunctionSpec(
            "presence-stream",
            "functions.presence.stream.handler",
            Access({"counts": "UpdateItem", "accounts": "GetItem"}, may="send-broadcast"),
            timeout_seconds=30,
            streams=("people", "connections", "calls"),
        )
    ],
)
_COUNT = Access(
    {
        "counts": "GetItem PutItem UpdateItem",
        "connections/due": "Query",
        "rooms": "Query",
        "people": "BatchGetItem",
    }
)
presence.sends(USER.path, PresenceChanged)
presence.sends(ADMIN.path, Counts)
presence.on_sweep(access=_COUNT)(repair.repair)
presence.on_sweep()(counts.gauge)


@presence.on("presence:request-counts", namespaces=[ADMIN.path])
def request_counts(context: Context, _: None) -> None:
    """Ask how many users and telecallers are online. The connection that asks receives
    `presence:counts`."""
    live, _today = counts.read(context.now_ms)
    context.emit(
        Counts(
            online_users=int(live.online_users),
            online_telecallers=int(live.online_telecallers),
            timestamp=times.iso(context.now_ms),
        ).to([context.address])
    )
