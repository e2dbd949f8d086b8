"""What is known to fail. The table may only shrink: an entry that no longer fails is an error."""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulation.report import Cell, Table

KNOWN: dict[Cell, frozenset[str]] = {}


def differences(table: Table) -> Iterator[str]:
    """Yield what is otherwise than known, among the cells of a table."""
    for cell, result in table.items():
        expected = KNOWN.get(cell, frozenset())
        name = ", ".join(cell)
        for what in sorted(result.broken.keys() - expected):
            yield f"{name}: {what} is broken: {result.example[what]}"
        for what in sorted(expected - result.broken.keys()):
            yield f"{name}: {what} is no longer broken: take it out of KNOWN"
