"""Limits per minute, exact to the last hit."""

from __future__ import annotations

from functools import partial

import pytest

from shared.pipeline import rate_limits
from tests.fakes import NOW_MS
from tests.integration.conftest import THREADS, Race

pytestmark = pytest.mark.usefixtures("tables")


@pytest.mark.parametrize("limit", [1, 50, 51, 60, 203])
def test_exactly_as_many_hits_as_the_limit_are_let_in(limit: int) -> None:
    hits = [rate_limits.hit("key", limit, NOW_MS) for _ in range(limit + 3)]
    assert hits == [True] * limit + [False] * 3
    assert rate_limits.hit("key", limit, NOW_MS + rate_limits.WINDOW_MS)


def test_concurrent_hits_never_exceed_the_limit(race: Race) -> None:
    hits = [
        hit
        for _ in range(5)
        for hit in race(*[partial(rate_limits.hit, "key", 60, NOW_MS)] * THREADS)
    ]
    assert hits.count(True) == 60


def test_a_very_large_limit_tries_only_some_of_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def full(row: rate_limits.Hits, *_: object) -> bool:
        tried.append(row.key)
        return False

    monkeypatch.setattr(rate_limits, "take", full)
    assert not rate_limits.hit("key", 5_000, NOW_MS)
    assert len(set(tried)) == len(tried) == rate_limits.MOST_TRIED
