"""How long a client takes to connect with its default options, against WebSocket alone."""

from __future__ import annotations

import statistics
import time

from bench.requests import worlds
from bench.table import Table
from tests.e2e.people import token
from tests.e2e.world import World

ROUNDS = 20
GONE_SECONDS = 1.5
"""How long the end of a client keeps the stack busy."""

MOST = 1.5
WEBSOCKET = ("websocket",)
WAYS: dict[str, tuple[str, ...] | None] = {
    "default: polling, then WebSocket": None,
    '["websocket"]': WEBSOCKET,
    '["polling"]': ("polling",),
}


def run() -> Table:
    table = Table(
        "Connecting with socket.io-client, one after the other",
        ["transports", "median ms", "ratio to WebSocket", "target"],
    )
    with worlds() as (world, _):
        account = world.people.take("USER")
        ticket_token = token(account)
        for way in WAYS.values():  # what is cold is not measured
            _connect(world, ticket_token, way)
        times: dict[str, list[float]] = {name: [] for name in WAYS}
        for _ in range(ROUNDS):
            for name, way in WAYS.items():
                times[name].append(_connect(world, ticket_token, way))
    medians = {name: statistics.median(found) for name, found in times.items()}
    alone = next(medians[name] for name, way in WAYS.items() if way == WEBSOCKET)
    for name, way in WAYS.items():
        target = f"≤ {MOST}" if way is None else ""
        table.add(name, round(medians[name] * 1000), round(medians[name] / alone, 2), target)
    return table


def _connect(world: World, given: str, transports: tuple[str, ...] | None) -> float:
    """Connect a client, and return the seconds until it is connected. Waits until it is gone."""
    world.transports = transports
    begin = time.monotonic()
    client = world.connect("js", world.ticket("/user", given))
    took = time.monotonic() - begin
    time.sleep(0.5)  # an upgrade that goes on
    client.leave()
    time.sleep(GONE_SECONDS)
    return took


if __name__ == "__main__":
    print(run())
