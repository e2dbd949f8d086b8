"""The states of a call: every pair of state and trigger is written out."""

from __future__ import annotations

import pytest

from functions.calls.billing import cost, duration_seconds
from functions.calls.state import FINAL, Status, Trigger, after

TABLE = """
            accept    reject    cancel     timeout  end        gone       stop       balance
RINGING     ACCEPTED  REJECTED  CANCELLED  MISSED   -          MISSED     CANCELLED  -
ACCEPTED    -         -         -          -        COMPLETED  COMPLETED  COMPLETED  COMPLETED
REJECTED    -         -         -          -        -          -          -          -
CANCELLED   -         -         -          -        -          -          -          -
MISSED      -         -         -          -        -          -          -          -
COMPLETED   -         -         -          -        -          -          -          -
"""

_head, *_rows = (line.split() for line in TABLE.strip().splitlines())
CELLS = [
    (status, trigger, cell)
    for status, *cells in _rows
    for trigger, cell in zip(_head, cells, strict=True)
]


def test_the_table_has_every_pair() -> None:
    pairs = {(status, trigger) for status, trigger, _ in CELLS}
    assert pairs == {(status.value, trigger.value) for status in Status for trigger in Trigger}


@pytest.mark.parametrize(("status", "trigger", "cell"), CELLS)
def test_a_trigger_leads_to_the_state_in_the_table(status: str, trigger: str, cell: str) -> None:
    expected = None if cell == "-" else Status(cell)
    assert after(Status(status), Trigger(trigger)) is expected


def test_final_states_are_those_that_no_trigger_leaves() -> None:
    assert {Status.REJECTED, Status.CANCELLED, Status.MISSED, Status.COMPLETED} == FINAL


@pytest.mark.parametrize(
    ("accepted_at", "ended_at", "seconds"),
    [(None, 90_000, 0), (0, 0, 0), (0, 999, 0), (0, 1_000, 1), (500, 61_499, 60), (9_000, 1, 0)],
)
def test_a_duration_is_whole_seconds_rounded_down(
    accepted_at: int | None, ended_at: int, seconds: int
) -> None:
    assert duration_seconds(accepted_at, ended_at) == seconds


@pytest.mark.parametrize(
    ("seconds", "coins"), [(0, 0), (1, 10), (59, 10), (60, 10), (61, 20), (120, 20), (121, 30)]
)
def test_a_started_minute_costs_as_much_as_a_whole_one(seconds: int, coins: int) -> None:
    assert cost(seconds, 10) == coins
    assert cost(seconds, 0) == 0
