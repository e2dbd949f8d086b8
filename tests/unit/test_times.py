"""Times as clients read them, and as keys sort by them."""

from __future__ import annotations

import pytest

from shared.times import day, iso, of_sortable, sortable


@pytest.mark.parametrize(
    ("epoch_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_768_818_600_000, "2026-01-19T10:30:00.000Z"),
        (1_768_818_600_007, "2026-01-19T10:30:00.007Z"),
        (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
    ],
)
def test_a_time_is_formatted_as_in_javascript(epoch_ms: int, text: str) -> None:
    assert iso(epoch_ms) == text


def test_every_millisecond_of_a_second_has_its_own_text() -> None:
    written = [iso(1_768_818_600_000 + number) for number in range(1_000)]
    assert written == [f"2026-01-19T10:30:00.{number:03}Z" for number in range(1_000)]


@pytest.mark.parametrize(
    ("epoch_ms", "text"),
    [(1_768_780_799_999, "2026-01-18"), (1_768_780_800_000, "2026-01-19")],
)
def test_a_day_begins_at_midnight_utc(epoch_ms: int, text: str) -> None:
    assert day(epoch_ms) == text


def test_sortable_texts_sort_by_time_and_can_be_read() -> None:
    moments = [0, 15, 16, 1_768_818_600_000, 1_768_818_600_001, 4_102_444_800_000]
    texts = [f"{sortable(epoch_ms)}ffff" for epoch_ms in moments]
    assert sorted(texts, reverse=True) == texts[::-1]
    assert [of_sortable(text) for text in texts] == moments
