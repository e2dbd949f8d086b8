"""What admins do: request the numbers of bookings, and monitor all bookings."""

from __future__ import annotations

from functions.bookings import counts
from functions.bookings.events import Stats
from functions.bookings.product import bookings
from shared import times
from shared.pipeline.context import Context
from shared.pipeline.deployment import Access
from shared.realtime.namespaces import ADMIN

MONITORS = "bookings-monitor"
"""The room of ``/admin`` for the connections that monitor bookings."""


bookings.counters(access=Access({"counts": "GetItem"}))(counts.counted)


def stats(now_ms: int) -> Stats:
    """Return the numbers of bookings as an event."""
    numbers = counts.read(now_ms)
    return Stats(numbers.by_status, numbers.active, numbers.today, times.iso(now_ms))


@bookings.on("request:stats", namespaces=[ADMIN.path])
def request_stats(context: Context, _: None) -> None:
    """Request the numbers of bookings. The connection receives ``dashboard:stats_update``."""
    context.emit(stats(context.now_ms).to([context.address]))


@bookings.on("monitor:bookings", namespaces=[ADMIN.path])
def monitor(context: Context, _: None) -> None:
    """Monitor all bookings with this connection, from now on; asking again changes nothing. The
    connection receives ``booking:created``, ``booking:updated``, ``partner:registered``,
    ``kyc:submitted`` and, at most once a second, ``dashboard:stats_update``."""
    context.join(MONITORS)
