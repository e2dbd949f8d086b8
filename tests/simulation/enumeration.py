"""Every fault at every request of a scenario."""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulation.faults import Fault, Kind, Request, kinds_for
from tests.simulation.runner import (
    OF_ONE_RECIPIENT,
    Outcome,
    Runner,
    Snapshot,
    decided,
    differences,
    verdict,
)
from tests.simulation.stage import Scenario, Stage, Step

PUBLISHER = "publisher"
"""The function that follows all tables. What it does depends on the table, so each of its
invocations that makes requests is hit, in every scenario."""


def outcomes(runner: Runner, scenario: Scenario) -> Iterator[Outcome]:
    """Run a scenario without a fault, and then with every fault."""
    snapshot = runner.prepare(scenario.setup)
    trace = trace_of(snapshot, scenario.act)
    stage, outcome = without_fault(runner, scenario)
    expected = decided(stage.world)
    yield outcome
    for function in scenario.functions:
        if function not in trace:
            raise AssertionError(f"{scenario.name} does not invoke {function}: {sorted(trace)}")
        for fault, request in faults_of(function, trace[function][0]):
            yield run(scenario, snapshot, fault, request, expected)
    for nth, requests in enumerate(trace.get(PUBLISHER, ()) if scenario.functions else ()):
        for fault, request in faults_of(PUBLISHER, requests, nth) if requests else ():
            yield run(scenario, snapshot, fault, request, expected)


def without_fault(runner: Runner, scenario: Scenario) -> tuple[Stage, Outcome]:
    """Run a scenario as it is. Returns the stage in the end, and what came of it."""
    stage = runner.prepare(scenario.setup).restore()
    scenario.act(stage)
    stage.world.run()
    return stage, Outcome(scenario.name, None, "", verdict(stage.world))


def trace_of(snapshot: Snapshot, act: Step) -> dict[str, list[list[Request]]]:
    """Return the requests of the invocations that an act brings about, by function and in order."""
    stage = snapshot.restore()
    stage.world.trace = []
    act(stage)
    stage.world.run()
    found: dict[str, list[list[Request]]] = {}
    for one in stage.world.trace:
        found.setdefault(one.spec.name, []).append(one.requests)
    return found


def faults_of(function: str, requests: list[Request], nth: int = 0) -> Iterator[tuple[Fault, str]]:
    """Yield the faults that can hit an invocation of a function, by default the first one."""
    yield Fault(Kind.TWICE, function, nth), ""
    for at, request in enumerate(requests, 1):
        for kind in kinds_for(request, last=at == len(requests)):
            yield Fault(kind, function, nth, at), f"{at}/{len(requests)} {request}"


def run(
    scenario: Scenario,
    snapshot: Snapshot,
    fault: Fault,
    request: str,
    expected: dict[str, object],
) -> Outcome:
    """Run a scenario with a fault. ``expected`` is what is decided without it."""
    stage = snapshot.restore()
    stage.world.inject(fault)
    scenario.act(stage)
    stage.world.run()
    broken = verdict(stage.world, fault)
    if fault.kind in OF_ONE_RECIPIENT:
        changed = differences(expected, decided(stage.world, but=request.rpartition(" ")[2]))
        broken |= {"undone": changed} if changed else {}
    return Outcome(scenario.name, fault, request, broken)
