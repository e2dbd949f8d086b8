"""Follows the stream of the bookings table: sends admins what has changed, and keeps the counts.

The events are made of the rows as they were committed, so no change is missed, even if the
invocation that wrote it has failed right after.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from functions.bookings import counts, monitor
from functions.bookings.counts import Change
from functions.bookings.events import BookingCreated, BookingUpdated
from functions.bookings.rows import Booking
from functions.bookings.state import Status
from shared import times
from shared.aws import streams
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, entry
from shared.aws.metrics import Metric, count_all
from shared.aws.streams import Mark, Row
from shared.ids import compose
from shared.pipeline.payloads import Outbound
from shared.realtime.namespaces import ADMIN

STATS_GROUP = "bookings-stats"
BY_STATUS = {status: Metric[f"BOOKINGS_{status.name}"] for status in Status}
ENDS = {Status.COMPLETED.value: counts.COMPLETED, Status.CANCELLED.value: counts.CANCELLED}


@entry
def handler(event: Event) -> None:
    """Handle a batch of changes.

    If this raises, Lambda delivers the changes again, in batches of other sizes. Each change is
    counted once, and its event is sent once within SQS's five minutes. The numbers are announced
    again: the invocation that counted them may have failed before it announced them.
    """
    found: list[tuple[Mark, Change]] = []
    moves: dict[Mark, dict[Metric, int]] = {}
    for record in event["Records"]:
        before, after = streams.images(record)
        with streams.set_aside(record):
            announce(record)
        mark = streams.mark(record)
        found.append((mark, Change(_by_status(before, after), _today(before, after))))
        moves[mark] = moved_to(before, after)
    added = counts.add(found)
    moved: Counter[Metric] = Counter()
    for mark in added:
        moved.update(moves[mark])
    count_all(moved)
    if any(any(change) for _, change in found):
        announce_stats()


def announce(record: dict[str, Any]) -> None:
    """Send the admins who monitor the event for a record, if there is one."""
    event = admin_event(*streams.images(record))
    if event is not None:
        group = compose("booking", record["dynamodb"]["Keys"]["bookingId"]["S"])
        broadcast = event.to_room(ADMIN.path, monitor.MONITORS, group=group, once=record["eventID"])
        ports().tasks.broadcast(broadcast)


def admin_event(before: Row, after: Row) -> Outbound | None:
    """Return the event for a change of a row, as a pure function of the row before and after.

    Returns None if the change is nothing for admins.
    """
    if not after or "customerId" not in after:
        return None
    booking = Booking.from_raw_data(dict(after))
    if not before or "customerId" not in before:
        return BookingCreated(
            booking_id=booking.booking_id,
            booking_number=booking.booking_number or "",
            customer_id=booking.customer_id or "",
            service=booking.service or "",
            scheduled_at=booking.scheduled_at or "",
            address=booking.address or "",
            amount=booking.amount,
            status=booking.status or "",
        )
    if after.get("updatedAt") == before.get("updatedAt"):
        return None  # only trackers, stamps or waiting events have changed
    return BookingUpdated(
        booking_id=booking.booking_id,
        status=booking.status or "",
        partner_id=booking.partner_id,
        updated_at=times.iso(booking.updated_at),
    )


def announce_stats() -> None:
    """Send the numbers to the admins who monitor, at most once a second.

    If the numbers have been sent within this second, one invocation waits for a second and then
    sends them for all invocations that count something meanwhile.
    """
    now = ports().clock.now_ms()
    if not counts.claim_announcement(now):
        if not counts.claim_wait(now):
            return
        time.sleep(counts.SECOND_MS / 1000)
        now = ports().clock.now_ms()
        counts.end_wait(now)
    ports().tasks.broadcast(
        monitor.stats(now).to_room(ADMIN.path, monitor.MONITORS, group=STATS_GROUP)
    )


def moved_to(before: Row, after: Row) -> dict[Metric, int]:
    """Return the metric of the status to which a booking has moved, counted once.

    Returns an empty dict if the status has not changed.
    """
    now = _status(after)
    return {BY_STATUS[Status(now)]: 1} if now and now != _status(before) else {}


def _by_status(before: Row, after: Row) -> dict[str, int]:
    """Return by how much the number of bookings changes, by status."""
    then, now = _status(before), _status(after)
    if then == now:
        return {}
    changes = Counter({status: 1 for status in [now] if status})
    changes.subtract(status for status in [then] if status)
    return dict(changes)


def _today(before: Row, after: Row) -> dict[str, int]:
    """Return what has happened: ``created``, ``completed`` or ``cancelled`` once, or nothing."""
    then, now = _status(before), _status(after)
    if then is None and now is not None:
        return {counts.CREATED: 1}
    return {ENDS[now]: 1} if now != then and now in ENDS else {}


def _status(row: Row) -> str | None:
    status: str | None = (row or {}).get("status", {}).get("S")
    return status
