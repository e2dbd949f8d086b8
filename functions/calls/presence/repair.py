"""Counts the rows of the tables and corrects the live numbers. ``counts`` explains why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from functions.calls.namespaces import TELECALLER, USER
from functions.calls.presence import counts
from functions.calls.presence.changes import Numbers
from shared.aws.log import logger
from shared.calling import ring
from shared.calling.ring import CalledPerson
from shared.pipeline.sweep import Sweep
from shared.realtime import lifecycle, people, rooms
from shared.settings import settings

T = TypeVar("T")


class OutOfTime(Exception):
    """There are more people than one sweep can count. Half a count is of no use."""


def repair(sweep: Sweep) -> None:
    """Count the rows and correct the live numbers, if the last count is long enough ago."""
    before = counts.last_difference()
    if not is_time(before.counted_at, sweep.now, settings().repair_every_minutes):
        return
    added = counts.compare(measure(sweep), before, sweep.now)
    if added:
        logger.warning("counts repaired", extra={"added": added})


def is_time(counted_at: float | None, now: int, every_minutes: int) -> bool:
    """Return whether ``every_minutes`` have passed since the last count, at ``counted_at``.

    Whole minutes are compared because the schedule is not exact to the second.
    """
    return counted_at is None or now // 60 - counted_at // 60 >= every_minutes


def measure(sweep: Sweep) -> Numbers:
    """Return the live numbers, counted from the rows of the tables.

    Raises ``OutOfTime`` if the sweep ends before all rows are counted.
    """
    users = sum(1 for _ in _in_time(sweep, rooms.people(USER.path)))
    telecallers = of_telecallers(_in_time(sweep, people.connected(TELECALLER.path, CalledPerson)))
    return {"connections": lifecycle.count(), "online_users": users, **telecallers}


def of_telecallers(rows: Iterable[CalledPerson]) -> Numbers:
    """Return the live numbers of telecallers and calls, summed over the telecallers' rows."""
    numbers = {"online_telecallers": 0, "ringing": 0, "accepted": 0}
    for row in rows:
        numbers["online_telecallers"] += row.online
        status = ring.on_row(row).status
        numbers["ringing"] += status == ring.RINGING
        numbers["accepted"] += status == ring.ACCEPTED
    return numbers


def _in_time(sweep: Sweep, items: Iterable[T]) -> Iterator[T]:
    """Yield the items. Raises ``OutOfTime`` when the sweep's time is over."""
    for item in items:
        if sweep.over:
            raise OutOfTime
        yield item
