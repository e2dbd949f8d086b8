"""How often something may be done in a minute, to the last hit."""

from __future__ import annotations

from functools import partial

import pytest

from shared import limits
from tests.fakes import NOW_MS
from tests.integration.conftest import THREADS, Race

pytestmark = pytest.mark.usefixtures("tables")


@pytest.mark.parametrize("limit", [1, 50, 51, 60, 203])
def test_exactly_so_many_are_let_in(limit: int) -> None:
    hits = [limits.hit("key", limit, NOW_MS) for _ in range(limit + 3)]
    assert hits == [True] * limit + [False] * 3
    assert limits.hit("key", limit, NOW_MS + limits.WINDOW_MS)


def test_never_more_are_let_in_at_once(race: Race) -> None:
    hits = [
        hit for _ in range(5) for hit in race(*[partial(limits.hit, "key", 60, NOW_MS)] * THREADS)
    ]
    assert hits.count(True) == 60


def test_of_very_many_rows_some_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def full(row: limits.Hits, *_: object) -> bool:
        tried.append(row.key)
        return False

    monkeypatch.setattr(limits, "take", full)
    assert not limits.hit("key", 5_000, NOW_MS)
    assert len(set(tried)) == len(tried) == limits.MOST_TRIED
