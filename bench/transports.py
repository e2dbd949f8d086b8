"""How long a client takes to connect with its default options, against WebSocket alone."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict

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
    """Connect clients in each way by turns, and compare those of the same round.

    On a machine that does other things too, the ratio of a round says more than the times.
    """
    table = Table(
        "Connecting with socket.io-client, one after the other",
        ["transports", "median ms", "ratio to WebSocket", "half of the ratios", "target"],
    )
    with worlds() as (world, _):
        account = world.people.take("USER")
        ticket_token = token(account)
        for way in WAYS.values():  # what is cold is not measured
            _connect(world, ticket_token, way)
        times: dict[str, list[float]] = defaultdict(list)
        for number in range(ROUNDS):
            ways = list(WAYS.items())
            for name, way in ways if number % 2 else reversed(ways):
                times[name].append(_connect(world, ticket_token, way))
    alone = next(times[name] for name, way in WAYS.items() if way == WEBSOCKET)
    for name, way in WAYS.items():
        ratios = [one / other for one, other in zip(times[name], alone, strict=True)]
        first, middle, third = (round(one, 2) for one in statistics.quantiles(ratios))
        target = f"≤ {MOST}" if way is None else ""
        median = round(statistics.median(times[name]) * 1000)
        table.add(name, median, middle, f"{first} to {third}", target)
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
