"""Pauses between attempts."""

from __future__ import annotations

import pytest

from shared.aws.retry import pause


@pytest.mark.parametrize(("attempt", "most"), [(1, 0.1), (2, 0.2), (5, 1.6), (6, 2.0), (20, 2.0)])
def test_pauses_double_up_to_the_longest_and_are_random(
    attempt: int, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("shared.aws.retry.time.sleep", slept.append)
    for _ in range(200):
        pause(attempt, first=0.1, longest=2.0)
    assert 0 <= min(slept) < most / 4
    assert most * 3 / 4 < max(slept) <= most
