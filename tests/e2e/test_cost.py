"""What events ask of AWS may not grow unnoticed: ``cost.json`` holds what they may.

To accept a new number, write it there (``python -m bench.requests --write``) and say why in the
commit.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from functions.products import REGISTRY
from tests.e2e import every_event
from tests.e2e.cost import Cost, Requests, by_event, of_call
from tests.e2e.world import World

ALLOWED: dict[str, Any] = json.loads(Path(__file__).with_name("cost.json").read_text())
TARGETS = {"gateway messages": 9, "invocations": 4, "write units": 14, "scans": 0}
EVENTS = {f"{row.namespace} {row.event}" for row in REGISTRY.handlers.values()}
COMING = {"connect", "opener", "a namespace joined"}
BYTES_MORE = 1.1
"""Names and numbers are not always of the same length."""


def whole_call(world: World, requests: Requests) -> dict[str, float]:
    """Initiate, ring, accept, end; one device each, no acknowledgements, which would be one message
    more for each that a client asks for."""
    _, user = world.user()
    callee, telecaller = world.telecaller()
    requests.settle()
    user.emit("call:initiate", {"telecallerId": callee.id, "callType": "AUDIO"})
    call_id = telecaller.wait("call:incoming")["callId"]
    user.wait("call:ringing")
    telecaller.emit("call:accept", {"callId": call_id})
    telecaller.wait("call:accepted")
    user.wait("call:accepted")
    user.emit("call:end", {"callId": call_id})
    telecaller.wait("call:ended")
    return of_call(requests.settle())


def every(world: World, requests: Requests) -> dict[str, Cost]:
    """The cost of every event, and of what functions do that nobody sends an event to."""
    requests.settle()
    for play in (every_event.calls, every_event.chat, every_event.bookings):
        play(world)
    return by_event(requests.settle())


@pytest.fixture(scope="module")
def requests(stack: Any) -> Requests:
    return Requests(stack.logs)


def test_a_whole_call_stays_within_its_targets(world: World, requests: Requests) -> None:
    call = whole_call(world, requests)
    for name, most in TARGETS.items():
        assert call[name] <= most, (name, call)
    check("a whole call", call)


def test_every_event_asks_no_more_than_it_did(world: World, requests: Requests) -> None:
    costs = every(world, requests)
    for name in sorted(EVENTS | COMING):
        check(name, shown(costs[name]))
    assert costs["/user call:initiate"].before_emit <= 2


def shown(cost: Cost) -> dict[str, Any]:
    """What does not depend on the moment: chains may."""
    found = cost._asdict()
    return {
        name: found[name] for name in ("requests", "read_units", "write_units", "posts", "bytes")
    }


def check(name: str, found: dict[str, Any]) -> None:
    for what, value in found.items():
        allowed = ALLOWED[name][what]
        if isinstance(value, dict):
            for operation, count in value.items():
                assert count <= allowed.get(operation, 0), (name, operation, found)
        else:
            assert value <= allowed * (BYTES_MORE if what == "bytes" else 1), (name, what, found)
