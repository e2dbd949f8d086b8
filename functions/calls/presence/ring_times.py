"""How long calls ring until they are answered, as a histogram that counters can keep.

A median cannot be added up, but the numbers of calls in buckets can.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pynamodb.attributes import NumberAttribute

from shared.aws.tables import Table

BOUNDS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 90, 120)
"""The upper bounds of the buckets, in seconds. The last bucket has what is longer."""

LONGEST = 240
"""The upper bound of the last bucket for the median, in seconds."""

NAMES = tuple(f"ring_{bound}" for bound in (*BOUNDS, "more"))
"""The attributes of a row of numbers: how many calls were answered within each bucket."""


_ATTRIBUTES = {name: NumberAttribute(null=True) for name in NAMES}
Histogram: Any = type("Histogram", (Table,), {"__module__": __name__, **_ATTRIBUTES})
"""The base of a row that has these attributes."""


def bucket(ring_ms: float) -> str:
    """Return the attribute that counts a call that was answered after this time, in ms."""
    return next(
        (name for name, bound in zip(NAMES, BOUNDS, strict=False) if ring_ms < bound * 1000),
        NAMES[-1],
    )


def median_seconds(numbers: Mapping[str, int]) -> float | None:
    """Return the median of a histogram in seconds. Returns None if it is empty.

    The calls of a bucket are taken to be spread evenly over it.
    """
    counts = [numbers.get(name, 0) for name in NAMES]
    half, below, lower = sum(counts) / 2, 0, 0
    for count, upper in zip(counts, (*BOUNDS, LONGEST), strict=True):
        if count and below + count >= half:
            return round(lower + (upper - lower) * (half - below) / count, 1)
        below, lower = below + count, upper
    return None
