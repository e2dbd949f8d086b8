"""The table of outcomes: event and fault → ``ok``, or the invariants that are broken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.simulation.runner import Outcome

Cell = tuple[str, str]
"""A scenario, with the function that is hit if there are several, and a kind of fault."""


@dataclass
class Result:
    """What all runs of a cell came to.

    broken: how many runs broke an invariant.
    example: a request and a violation, by invariant.
    """

    runs: int = 0
    failures: int = 0
    broken: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    example: dict[str, str] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        """Take the outcome of a run."""
        self.runs += 1
        self.failures += bool(outcome.broken)
        for name, violations in outcome.broken.items():
            self.broken[name] += 1
            self.example.setdefault(name, f"{outcome.request}: {violations[0]}")

    def __str__(self) -> str:
        if not self.failures:
            return f"ok ({self.runs})"
        names = ", ".join(f"{name} {number}" for name, number in sorted(self.broken.items()))
        return f"{names} (of {self.runs})"


Table = dict[Cell, Result]


def cell(outcome: Outcome) -> Cell:
    """Return the cell of an outcome."""
    function = outcome.fault.function if outcome.fault else ""
    where = f" [{function}]" if function and function != "socketio" else ""
    return f"{outcome.name}{where}", outcome.kind


def table_of(outcomes: Iterable[Outcome]) -> Table:
    """Return the table of outcomes."""
    table: Table = defaultdict(Result)
    for outcome in outcomes:
        table[cell(outcome)].add(outcome)
    return dict(table)


def failures(table: Table) -> list[str]:
    """Return a sentence for every invariant that is broken in a cell, with an example."""
    return [
        f"{name}, {kind}: {what} is broken {result.broken[what]} times: {result.example[what]}"
        for (name, kind), result in table.items()
        for what in sorted(result.broken)
    ]


def lines(table: Table, *, details: bool) -> Iterator[str]:
    """Yield the table as text; ``details`` adds an example to everything that is broken."""
    for (name, kind), result in table.items():
        yield f"{name:<48} {kind:<24} {result}"
        if details:
            yield from (f"    {what}: {text[:220]}" for what, text in result.example.items())
