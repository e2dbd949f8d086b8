"""Rows of numbers in the counts table, in attributes of any name.

A product has one row of live numbers, and one row for each day. They follow the streams of its
tables and are exact within seconds. Each change is added once, also if its batch is split or
repeated (``shared.aws.streams.apply_once``).

A change that a stream loses is lost for good. So from time to time the sweep counts the rows of the
tables. While things change, that count differs from the live numbers by the changes that are still
on their way through the streams. A correction by these changes would count them twice. Hence the
row of differences: a difference is added to the live numbers only if two successive counts, minutes
apart, have found the same one. If they were the same by coincidence, the next two counts correct
it. Until then a live number may be off by a few, and is never shown below 0.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from shared import times
from shared.aws.parallel import both
from shared.aws.streams import Mark, apply_once
from shared.aws.tables import Table, TableName, Transaction, is_still, transact_if
from shared.ids import compose

DAY_KEPT_SECONDS = 90 * 86_400
"""How long the numbers of a day are kept."""

COUNTED_AT = "countedAt"


class Numbers(Table):
    """A row of numbers. Products declare a subclass if they need attributes of a known name.

    counted_at: when differences were counted, epoch seconds; only in a row of differences.
    """

    class Meta:
        table_name = TableName("counts")

    name = UnicodeAttribute(hash_key=True)
    expires_at = NumberAttribute(attr_name="expiresAt", null=True)
    counted_at = NumberAttribute(attr_name=COUNTED_AT, null=True)


class Change(NamedTuple):
    """What a change of a row adds.

    live: to the live numbers.
    today: to the numbers of its day.
    """

    live: Mapping[str, int]
    today: Mapping[str, int]


def add(name: str, changes: Sequence[tuple[Mark, Change]]) -> set[Mark]:
    """Add what changes come to; return the marks of those that had not been added before.

    Idempotent for each change, by its mark.

    name: the name of the row of live numbers, with which the names of the days begin.
    """
    some = [one for one in changes if any(map(_adds, one[1]))]
    return apply_once(name, some, partial(_add_items, name))


def _adds(numbers: Mapping[str, int]) -> bool:
    return any(numbers.values())


def _add_items(name: str, transaction: Transaction, changes: list[tuple[Mark, Change]]) -> None:
    live: Counter[str] = Counter()
    days: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for mark, change in changes:
        live.update(change.live)
        if _adds(change.today):
            days[_day(name, mark.second * 1000)].update(change.today)
    if _adds(live):
        transaction.update(name, Numbers(name), actions=additions(live))
    expires_at = Numbers.expires_at.set(changes[-1][0].second + DAY_KEPT_SECONDS)
    for day, sums in days.items():
        transaction.update(day, Numbers(day), actions=[*additions(sums), expires_at])


def additions(numbers: Mapping[str, int]) -> list[Action]:
    """Return the parts of an update that add these numbers to a row."""
    return [Path(name).add(number) for name, number in numbers.items() if number]


def read(name: str) -> dict[str, int]:
    """Return all numbers of a row, by attribute name, read strongly consistently. Returns an empty
    dictionary if there is no such row."""
    items = Numbers._get_connection().get_item(name, consistent_read=True).get("Item", {})
    return {key: int(value["N"]) for key, value in items.items() if "N" in value}


def read_with_day(name: str, now_ms: int) -> tuple[dict[str, int], dict[str, int]]:
    """Return the live numbers, as they are shown, and those of the UTC day."""
    live, today = both(lambda: read(name), lambda: read(_day(name, now_ms)))
    return {key: shown(number) for key, number in live.items()}, today


def shown(number: float) -> int:
    """Return a live number as admins see it: a correction by coincidence may make it negative."""
    return max(0, int(number))


def last_difference(name: str) -> dict[str, int]:
    """Return by how much the live numbers differed from the tables at the last count, and under
    ``COUNTED_AT`` when that was. Returns an empty dictionary before the first count."""
    return read(_difference(name))


def correct(
    name: str, real: Mapping[str, int], before: Mapping[str, int], now: int
) -> dict[str, int]:
    """Add the differences that both ``real`` and the count ``before`` have found to the live
    numbers.

    The other differences are kept for the next count.

    Returns the numbers that have been added. Changes nothing if another invocation has counted
    meanwhile.
    """
    live = read(name)
    lacking = {key: number - live.get(key, 0) for key, number in real.items()}
    sure = {key: lack for key, lack in lacking.items() if lack == before.get(key, 0)}
    kept = [Path(key).set(0 if key in sure else lack) for key, lack in lacking.items()]
    unchanged = is_still(Numbers.counted_at, before.get(COUNTED_AT))

    def add_items(transaction: Transaction) -> None:
        transaction.update(
            "difference",
            Numbers(_difference(name)),
            actions=[*kept, Numbers.counted_at.set(now)],
            condition=unchanged,
        )
        if _adds(sure):
            transaction.update("live", Numbers(name), actions=additions(sure))

    if not transact_if(add_items):
        return {}
    return {key: lack for key, lack in sure.items() if lack}


def _difference(name: str) -> str:
    return compose(name, "difference")


def _day(name: str, now_ms: int) -> str:
    """Return the name of the row of a UTC day."""
    return compose(name, times.day(now_ms))
