"""Percentiles of times."""

from __future__ import annotations

import math
from collections.abc import Iterable

PERCENTS = (50.0, 99.0, 99.9)


def percentile(values: Iterable[float], percent: float) -> float:
    """Return the least value that ``percent`` of all values do not exceed (nearest rank).

    Raises ``ValueError`` if there are no values.
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    return ordered[max(math.ceil(round(percent * len(ordered) / 100, 9)), 1) - 1]


def in_ms(name: str, seconds: Iterable[float]) -> dict[str, float]:
    """Return the p50, p99 and p99.9 of times, in milliseconds, named ``<name> p50 ms`` and so on.

    Returns nothing if there are no times.
    """
    times = list(seconds)
    if not times:
        return {}
    return {
        f"{name} p{percent:g} ms": round(percentile(times, percent) * 1000, 1)
        for percent in PERCENTS
    }
