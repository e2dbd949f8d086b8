"""Follows the streams of bookings and messages.

It sends admins what has changed, keeps the counts, lists the bookings whose parties may not have
received their events, and delivers messages. What it sends is made of the rows as they were
committed, so nothing is missed, even if the invocation that wrote it has failed right after.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from functions.bookings import counts, messages, monitor, rows, unannounced
from functions.bookings.events import BookingCreated, BookingUpdated
from functions.bookings.rows import Booking, Message
from functions.bookings.state import Status
from shared import times
from shared.aws import streams
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, entry
from shared.aws.metrics import Metric, count_all
from shared.aws.numbers import Change
from shared.aws.streams import Mark, Row
from shared.ids import compose
from shared.pipeline.payloads import Outbound
from shared.ports import Broadcast
from shared.realtime.namespaces import ADMIN

Record = dict[str, Any]

BOOKINGS = "bookings"
"""The table of the bookings, as the product declares it. The other one is that of messages."""

STATS_GROUP = "bookings-stats"
BY_STATUS = {status: Metric[f"BOOKINGS_{status.name}"] for status in Status}
ENDS = {Status.COMPLETED.value: counts.COMPLETED, Status.CANCELLED.value: counts.CANCELLED}


@entry
def handler(event: Event) -> None:
    """Handle a batch of changes of one table.

    If this raises, Lambda delivers the changes again, in batches of other sizes. Each change is
    counted once, and its event is sent once within SQS's five minutes. The numbers are announced
    again: the invocation that counted them may have failed before it announced them.
    """
    records: list[Record] = event["Records"]
    streams.announce(records, broadcasts, ports().tasks.broadcast)
    changed = [record for record in records if streams.table(record) == BOOKINGS]
    if changed:
        count_changes(changed)
        # Last, because by then most transitions have been announced.
        unannounced.list_left((_key(record), streams.images(record)[1]) for record in changed)


def broadcasts(record: Record) -> Iterator[Broadcast]:
    """Yield what a change announces: to admins, or to the recipient of a new message.

    The sender of a message has sent the very same broadcast, unless its process has died before.
    """
    before, after = streams.images(record)
    if streams.table(record) == BOOKINGS:
        news = admin_event(before, after)
        if news is not None:
            group = compose("booking", _key(record))
            yield news.to_room(ADMIN.path, monitor.MONITORS, group=group, once=record["eventID"])
    elif after is not None:
        yield messages.received(Message.from_raw_data(dict(after)))


def count_changes(records: list[Record]) -> None:
    """Count the changes of bookings, each once, and announce the numbers."""
    found: list[tuple[Mark, Change]] = []
    moves: dict[Mark, dict[Metric, int]] = {}
    for record in records:
        before, after = streams.images(record)
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


def _key(record: Record) -> str:
    """Return the id of the booking of a record."""
    booking_id: str = record["dynamodb"]["Keys"]["bookingId"]["S"]
    return booking_id


def admin_event(before: Row, after: Row) -> Outbound | None:
    """Return the event for a change of a row, as a pure function of the row before and after.

    Returns None if the change is nothing for admins.
    """
    if not rows.has_news(before, after):
        return None
    booking = Booking.from_raw_data(dict(after or {}))
    if not rows.is_created(before):
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
