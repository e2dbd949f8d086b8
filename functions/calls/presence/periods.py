"""How calls went in the last hour, today and in the last seven days: an HTTP route for admins.

It reads the rows of counters that the function behind the streams keeps, one for each minute and
each day, however many calls there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from functions.calls.presence import counts, ring_times
from functions.calls.presence.counts import Counts
from functions.calls.product import calls
from shared import times
from shared.aws.parallel import both
from shared.pipeline.deployment import Access
from shared.pipeline.http import HttpRequest

DAYS = 7
_DAY_MS = 86_400_000


class Period(msgspec.Struct, frozen=True, rename="camel"):
    """The calls that have ended in a period, which begins at ``since``. ``answerRate``: the share
    of answered calls, between 0 and 1. ``medianRingSeconds``, ``averageSeconds``: how long the
    answered calls rang, and how long they lasted. The three are null if there are no such calls.
    ``coins``: what users have paid."""

    since: str
    calls: int
    answered: int
    missed: int
    rejected: int
    cancelled: int
    answer_rate: float | None
    median_ring_seconds: float | None
    average_seconds: int | None
    coins: int


class CallStats(msgspec.Struct, frozen=True, rename="camel"):
    """``hour``: the last 60 minutes. ``day``: today (UTC). ``week``: today and the six days before.
    ``days``: the days of the week one by one, today last."""

    hour: Period
    day: Period
    week: Period
    days: list[Period]
    timestamp: str


@calls.route("GET /admin/calls/stats", who="an admin", access=Access({"counts": "BatchGetItem"}))
def call_stats(request: HttpRequest) -> CallStats:
    """Return how many calls were answered, after which time, how long they lasted and what they
    earned: in the last hour, today and in the last seven days."""
    now_ms = request.ports.clock.now_ms()
    day_starts = [now_ms - now_ms % _DAY_MS - ago * _DAY_MS for ago in reversed(range(DAYS))]
    day_names = [times.day(start) for start in day_starts]
    minutes, by_day = both(
        lambda: counts.rows(counts.last_minutes(now_ms)), lambda: counts.rows(day_names)
    )
    days = [
        _period(start, [by_day[name]] if name in by_day else [])
        for start, name in zip(day_starts, day_names, strict=True)
    ]
    hour_start = now_ms - now_ms % 60_000 - 59 * 60_000
    return CallStats(
        hour=_period(hour_start, list(minutes.values())),
        day=days[-1],
        week=_period(day_starts[0], list(by_day.values())),
        days=days,
        timestamp=times.iso(now_ms),
    )


def _period(start_ms: int, rows: Sequence[Counts]) -> Period:
    total: Counter[str] = Counter()
    for row in rows:
        for name in (*counts.OUTCOMES, *counts.SUMS, *ring_times.NAMES):
            total[name] += int(getattr(row, name) or 0)
    answered, every = total["completed"], sum(total[name] for name in counts.OUTCOMES)
    return Period(
        since=times.iso(start_ms),
        calls=every,
        answered=answered,
        missed=total["missed"],
        rejected=total["rejected"],
        cancelled=total["cancelled"],
        answer_rate=round(answered / every, 4) if every else None,
        median_ring_seconds=ring_times.median_seconds(total),
        average_seconds=round(total["seconds"] / answered) if answered else None,
        coins=total["coins"],
    )
