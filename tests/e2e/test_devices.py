"""Tests of people with more than one device: which events each device receives, and what happens
when the last one disconnects."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.identity.accounts import Account
from tests.e2e.calls import answer, ring
from tests.e2e.clients import Client
from tests.e2e.people import token
from tests.e2e.world import World

ROUNDS = 10


def two_devices(world: World, group: str, kinds: tuple[str, str] = ("js", "native")) -> Any:
    """Connect two devices of a new account. Returns the account and both clients."""
    account = world.people.take(group)
    return account, *(world.join(kind, account) for kind in kinds)


def history_of(world: World, account: Account) -> list[dict[str, Any]]:
    found = world.stack.get("/calls", Authorization=f"Bearer {token(account)}")
    items: list[dict[str, Any]] = found.body["items"]
    return items


@pytest.mark.parametrize("kinds", [("js", "python"), ("native", "asyncio")])
def test_a_call_rings_on_all_of_a_telecallers_devices_and_is_accepted_on_one(
    world: World, kinds: tuple[str, str]
) -> None:
    _, user = world.user()
    callee, first, second = two_devices(world, "TELECALLER", kinds)
    call_id = ring(user, first, callee)
    assert second.wait("call:incoming")["callId"] == call_id
    assert first.ask("call:accept", {"callId": call_id}) is None
    accepted = first.wait("call:accepted", callId=call_id)
    assert accepted["livekit"]["roomName"] == call_id
    assert second.wait("call:cancelled") == {"callId": call_id}
    user.wait("call:accepted", callId=call_id)
    second.stays_quiet()
    user.ask("call:end", {"callId": call_id})
    for device in (first, second):
        assert device.wait("call:ended") == {"callId": call_id}


def test_a_reject_on_one_device_stops_the_ringing_on_the_other(world: World) -> None:
    _, user = world.user()
    callee, first, second = two_devices(world, "TELECALLER")
    call_id = ring(user, first, callee)
    second.wait("call:incoming")
    assert second.ask("call:reject", {"callId": call_id}) is None
    assert first.wait("call:cancelled") == {"callId": call_id}
    assert user.wait("call:rejected") == {"callId": call_id}
    second.stays_quiet()
    first.stays_quiet(0)


def test_if_two_devices_accept_at_once_one_of_them_gets_the_call(world: World) -> None:
    _, user = world.user()
    callee, first, second = two_devices(world, "TELECALLER")
    call_id = ring(user, first, callee)
    second.wait("call:incoming")
    with ThreadPoolExecutor(2) as pool:
        accepts = [
            pool.submit(device.ask, "call:accept", {"callId": call_id})
            for device in (first, second)
        ]
    assert [accept.result() for accept in accepts].count(None) == 1
    user.wait("call:accepted")
    user.ask("call:end", {"callId": call_id})
    for device in (first, second):
        device.wait_past("call:ended")
    names = [name for device in (first, second) for name in device.names]
    assert names.count("call:accepted") == 1
    assert user.names == ["call:ringing", "call:accepted"]


def test_all_tabs_of_a_user_receive_the_events_of_a_call(world: World) -> None:
    _, first, second = caller = two_devices(world, "USER")
    callee, telecaller = world.telecaller()
    call_id = ring(first, telecaller, callee)
    assert second.wait("call:ringing")["callId"] == call_id
    answer(first, telecaller, call_id)
    assert second.wait("call:accepted")["livekit"]["roomName"] == call_id
    telecaller.ask("call:end", {"callId": call_id})
    for tab in caller[1:]:
        assert tab.wait("call:ended") == {"callId": call_id}


@pytest.mark.parametrize("event", ["call:cancel", "call:end"])
def test_any_tab_may_end_a_call_and_only_the_other_tabs_receive_the_event(
    world: World, event: str
) -> None:
    _, first, second = two_devices(world, "USER", ("native", "js"))
    callee, telecaller = world.telecaller()
    call_id = ring(first, telecaller, callee)
    second.wait("call:ringing")
    if event == "call:end":
        answer(first, telecaller, call_id)
        second.wait("call:accepted")
    assert second.ask(event, {"callId": call_id}) is None
    assert first.wait("call:ended") == {"callId": call_id}
    telecaller.wait("call:ended" if event == "call:end" else "call:cancelled", callId=call_id)
    second.stays_quiet()
    first.stays_quiet(0)


@pytest.mark.parametrize("manner", ["leave", "drop"])
def test_a_telecaller_who_still_has_a_device_stays_online_and_in_the_call(
    world: World, manner: str
) -> None:
    _, user = world.user()
    callee, first, second = two_devices(world, "TELECALLER")
    user.wait_presence(callee.id, "ONLINE")
    call_id = ring(user, first, callee)
    second.wait("call:incoming")
    answer(user, first, call_id)
    second.wait("call:cancelled")
    user.wait_presence(callee.id, "ON_CALL")
    getattr(first, manner)()
    world.stack.wait_connections("/telecaller", callee.id, 1)
    user.stays_quiet()
    getattr(second, manner)()
    assert user.wait("call:ended") == {"callId": call_id}
    user.wait_presence(callee.id, "OFFLINE")
    assert [one["presence"] for one in user.presence(callee.id)] == ["ONLINE", "ON_CALL", "OFFLINE"]


@pytest.mark.parametrize("manner", ["leave", "drop"])
def test_a_call_rings_on_while_its_user_still_has_a_tab(world: World, manner: str) -> None:
    caller, first, second = two_devices(world, "USER")
    callee, telecaller = world.telecaller()
    call_id = ring(first, telecaller, callee)
    second.wait("call:ringing")
    getattr(first, manner)()
    world.stack.wait_connections("/user", caller.id, 1)
    telecaller.stays_quiet()
    getattr(second, manner)()
    assert telecaller.wait("call:missed") == {"callId": call_id}
    assert [item["status"] for item in history_of(world, caller)] == ["MISSED"]


def test_a_telecaller_who_changes_devices_is_never_announced_as_offline(world: World) -> None:
    _, watcher = world.user()
    callee = world.people.take("TELECALLER")
    device: Client = world.join("js", callee)
    watcher.wait_presence(callee.id, "ONLINE")
    ticket = world.ticket("/telecaller", token(callee))
    for number in range(ROUNDS):
        following = world.connect("native" if number % 2 else "js", ticket)
        world.stack.wait_connections("/telecaller", callee.id, 2)
        (device.drop if number % 3 else device.leave)()
        world.stack.wait_connections("/telecaller", callee.id, 1)
        device = following
    device.leave()
    watcher.wait_presence(callee.id, "OFFLINE")
    assert [one["presence"] for one in watcher.presence(callee.id)] == ["ONLINE", "OFFLINE"]
