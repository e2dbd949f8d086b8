"""What is known to fail: by reason, event and kinds of faults, the invariants that break.

The table may only shrink. What fails and is not here makes the tests fail, and so does what is here
and no longer fails.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulation.report import Cell, Table

SAID_TWICE = "Two invocations that finish the same thing both announce it."
CANDIDATE = "A candidate is posted at the same time as the event that it must follow."

HISTORIES = {
    "once": SAID_TWICE,
}
"""What may break in a history without faults, and why."""

AT_ONCE: dict[tuple[str, str], str] = {
    ("another tab comes, and is called", "in_order"): CANDIDATE,
}
"""What may break in a burst of the concurrent world, and why, beside what breaks in the race of the
same name. It breaks in some orders only, so it is missed in long runs alone."""

LONG = 40
"""A burst that breaks breaks within so many runs."""

_Row = tuple[str, str, str]
"""An event, kinds of faults and invariants, separated by semicolons."""

_ROWS: dict[str, tuple[_Row, ...]] = {}


def _cells() -> Iterator[tuple[Cell, str]]:
    for rows in _ROWS.values():
        for name, kinds, invariants in rows:
            for kind in kinds.split("; "):
                yield from (((name, kind), invariant) for invariant in invariants.split("; "))


KNOWN: dict[Cell, frozenset[str]] = {
    cell: frozenset(invariant for other, invariant in _cells() if other == cell)
    for cell, _ in _cells()
}


def differences(table: Table) -> Iterator[str]:
    """Yield what is otherwise than known, among the cells of a table."""
    for cell, result in table.items():
        expected = KNOWN.get(cell, frozenset())
        name = ", ".join(cell)
        for what in sorted(result.broken.keys() - expected):
            yield f"{name}: {what} is broken: {result.example[what]}"
        for what in sorted(expected - result.broken.keys()):
            yield f"{name}: {what} is no longer broken: take it out of the table"


def unknown_in_histories(table: Table) -> Iterator[str]:
    """Yield what is broken in histories and not known."""
    for (seed, _), result in table.items():
        for what in sorted(result.broken.keys() - HISTORIES.keys()):
            yield f"{seed}: {what} is broken: {result.example[what]}"


def unknown_at_once(table: Table) -> Iterator[str]:
    """Yield what is broken in bursts and not known, and what no longer breaks in many runs."""
    for (name, _), result in table.items():
        in_turn = {what for (other, _), all_ in KNOWN.items() if other == name for what in all_}
        own = {what for other, what in AT_ONCE if other == name}
        for what in sorted(result.broken.keys() - own - in_turn):
            yield f"{name}: {what} is broken: {result.example[what]}"
        for what in sorted(own - result.broken.keys()) if result.runs >= LONG else ():
            yield f"{name}: {what} has not broken in {result.runs} runs: take it out of the table"
