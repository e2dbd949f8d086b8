"""The numbers that admins see: one row of live numbers, and rows of calls per day and per minute.

Each row is read with one request, however many people there are. The numbers follow the tables'
streams, a batch of changes at a time, and are exact within seconds. Each change is added once, also
if its batch is split or repeated (``shared.aws.streams.apply_once``). The sweep corrects what has
been lost (``shared.aws.numbers``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from functions.calls.presence import ring_times
from functions.calls.presence.changes import Numbers
from shared import times
from shared.aws.metrics import Metric, count_all
from shared.aws.numbers import DAY_KEPT_SECONDS, additions, shown
from shared.aws.parallel import both
from shared.aws.streams import Mark, apply_once
from shared.aws.tables import TableName, Transaction
from shared.pipeline.sweep import Sweep

LIVE = "live"
_MINUTE_KEPT_SECONDS = 7_200
OUTCOMES = ("completed", "missed", "rejected", "cancelled")
SUMS = ("seconds", "coins")
"""What is added up over the calls that were answered."""


class Counts(ring_times.Histogram):  # type: ignore[misc]
    """A row of numbers: live, of a day, or of a minute.

    name: ``LIVE``, or the day or minute.
    connections to accepted: how many there are now; only in the live row.
    completed to cancelled: how many calls have ended that way; only in rows of a day or a minute,
        which also count the answered calls by how long they rang.
    seconds, coins: how long the answered calls have lasted together, and what was paid for them;
        in the same rows.
    """

    class Meta:
        table_name = TableName("counts")

    name = UnicodeAttribute(hash_key=True)
    expires_at = NumberAttribute(attr_name="expiresAt", null=True)

    connections = NumberAttribute(default=0)
    online_users = NumberAttribute(attr_name="onlineUsers", default=0)
    online_telecallers = NumberAttribute(attr_name="onlineTelecallers", default=0)
    ringing = NumberAttribute(default=0)
    accepted = NumberAttribute(default=0)

    completed = NumberAttribute(default=0)
    missed = NumberAttribute(default=0)
    rejected = NumberAttribute(default=0)
    cancelled = NumberAttribute(default=0)
    seconds = NumberAttribute(null=True)
    coins = NumberAttribute(null=True)


class Change(msgspec.Struct, frozen=True):
    """What a record of a stream adds.

    live: to the live numbers.
    ended: to the numbers of its day and its minute.
    """

    live: Numbers
    ended: Numbers


def add(changes: Sequence[tuple[Mark, Change]]) -> set[Mark]:
    """Add what changes come to; return the marks of those that had not been added before.

    Idempotent for each change, by its mark.
    """
    some = [one for one in changes if any(one[1].live.values()) or any(one[1].ended.values())]
    return apply_once("presence", some, _add_items)


def _add_items(transaction: Transaction, changes: list[tuple[Mark, Change]]) -> None:
    live: Counter[str] = Counter()
    ended: defaultdict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    for mark, change in changes:
        live.update(change.live)
        if any(change.ended.values()):
            for name, kept_seconds in (
                (times.day(mark.second * 1000), DAY_KEPT_SECONDS),
                (times.minute(mark.second * 1000), _MINUTE_KEPT_SECONDS),
            ):
                ended[name, kept_seconds].update(change.ended)
    if any(live.values()):
        transaction.update("live", Counts(LIVE), actions=additions(live))
    last = max(mark.second for mark, _ in changes)
    for (name, kept_seconds), numbers in ended.items():
        expires_at = Counts.expires_at.set(last + kept_seconds)
        transaction.update(name, Counts(name), actions=[*additions(numbers), expires_at])


def read(now_ms: int) -> tuple[Counts, Counts]:
    """Return the live numbers and the numbers of today so far."""
    return both(_live, lambda: _get(times.day(now_ms)))


def last_hour(now_ms: int) -> dict[str, list[int]]:
    """Return how many calls ended in each of the last 60 minutes, by outcome.

    The current minute is the last in each list.
    """
    names = last_minutes(now_ms)
    found = rows(names)
    return {
        outcome: [int(getattr(found[name], outcome)) if name in found else 0 for name in names]
        for outcome in OUTCOMES
    }


def last_minutes(now_ms: int) -> list[str]:
    """Return the names of the rows of the last 60 minutes, the current minute last."""
    return [times.minute(now_ms - ago * 60_000) for ago in reversed(range(60))]


def rows(names: Sequence[str]) -> dict[str, Counts]:
    """Return the rows with these names, as far as they exist, by name."""
    return {row.name: row for row in Counts.batch_get(list(names))}


def gauge(_: Sweep) -> None:
    """Report the live numbers as metrics, once a minute, for the dashboard."""
    live = _live()
    count_all(
        {
            Metric.USERS_ONLINE: int(live.online_users),
            Metric.TELECALLERS_ONLINE: int(live.online_telecallers),
            Metric.CONNECTIONS: int(live.connections),
        }
    )


def _live() -> Counts:
    """Return the live numbers as they are shown."""
    row = _get(LIVE)
    for name in ("connections", "online_users", "online_telecallers", "ringing", "accepted"):
        setattr(row, name, shown(getattr(row, name)))
    return row


def _get(name: str) -> Counts:
    try:
        row: Counts = Counts.get(name)
    except Counts.DoesNotExist:
        return Counts(name)
    return row
