"""Follows the stream of bookings: tells admins what has changed, and keeps the counts.

What is told comes from the rows as they were committed, so nothing goes untold, whatever becomes of
the function that did it.
"""

from __future__ import annotations

import time
from collections import Counter

from functions.bookings import counts, monitor
from functions.bookings.events import BookingCreated, BookingUpdated
from functions.bookings.rows import Booking
from functions.bookings.state import Status
from shared import times
from shared.aws import streams
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, entry
from shared.aws.metrics import Metric, count_all
from shared.aws.streams import Row
from shared.pipeline.payloads import Outbound
from shared.realtime.namespaces import ADMIN

STATS_GROUP = "bookings-stats"
BY_STATUS = {status: Metric[f"BOOKINGS_{status.name}"] for status in Status}
ENDS = {Status.COMPLETED.value: counts.COMPLETED, Status.CANCELLED.value: counts.CANCELLED}


@entry
def handler(event: Event) -> None:
    """A batch. Raising makes Lambda hand in the same batch again: the counts are added under the
    batch's own token, what is told may repeat."""
    records = event["Records"]
    by_status: Counter[str] = Counter()
    today: Counter[str] = Counter()
    moved: Counter[Metric] = Counter()
    for record in records:
        before, after = streams.images(record)
        told = message(before, after)
        if told is not None:
            group = record["dynamodb"]["Keys"]["bookingId"]["S"]
            ports().tasks.broadcast(told.to_room(ADMIN.path, monitor.MONITORS, group=group))
        by_status.update(_by_status(before, after))
        moved.update(moved_to(before, after))
        today.update(_today(before, after))
    changed = counts.add(
        dict(by_status), dict(today), streams.moment_ms(records), streams.token(records)
    )
    count_all(moved)
    if changed:
        tell_stats()


def message(before: Row, after: Row) -> Outbound | None:
    """What a change means to admins, as a pure function of the row before and after."""
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
        return None  # somebody tracks it, or does no more
    return BookingUpdated(
        booking_id=booking.booking_id,
        status=booking.status or "",
        partner_id=booking.partner_id,
        updated_at=times.iso(booking.updated_at),
    )


def tell_stats() -> None:
    """Send the numbers to the admins who monitor, at most once a second. Whoever finds the second
    taken waits for its end and tells then, for everybody who counts something meanwhile."""
    now = ports().clock.now_ms()
    if not counts.may_tell(now):
        if not counts.may_wait(now):
            return
        time.sleep(counts.SECOND_MS / 1000)
        now = ports().clock.now_ms()
        counts.done_waiting(now)
    ports().tasks.broadcast(
        monitor.stats(now).to_room(ADMIN.path, monitor.MONITORS, group=STATS_GROUP)
    )


def moved_to(before: Row, after: Row) -> dict[Metric, int]:
    now = _status(after)
    return {BY_STATUS[Status(now)]: 1} if now and now != _status(before) else {}


def _by_status(before: Row, after: Row) -> dict[str, int]:
    then, now = _status(before), _status(after)
    if then == now:
        return {}
    changes = Counter({status: 1 for status in [now] if status})
    changes.subtract(status for status in [then] if status)
    return dict(changes)


def _today(before: Row, after: Row) -> dict[str, int]:
    then, now = _status(before), _status(after)
    if then is None and now is not None:
        return {counts.CREATED: 1}
    return {ENDS[now]: 1} if now != then and now in ENDS else {}


def _status(row: Row) -> str | None:
    status: str | None = (row or {}).get("status", {}).get("S")
    return status
