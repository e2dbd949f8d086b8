"""When counts are repaired, and how telecallers' rows are counted."""

from __future__ import annotations

import pytest

from functions.calls.presence.repair import of_telecallers
from shared.calling.ring import CalledPerson, CallOnRow
from shared.pipeline.recount import is_time


@pytest.mark.parametrize(
    ("counted_at", "now", "expected"),
    [
        (None, 0, True),
        (600, 600, False),
        (600, 899, False),
        (600, 900, True),
        (659, 900, True),
        (600, 10_000, True),
    ],
)
def test_the_repair_is_due_after_whole_minutes(
    counted_at: int | None, now: int, expected: bool
) -> None:
    assert is_time(counted_at, now, 5) is expected


def telecaller(*, online: bool = True, status: str | None = None) -> CalledPerson:
    person = CalledPerson("/telecaller#t", members={"s:c"} if online else None)
    if status:
        person.call = CallOnRow(id="c", status=status)
    return person


def test_telecallers_are_counted_by_their_state() -> None:
    rows = [
        telecaller(),
        telecaller(online=False),
        telecaller(status="RINGING"),
        telecaller(status="ACCEPTED"),
        telecaller(status="ACCEPTED", online=False),
    ]
    assert of_telecallers(rows) == {"onlineTelecallers": 3, "ringing": 1, "accepted": 2}
    assert of_telecallers([]) == {"onlineTelecallers": 0, "ringing": 0, "accepted": 0}
