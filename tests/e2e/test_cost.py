"""Tests that the requests of events to AWS do not grow unnoticed. ``cost.json`` has the bounds.

To accept a new number, write it there (``python -m bench.requests --write``), and give the reason
in the commit's message.
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
TARGETS = {"gateway messages": 9, "invocations": 4, "write units": 16, "scans": 0}
EVENTS = {f"{row.namespace} {row.event}" for row in REGISTRY.handlers.values()}
COMING = {"connect", "opener", "a namespace joined"}
BYTES_MORE = 1.1
"""The factor by which bytes may exceed their bound, because names and numbers differ in length."""


def whole_call(world: World, requests: Requests) -> dict[str, float]:
    """Make a call with initiate, ring, accept and end, and return its cost.

    Each party has one device and asks for no acknowledgements. Each acknowledgement would be one
    message more.
    """
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


def cost_of_every_event(world: World, requests: Requests) -> dict[str, Cost]:
    """Send every event, and return the cost of each, and of functions that handle no events."""
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
    check_bounds("a whole call", call)


def test_no_event_costs_more_than_before(world: World, requests: Requests) -> None:
    costs = cost_of_every_event(world, requests)
    for name in sorted(EVENTS | COMING):
        assert name in costs, f"{name} is not sent: add it to tests/e2e/every_event.py"
        assert name in ALLOWED, f"{name} has no bounds: run python -m bench.requests --write"
        check_bounds(name, bounded(costs[name]))
    assert costs["/user call:initiate"].before_emit <= 2


def bounded(cost: Cost) -> dict[str, Any]:
    """Return the parts of a cost that have bounds. Chains are no part: they depend on timing."""
    found = cost._asdict()
    return {
        name: found[name] for name in ("requests", "read_units", "write_units", "posts", "bytes")
    }


def check_bounds(name: str, found: dict[str, Any]) -> None:
    """Check that no part of a cost exceeds its bound in ``cost.json``."""
    for what, value in found.items():
        allowed = ALLOWED[name][what]
        if isinstance(value, dict):
            for operation, count in value.items():
                assert count <= allowed.get(operation, 0), (name, operation, found)
        else:
            assert value <= allowed * (BYTES_MORE if what == "bytes" else 1), (name, what, found)
