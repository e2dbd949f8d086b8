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
from shared.identity.accounts import Account
from tests.e2e import backstage, every_event
from tests.e2e.clients import Client
from tests.e2e.cost import Cost, Requests, by_event, of_call
from tests.e2e.waiting import until
from tests.e2e.world import World

ALLOWED: dict[str, Any] = json.loads(Path(__file__).with_name("cost.json").read_text())
TARGETS = {"gateway messages": 9, "invocations": 4, "write units": 16, "scans": 0}
EVENTS = {f"{row.namespace} {row.event}" for row in REGISTRY.handlers.values()}
COMING = {"connect", "opener", "a namespace joined"}
UPGRADED = "a whole call after an upgrade"
UPGRADES_TRIED = 5
BYTES_MORE = 1.1
"""The factor by which bytes may exceed their bound, because names and numbers differ in length."""


def whole_call(world: World, requests: Requests) -> dict[str, float]:
    """Make a call with initiate, ring, accept and end, and return its cost.

    Each party has one device and asks for no acknowledgements. Each acknowledgement would be one
    message more.
    """
    _, user = world.user()
    callee, telecaller = world.telecaller()
    return _call(requests, callee, user, telecaller)


def upgraded_call(world: World, requests: Requests) -> dict[str, float]:
    """Make the same call with clients that have begun with long polling, and return its cost."""
    world.transports = None
    for _ in range(UPGRADES_TRIED):
        user, telecaller = world.people.take("USER"), world.people.take("TELECALLER")
        clients = world.join("js", user), world.join("js", telecaller)
        for client in clients:
            until(lambda one=client: one.transport() == "websocket", "the upgrade")  # type: ignore[misc]
        ids = [
            id_
            for account in (user, telecaller)
            for id_ in backstage.connection_ids(world.stack, account)
        ]
        if not any(id_.startswith("~") for id_ in ids):
            return _call(requests, telecaller, *clients)
    raise AssertionError("every client upgraded later than upgrade_wait_ms")


def _call(
    requests: Requests, callee: Account, user: Client, telecaller: Client
) -> dict[str, float]:
    """Make a call, and return its cost."""
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


def test_after_an_upgrade_a_call_costs_the_same(world: World, requests: Requests) -> None:
    assert ALLOWED[UPGRADED] == ALLOWED["a whole call"]
    check_bounds(UPGRADED, upgraded_call(world, requests))


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
