"""How long a call takes to ring while another client sends events as fast as they are answered."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.requests import worlds
from bench.table import Table
from shared.identity.accounts import Account
from tests.e2e.calls import ring
from tests.e2e.clients import Client
from tests.e2e.world import World

PAIRS = 6
ROUNDS = 4
MOST = 2.0

Pair = tuple[Client, Client, Account]


def run() -> Table:
    table = Table("Ringing next to one client at full speed", ["", "median ms", "ratio", "target"])
    with worlds() as (world, _):
        pairs = [_pair(world) for _ in range(PAIRS)]
        for pair in pairs:  # what is cold is not measured
            _ring(pair)
        alone: list[float] = []
        beside: list[float] = []
        for number in range(ROUNDS * PAIRS):
            pair = pairs[number % PAIRS]
            if number // PAIRS % 2:
                with _flood(world):
                    beside.append(_ring(pair))
            else:
                alone.append(_ring(pair))
    ordinary = statistics.median(alone)
    for name, times, target in (
        ("alone", alone, ""),
        ("beside a client that asks without a pause", beside, f"≤ {MOST}"),
    ):
        median = statistics.median(times)
        table.add(name, round(median * 1000), round(median / ordinary, 2), target)
    return table


def _pair(world: World) -> Pair:
    _, user = world.user()
    callee, telecaller = world.telecaller()
    return user, telecaller, callee


def _ring(pair: Pair) -> float:
    """Ring, cancel, and return the seconds that it took to ring on both sides."""
    user, telecaller, callee = pair
    begin = time.monotonic()
    call_id = ring(user, telecaller, callee)
    took = time.monotonic() - begin
    user.ask("call:cancel", {"callId": call_id})
    telecaller.wait("call:cancelled", callId=call_id)
    return took


@contextmanager
def _flood(world: World) -> Iterator[None]:
    """Let a client send events as fast as they are answered, beyond its limit too."""
    _, client = world.user()
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            client.ask("call:end", {"callId": "nothing"})

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.5)
    yield
    over.set()
    thread.join()
    client.leave()


if __name__ == "__main__":
    print(run())
