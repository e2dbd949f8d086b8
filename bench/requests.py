"""Requests per event, counted in the stack that runs on this machine."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.table import Table
from tests.e2e.client_js import NodeDriver
from tests.e2e.client_python import Loop
from tests.e2e.cost import Cost, Requests
from tests.e2e.people import People
from tests.e2e.stack import running
from tests.e2e.test_cost import (
    COMING,
    CONNECTS,
    EVENTS,
    RECOVERING,
    TARGETS,
    UPGRADED,
    bounded,
    connect,
    cost_of_every_event,
    recovering_call,
    upgraded_call,
    whole_call,
)
from tests.e2e.world import World

COMMITTED = Path(__file__).parents[1] / "tests/e2e/cost.json"


@contextmanager
def worlds() -> Iterator[tuple[World, Requests]]:
    people = People()
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder) / "logs"
        logs.mkdir()
        people.write(Path(folder) / "accounts.json")
        driver, loop = NodeDriver(), Loop()
        try:
            with running(Path(folder) / "accounts.json", logs) as stack:
                world = World(stack, people, driver, loop)
                yield world, Requests(logs)
                world.close()
        finally:
            driver.close()
            loop.close()


def run(*, write: bool = False) -> list[Table]:
    with worlds() as (world, requests):
        call = whole_call(world, requests)
        upgraded = upgraded_call(world, requests)
        world.transports = ("websocket",)
        recovering = recovering_call(world, requests)
        connects = {name: connect(world, requests, way) for name, way in CONNECTS.items()}
        world.transports = ("websocket",)
        costs = cost_of_every_event(world, requests)
    if write:
        rows = {name: bounded(costs[name]) for name in sorted(EVENTS | COMING)}
        calls = {"a whole call": call, UPGRADED: upgraded, RECOVERING: recovering}
        held = {**calls, **connects, **rows}
        COMMITTED.write_text(json.dumps(held, indent=2) + "\n")
    return [_events(costs), _call(call, upgraded, recovering), _connect(connects)]


def _events(costs: dict[str, Cost]) -> Table:
    table = Table(
        "Requests per event",
        ["event or function", "requests", "one after another", "before the first emit",
         "read units", "write units", "posts", "bytes", "of which"],
    )  # fmt: skip
    for name, cost in sorted(costs.items()):
        which = ", ".join(f"{count} {what}" for what, count in cost.requests.items())
        total = sum(cost.requests.values())
        chain = (cost.sequential, cost.before_emit, cost.read_units, cost.write_units)
        table.add(name, total, *chain, cost.posts, cost.bytes, which)
    return table


def _call(
    call: dict[str, float], upgraded: dict[str, float], recovering: dict[str, float]
) -> Table:
    table = Table(
        "One whole call: initiate, ring, accept, end",
        ["", "measured", "after an upgrade", "with recovery", "target"],
    )
    for name, value in call.items():
        target = f"≤ {TARGETS[name]}" if name in TARGETS else ""
        table.add(name, value, upgraded[name], recovering[name], target)
    return table


def _connect(connects: dict[str, dict[str, float]]) -> Table:
    first = next(iter(connects.values()))
    table = Table("One client that connects, without GETs that wait", ["", *first])
    for name, found in connects.items():
        table.add(name, *found.values())
    return table


if __name__ == "__main__":
    for table in run(write="--write" in sys.argv):
        print(table, end="\n\n")
