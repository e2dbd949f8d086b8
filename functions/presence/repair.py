"""Counts what is really there, and hands it to the live numbers: see ``counts``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from functions.calls.namespaces import TELECALLER, USER
from functions.presence import counts
from functions.presence.changes import Numbers
from shared.aws.log import logger
from shared.pipeline.sweep import Sweep
from shared.realtime import connections, people, rooms
from shared.realtime.people import Person
from shared.settings import settings

T = TypeVar("T")


class OutOfTime(Exception):
    """There are more people than can be counted in one sweep; half a count is none."""


def repair(sweep: Sweep) -> None:
    """Count again when it is time to."""
    before = counts.last_difference()
    if not is_time(before.counted_at, sweep.now, settings().repair_every_minutes):
        return
    added = counts.compare(measure(sweep), before, sweep.now)
    if added:
        logger.warning("counts repaired", extra={"added": added})


def is_time(counted_at: float | None, now: int, every_minutes: int) -> bool:
    """By whole minutes, because the schedule's own are not exact to the second."""
    return counted_at is None or now // 60 - counted_at // 60 >= every_minutes


def measure(sweep: Sweep) -> Numbers:
    """The live numbers as the tables have them. Raises ``OutOfTime``."""
    users = sum(1 for _ in _in_time(sweep, rooms.people(USER.path)))
    telecallers = of_telecallers(_in_time(sweep, people.connected(TELECALLER.path)))
    return {"connections": connections.count(), "online_users": users, **telecallers}


def of_telecallers(rows: Iterable[Person]) -> Numbers:
    """What the rows of everybody in the room of telecallers add up to."""
    numbers = {"online_telecallers": 0, "ringing": 0, "accepted": 0}
    for row in rows:
        numbers["online_telecallers"] += row.online
        status = row.current_call and row.current_call.status
        if status in ("RINGING", "ACCEPTED"):
            numbers[status.lower()] += 1
    return numbers


def _in_time(sweep: Sweep, items: Iterable[T]) -> Iterator[T]:
    for item in items:
        if sweep.over:
            raise OutOfTime
        yield item
