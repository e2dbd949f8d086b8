"""Runs scenarios: an engine, worlds that can be taken back, and the judgement of one run."""

from __future__ import annotations

import io
import pickle
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.integration import engines
from tests.simulation import judge, patches, stack
from tests.simulation.engine import Dynamo, Rows
from tests.simulation.faults import Fault, Kind
from tests.simulation.patches import use
from tests.simulation.stage import SHIM, Stage, Step
from tests.simulation.truth import Truth
from tests.simulation.world import World

PATIENCE_MS = 1_200_000
"""After this a message whose function died has been handled, and a connection that broke without a
word has been found by a ping that nobody answers."""

AT_LEAST_ONCE = {
    Kind.DIES,
    Kind.DIES_AFTER,
    Kind.LOST,
    Kind.UNANSWERED,
    Kind.DOWN,
    Kind.CONFLICTS,
    Kind.HUNG,
}
"""After these faults the backend cannot know who has heard of something, or cannot note it, so it
may say it again."""

OF_ONE_RECIPIENT = {
    Kind.BUSY,
    Kind.BUSY_ALWAYS,
    Kind.FORBIDDEN,
    Kind.FORBIDDEN_ALWAYS,
    Kind.HUNG,
}
"""Faults that may cost one recipient a frame, and nobody else anything."""

URGENT = ("free", "recorded", "coins")
"""What cannot wait until a connection that broke without a word is noticed by a ping."""

Broken = dict[str, list[str]]


@dataclass(frozen=True)
class Outcome:
    """What one run came to.

    name: the scenario.
    request: the request that the fault hit.
    broken: the violations by invariant.
    """

    name: str
    fault: Fault | None
    request: str
    broken: Broken

    @property
    def kind(self) -> str:
        """The kind of the fault, or ``none``."""
        return self.fault.kind.value if self.fault else "none"


class Snapshot:
    """A stage as it was, with the rows of all tables."""

    def __init__(self, stage: Stage) -> None:
        self._dynamo = stage.world.dynamo
        self._rows: Rows = stage.world.rows()
        kept = io.BytesIO()
        _Pickler(kept).dump(stage)
        self._stage = kept.getvalue()

    def restore(self) -> Stage:
        """Return to the stage."""
        stage: Stage = _Unpickler(io.BytesIO(self._stage), self._dynamo).load()
        self._dynamo.restore(self._rows)
        use(stage.world)
        return stage


class _Pickler(pickle.Pickler):
    """Pickling is ten times as fast as ``copy.deepcopy``. The engine itself is not copied."""

    def persistent_id(self, obj: object) -> str | None:
        return "engine" if isinstance(obj, Dynamo) else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, dynamo: Dynamo) -> None:
        super().__init__(file)
        self._dynamo = dynamo

    def persistent_load(self, _: str) -> Dynamo:
        return self._dynamo


class Runner:
    """Runs scenarios on one engine, in worlds of one kind."""

    def __init__(self, dynamo: Dynamo, world: type[World] = World) -> None:
        self.dynamo = dynamo
        self._world = world
        self._prepared: dict[Step, Snapshot] = {}

    def prepare(self, setup: Step) -> Snapshot:
        """Return the stage after a setup, which is run once."""
        if setup not in self._prepared:
            stage = Stage(self._world(self.dynamo))
            setup(stage)
            self._prepared[setup] = Snapshot(stage)
        return self._prepared[setup]

    def world(self, seed: int) -> World:
        """Return a new world."""
        return self._world(self.dynamo, seed)


@contextmanager
def running(world: type[World] = World) -> Iterator[Runner]:
    """Start an engine and put the simulation into force."""
    with (
        tempfile.TemporaryDirectory() as work,
        engines.running("dynoxide", Path(work)) as engine,
    ):
        dynamo = Dynamo(engine.url, stack.TABLES)
        with patches.simulated(dynamo.specs, engine.url):
            yield Runner(dynamo, world)


def verdict(world: World, fault: Fault | None = None) -> Broken:
    """Let everything come to rest, and return what is broken then.

    What is right in the end, but not in time, is called late.
    """
    world.settle()
    but = tuple(_not_judged(fault))
    found = judge.broken(world, but=but)
    never_again = fault and fault.function == SHIM and not world.gateway.lost
    if not found or never_again:
        return found
    if world.gateway.lost:
        found = {name: found[name] for name in URGENT if name in found}
    world.run(PATIENCE_MS)
    left = judge.broken(world, but=but)
    return left | {f"late: {name}": found[name] for name in found if name not in left}


def _not_judged(fault: Fault | None) -> Iterator[str]:
    """Yield the invariants that no backend could keep with this fault."""
    if fault is None:
        return
    twice = fault.kind is Kind.TWICE and fault.function == "broadcast"
    if twice or fault.kind in AT_LEAST_ONCE:
        yield "once"
    if fault.kind not in (Kind.RACE, Kind.OVERTAKEN, Kind.CONCURRENT):
        yield from ("served", "rang")


def decided(world: World, but: str = "") -> dict[str, object]:
    """Return what was decided: the states of calls and bookings, and the answers that came.

    but: a connection whose answers do not count.
    """
    truth = Truth(world)
    return {
        **{id_: one["status"] for id_, one in truth.records.items()},
        **{id_: one["status"] for id_, one in truth.bookings.items()},
        **{id_: one["status"] for id_, one in truth.chat_calls.items()},
        **{
            f"{asked.event} {asked.own_id}": asked.failure
            for app in world.apps
            for asked in app.screen.asked
            if asked.answered and app.id not in world.gateway.deaf and app.id != but
        },
    }


def differences(before: dict[str, object], now: dict[str, object]) -> list[str]:
    """Return what was decided otherwise, of what both know."""
    return [
        f"{name}: {now[name]} instead of {before[name]}"
        for name in before
        if name in now and before[name] != now[name]
    ]
