"""Finds transitions whose events have not been sent, and sends them.

A transition is recorded as unannounced on the booking's row until its events have been sent: see
``announce``. The record stays if the process ends before that, or if a connection has missed an
event. ``stream`` sees that the record is there, and lists the booking in a row of the counts table.
The sweep reads this row, which is empty most of the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute

from functions.bookings import moves, statuses, store
from functions.bookings.announce import announce_all, announce_missed
from functions.bookings.moves import Unannounced
from functions.bookings.product import bookings
from functions.bookings.rows import Booking
from shared.aws.log import logger
from shared.aws.metrics import Metric, count
from shared.aws.streams import Row
from shared.aws.tables import Table, TableName
from shared.pipeline.deployment import Access
from shared.pipeline.sweep import Sweep
from shared.settings import settings

NAME = "bookings-unannounced"


class Listed(Table):
    """The row of bookings to look at, in the counts table.

    booking_ids: the ids of bookings with transitions whose events may not have been sent.
    """

    class Meta:
        table_name = TableName("counts")

    name = UnicodeAttribute(hash_key=True)
    booking_ids: Any = UnicodeSetAttribute(attr_name="bookingIds", null=True)


def list_left(changed: Iterable[tuple[str, Row]]) -> None:
    """List those of the changed bookings that have an unannounced transition. Idempotent.

    Most have been announced by now, and cost nothing or a read.

    changed: the ids of bookings, and their rows after each change, in order.
    """
    last = dict(changed)
    marked = [booking_id for booking_id, row in last.items() if row and "unannounced" in row]
    if marked:
        rows = Booking.batch_get(marked, consistent_read=True)
        left = {row.booking_id for row in rows if row.unannounced}
        if left:
            Listed(NAME).update([Listed.booking_ids.add(left)])


@bookings.on_sweep(
    access=Access(
        {
            "accounts": "GetItem",
            "people": "GetItem",
            "bookings": "GetItem UpdateItem",
            "partners": "UpdateItem",
            "counts": "GetItem UpdateItem",
        }
    )
)
def announce_left(sweep: Sweep) -> None:
    """Send the events of the transitions that are listed."""
    try:
        listed = Listed.get(NAME, consistent_read=True).booking_ids or set()
    except Listed.DoesNotExist:
        return
    for booking_id in sorted(listed):
        if sweep.over:
            return
        sweep.attempt(booking_id, partial(look_at, sweep, booking_id))


def look_at(sweep: Sweep, booking_id: str) -> None:
    """Send what is left to send about a booking, and remove it from the list if that is all."""
    booking = store.find(booking_id)
    if booking is not None:
        _send_left(sweep, booking)
    _unlist(booking_id)


def _send_left(sweep: Sweep, booking: Booking) -> None:
    """Send the events of transitions whose process has ended, or which connections have missed."""
    found = moves.unannounced(booking)
    missed_ms, overdue_ms = (
        sweep.now_ms - seconds * 1000
        for seconds in (settings().missed_seconds, settings().unannounced_seconds)
    )
    for made in (one for one in found if one.only):
        if made.move.at_ms < missed_ms:
            _give_up(booking.booking_id, made)
        else:
            announce_missed(sweep, booking, made)
    left = [one for one in found if not one.only]
    if left and left[-1].move.at_ms < overdue_ms:
        announce_all(sweep, booking, left)
        statuses.apply_waiting(sweep, booking.booking_id)


def _give_up(booking_id: str, made: Unannounced) -> None:
    count(Metric.POSTS_GIVEN_UP, len(made.only))
    about = {"booking_id": booking_id, "status": made.move.status, "connections": made.only}
    logger.error("transition not announced", extra=about)
    store.record_announced(booking_id, made)


def _unlist(booking_id: str) -> None:
    """Remove a booking from the list if nothing about it is left to send."""
    booking = store.find(booking_id)
    if booking is not None and booking.unannounced:
        return
    Listed(NAME).update([Listed.booking_ids.delete({booking_id})])
    booking = store.find(booking_id)
    if booking is not None and booking.unannounced:  # a transition has been made meanwhile
        Listed(NAME).update([Listed.booking_ids.add({booking_id})])
