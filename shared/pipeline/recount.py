"""Counts the rows of the tables and corrects the live numbers (``shared.aws.numbers``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from shared.aws import numbers
from shared.aws.log import logger
from shared.pipeline.sweep import Sweep
from shared.settings import settings

T = TypeVar("T")


class OutOfTime(Exception):
    """There are more rows than one sweep can count. Half a count is of no use."""


def correct(sweep: Sweep, name: str, measure: Callable[[], Mapping[str, int]]) -> None:
    """Count the rows and correct live numbers, if the last count is long enough ago.

    name: the name of the row of live numbers.
    measure: returns the numbers, counted from the rows of the tables.
    """
    before = numbers.last_difference(name)
    counted_at = before.get(numbers.COUNTED_AT)
    if not is_time(counted_at, sweep.now, settings().repair_every_minutes):
        return
    added = numbers.correct(name, measure(), before, sweep.now)
    if added:
        logger.warning("counts repaired", extra={"of": name, "added": added})


def is_time(counted_at: int | None, now: int, every_minutes: int) -> bool:
    """Return whether ``every_minutes`` have passed since the last count, at ``counted_at``.

    Whole minutes are compared because the schedule is not exact to the second.
    """
    return counted_at is None or now // 60 - counted_at // 60 >= every_minutes


def in_time(sweep: Sweep, items: Iterable[T]) -> Iterator[T]:
    """Yield the items. Raises ``OutOfTime`` when the sweep's time is over."""
    for item in items:
        if sweep.over:
            raise OutOfTime
        yield item
