"""Tests that the requests of events to AWS do not grow unnoticed. ``cost.json`` has the bounds.

To accept a new number, write it there (``python -m bench.requests --write``), and give the reason
in the commit's message.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from functions.products import REGISTRY
from shared.identity.accounts import Account
from tests.e2e import backstage, every_event
from tests.e2e.clients import Client
from tests.e2e.cost import (
    Cost,
    Requests,
    by_event,
    cost,
    event_of,
    invocations,
    of_call,
    of_connect,
)
from tests.e2e.people import token
from tests.e2e.waiting import until
from tests.e2e.world import World

ALLOWED: dict[str, Any] = json.loads(Path(__file__).with_name("cost.json").read_text())
TARGETS = {"gateway messages": 9, "invocations": 4, "write units": 16, "scans": 0}
EVENTS = {f"{row.namespace} {row.event}" for row in REGISTRY.handlers.values()}
MOST_BEFORE_EMIT = 3
"""How many requests may be made one after another before an event's first post."""

COMING = {"connect", "opener", "a namespace joined"}
UPGRADED = "a whole call after an upgrade"
RECOVERING = "a whole call with recovery"
CONNECTS = {
    "connecting with WebSocket": ("websocket",),
    "connecting with default options": None,
}
EVENTS_OF_A_CALL = 5
"""The direct events of a call: one rings, one says that it rings, two that it is accepted, one that
it is over. A person with recovery has a row in the log for each."""

MEASURED = 3
"""How often a cost is measured at most, until it is within its bounds. Now and then something else
makes it higher: the end of a connection changes the presence, too, or a function in the background
makes a transaction conflict. An event that costs more than before does so each time."""

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


def recovering_call(world: World, requests: Requests) -> dict[str, float]:
    """Make the same call with clients that have asked for recovery, and return its cost."""
    user, telecaller = world.people.take("USER"), world.people.take("TELECALLER")
    clients = [
        world.connect("js", replace(world.ticket(namespace), given=given))
        for account in (user, telecaller)
        for namespace in [f"/{account.role.lower()}"]
        for given in [{"token": token(account), "recovery": True}]
    ]
    for account in (user, telecaller):
        world.stack.wait_connections(f"/{account.role.lower()}", account.id)
    return _call(requests, telecaller, *clients)


def connect(
    world: World, requests: Requests, transports: tuple[str, ...] | None
) -> dict[str, float]:
    """Connect a client, and return what that costs until it is joined on a WebSocket."""
    world.transports = transports
    for _ in range(UPGRADES_TRIED):
        requests.settle()
        account = world.people.take("USER")
        client = world.join("js", account)
        until(lambda one=client: one.transport() == "websocket", "the upgrade")  # type: ignore[misc]
        (connection_id,) = backstage.connection_ids(world.stack, account)
        if not connection_id.startswith("~"):
            return of_connect(requests.settle())
    raise AssertionError("every client upgraded later than upgrade_wait_ms")


def _call(
    requests: Requests, callee: Account, user: Client, telecaller: Client
) -> dict[str, float]:
    """Make a call, and return its cost. With recovery, an event has its offset behind it."""
    requests.settle()
    user.emit("call:initiate", {"telecallerId": callee.id, "callType": "AUDIO"})
    call_id = telecaller.wait_arguments("call:incoming")[0]["callId"]
    user.wait_arguments("call:ringing")
    telecaller.emit("call:accept", {"callId": call_id})
    telecaller.wait_arguments("call:accepted")
    user.wait_arguments("call:accepted")
    user.emit("call:end", {"callId": call_id})
    telecaller.wait_arguments("call:ended")
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
    for name, most in TARGETS.items():
        assert ALLOWED["a whole call"][name] <= most, name
    check_bounds(lambda: {"a whole call": whole_call(world, requests)})


def test_after_an_upgrade_a_call_costs_the_same(world: World, requests: Requests) -> None:
    assert ALLOWED[UPGRADED] == ALLOWED["a whole call"]
    check_bounds(lambda: {UPGRADED: upgraded_call(world, requests)})


def test_recovery_costs_one_write_for_each_event(world: World, requests: Requests) -> None:
    check_bounds(lambda: {RECOVERING: recovering_call(world, requests)})
    plain = ALLOWED["a whole call"]
    assert ALLOWED[RECOVERING] == plain | {
        "write units": plain["write units"] + EVENTS_OF_A_CALL,
        "requests": plain["requests"] + EVENTS_OF_A_CALL,
        "presence write units": plain["presence write units"] + 1,
    }


@pytest.mark.parametrize("name", CONNECTS)
def test_connecting_costs_no_more_than_before(world: World, requests: Requests, name: str) -> None:
    check_bounds(lambda: {name: connect(world, requests, CONNECTS[name])})


def test_no_event_costs_more_than_before(world: World, requests: Requests) -> None:
    def measure() -> dict[str, dict[str, Any]]:
        costs = cost_of_every_event(world, requests)
        for name in sorted(EVENTS | COMING):
            assert name in costs, f"{name} is not sent: add it to tests/e2e/every_event.py"
            assert name in ALLOWED, f"{name} has no bounds: run python -m bench.requests --write"
        return {name: bounded(costs[name]) for name in EVENTS | COMING}

    check_bounds(measure)


def test_native_frames_wait_no_longer(world: World, requests: Requests) -> None:
    """A native frame does not say its namespace, of which its handler and what it reads depend."""
    requests.settle()
    every_event.chat(world, "native")
    every_event.bookings(world, "native")
    chains: defaultdict[str, list[int]] = defaultdict(list)
    for mine in invocations(requests.settle()).values():
        chains[event_of(mine)].append(cost(mine).before_emit)
    for row in REGISTRY.handlers.values():
        if row.preload and row.product != "calls":
            # An event may also have to wait for one that it has overtaken.
            assert min(chains[f"native {row.event.replace(':', '.')}"]) <= MOST_BEFORE_EMIT, row


def test_no_event_may_wait_long_before_it_is_answered() -> None:
    chains = {name: ALLOWED[name]["before_emit"] for name in EVENTS | COMING}
    assert {name: one for name, one in chains.items() if one > MOST_BEFORE_EMIT} == {}
    assert chains["/user call:initiate"] <= 2


def bounded(cost: Cost) -> dict[str, Any]:
    """Return the parts of a cost that have bounds."""
    found = cost._asdict()
    found.pop("sequential")
    return found


def check_bounds(measure: Callable[[], dict[str, dict[str, Any]]]) -> None:
    """Check that each cost is within its bounds in ``cost.json`` in one of ``MEASURED`` runs.

    measure: makes the events, and returns their costs by name.
    """
    too_high: dict[str, list[str]] = {}
    for run in range(MEASURED):
        costs = measure()
        names = list(too_high) if run else list(costs)
        too_high = {name: found for name in names if (found := exceeding(name, costs[name]))}
        if not too_high:
            return
    raise AssertionError(too_high)


def exceeding(name: str, found: dict[str, Any]) -> list[str]:
    """Return the parts of a cost that exceed their bounds, with what was found."""
    allowed, parts = flat(ALLOWED[name]), flat(found)
    allowed["bytes"] = allowed.get("bytes", 0) * BYTES_MORE
    return [f"{what}: {n}" for what, n in parts.items() if n > allowed.get(what, 0)]


def flat(cost: dict[str, Any]) -> dict[str, float]:
    """Return the parts of a cost, with each operation of its requests as a part of its own."""
    requests = cost["requests"] if isinstance(cost.get("requests"), dict) else {}
    return {what: n for what, n in (cost | requests).items() if not isinstance(n, dict)}
