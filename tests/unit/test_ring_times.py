"""The histogram of how long calls ring."""

from __future__ import annotations

from collections import Counter

import pytest

from functions.calls.presence.ring_times import NAMES, bucket, median_seconds


@pytest.mark.parametrize(
    ("ring_ms", "name"),
    [(0, "ring_1"), (999, "ring_1"), (1_000, "ring_2"), (6_000, "ring_8"), (500_000, "ring_more")],
)
def test_a_ring_time_is_in_one_bucket(ring_ms: int, name: str) -> None:
    assert bucket(ring_ms) == name
    assert name in NAMES


@pytest.mark.parametrize(
    ("seconds", "median"),
    [([], None), ([3.5], 3.5), ([1, 1.5, 9], 1.8), ([2, 2, 30, 30], 3.0), ([150], 180.0)],
)
def test_a_median_is_about_that_of_the_calls(seconds: list[float], median: float | None) -> None:
    numbers = Counter(bucket(one * 1_000) for one in seconds)
    assert median_seconds(numbers) == median
