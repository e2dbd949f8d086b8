"""``python -m tests.simulation``: run the simulator and print what came of it.

Without arguments, every fault at every request of every scenario, all races, and no histories.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from collections.abc import Iterator

os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")

from tests.simulation import bursts, enumeration, histories, races, report, reports, runner
from tests.simulation.concurrent import ConcurrentWorld
from tests.simulation.runner import Outcome, Runner
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.shift import Shift
from tests.simulation.world import World

MOST_OBJECTS = 100_000
"""After so many new objects Python looks for cycles. It looks more often by itself, which takes a
quarter of the time."""


def main() -> int:
    """Run what the arguments ask for. Returns 1 if an invariant is broken."""
    if "PYTHONHASHSEED" not in os.environ:  # the order of sets is the order of some requests
        command = [sys.executable, "-m", "tests.simulation", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | {"PYTHONHASHSEED": "0"})
    arguments = _arguments()
    if arguments.shift:
        return _shift(arguments.shift)
    begin = time.perf_counter()
    # What has been imported stays. Worlds are cycles, but there are few of them at a time.
    gc.freeze()
    gc.set_threshold(MOST_OBJECTS)
    kind = ConcurrentWorld if arguments.concurrent else World
    with runner.running(kind) as run:
        table = report.table_of(_outcomes(run, arguments))
    for line in report.lines(table, details=arguments.details):
        print(line)
    runs, failures = (
        sum(result.runs for result in table.values()),
        sum(result.failures for result in table.values()),
    )
    seconds = time.perf_counter() - begin
    print(f"{runs} runs in {seconds:.0f} s, {failures} with a broken invariant")
    return bool(failures)


def _shift(seed: int) -> int:
    """Run a shift of eight hours, without recovery and with it, and print what came of it.

    Returns 1 if anybody noticed.
    """
    begin = time.perf_counter()
    with runner.running() as run:
        shifts = [
            Shift(run.world(seed), hours=8, calls=60, recovery=recovery).run()
            for recovery in (False, True)
        ]
    print(*shifts, f"in {time.perf_counter() - begin:.0f} s", sep="\n")
    return any(figures.problems for figures in shifts)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", metavar="FROM:TO", help="run seeded histories instead")
    parser.add_argument(
        "--concurrent", metavar="FROM:TO", help="run all at once on threads, with these seeds"
    )
    parser.add_argument(
        "--shift", metavar="SEED", type=int, help="run a shift of eight hours, with this seed"
    )
    parser.add_argument("--faults", type=float, default=0.0, help="how likely a fault is, per step")
    parser.add_argument(
        "--polling", type=float, default=0.0, help="how likely an app polls, per app that comes"
    )
    parser.add_argument(
        "--recovery", type=float, default=0.0, help="how likely an app asks for recovery"
    )
    parser.add_argument(
        "--only", default="", help="the scenarios and races with this in their name"
    )
    parser.add_argument("--details", action="store_true", help="an example of every failure")
    return parser.parse_args()


def _outcomes(run: Runner, arguments: argparse.Namespace) -> Iterator[Outcome]:
    if arguments.concurrent:
        for seed in _range(arguments.concurrent):
            yield from bursts.outcomes(run, seed, arguments.only)
        return
    if arguments.seeds:
        plan = histories.Plan(
            faults=arguments.faults, polling=arguments.polling, recovery=arguments.recovery
        )
        yield from map(_shown, histories.outcomes(run, _range(arguments.seeds), plan))
        return
    yield from _enumerated(run, arguments.only)


def _shown(outcome: Outcome) -> Outcome:
    """Print at once what is broken in a history, because the rest of them may take hours."""
    if outcome.broken:
        print(outcome.request, outcome.broken, flush=True)
    return outcome


def _range(text: str) -> range:
    """Return the seeds of ``FROM:TO``."""
    first, last = (int(part) for part in text.split(":"))
    return range(first, last)


def _enumerated(run: Runner, only: str) -> Iterator[Outcome]:
    """Run everything with ``only`` in its name."""
    for name, scenario in SCENARIOS.items():
        if only in name:
            yield from enumeration.outcomes(run, scenario)
    for race in (race for race in races.RACES if only in race.name):
        yield from races.outcomes(run, race)
    for overtaking in (one for one in races.OVERTAKINGS if only in one.name):
        yield from races.overtaken(run, overtaking)
    for sequence in (one for one in reports.SEQUENCES if only in one.name):
        yield from reports.outcomes(run, sequence)


if __name__ == "__main__":
    sys.exit(main())
