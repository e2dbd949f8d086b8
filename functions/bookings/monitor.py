"""What admins see of bookings."""

from __future__ import annotations

from functions.bookings import counts
from functions.bookings.events import Stats
from functions.bookings.product import bookings
from shared import times
from shared.pipeline.context import Context
from shared.realtime.namespaces import ADMIN

MONITORS = "bookings-monitor"
"""The room of ``/admin`` for the connections that monitor."""


def stats(now_ms: int) -> Stats:
    numbers = counts.read(now_ms)
    return Stats(numbers["byStatus"], numbers["active"], numbers["today"], times.iso(now_ms))


@bookings.on("request:stats", namespaces=[ADMIN.path])
def request_stats(context: Context, _: None) -> None:
    """Answer the asker."""
    context.emit(stats(context.now_ms).to([context.address]))


@bookings.on("monitor:bookings", namespaces=[ADMIN.path])
def monitor(context: Context, _: None) -> None:
    """Send this connection what happens to all bookings, from now on. Any number of times."""
    context.join(MONITORS)
