"""Tests of frames and timers that are delivered twice, and of frames that overtake each other."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.identity.accounts import Account
from tests.e2e import backstage
from tests.e2e.calls import answer, ring
from tests.e2e.clients import Client
from tests.e2e.people import token
from tests.e2e.world import World


def send_twice(world: World, account: Account, event: str, payload: object) -> None:
    """Invoke the function twice with the same frame of an account's only connection."""
    (connection_id,) = backstage.connection_ids(world.stack, account)
    frame = backstage.frame(connection_id, uuid.uuid4().hex, event, payload)
    for _ in range(2):
        backstage.invoke(world.stack, "socketio", frame)


def statuses(world: World, account: Account) -> list[str]:
    found = world.stack.get("/calls", Authorization=f"Bearer {token(account)}")
    return [item["status"] for item in found.body["items"]]


def test_frames_that_are_delivered_twice_take_effect_once(world: World) -> None:
    caller, user = world.user()
    callee, telecaller = world.telecaller()
    send_twice(world, caller, "call:initiate", {"telecallerId": callee.id, "callType": "AUDIO"})
    call = {"callId": telecaller.wait("call:incoming")["callId"]}
    send_twice(world, callee, "call:accept", call)
    user.wait("call:ringing")
    user.wait("call:accepted")
    telecaller.wait("call:accepted")
    send_twice(world, callee, "call:end", call)
    assert user.wait("call:ended") == call
    user.stays_quiet()
    telecaller.stays_quiet(0)
    assert statuses(world, caller) == ["COMPLETED"]


@pytest.mark.parametrize("event", ["call:reject", "call:cancel"])
def test_a_reject_or_cancel_that_is_delivered_twice_takes_effect_once(
    world: World, event: str
) -> None:
    caller, user = world.user()
    callee, telecaller = world.telecaller()
    call_id = ring(user, telecaller, callee)
    rejects = event == "call:reject"
    send_twice(world, callee if rejects else caller, event, {"callId": call_id})
    if rejects:
        user.wait("call:rejected")
    else:
        telecaller.wait("call:cancelled")
    user.stays_quiet()
    telecaller.stays_quiet(0)


def test_an_initiate_that_is_delivered_again_after_the_call_starts_no_call(world: World) -> None:
    caller, user = world.user()
    callee, telecaller = world.telecaller()
    (connection_id,) = backstage.connection_ids(world.stack, caller)
    payload = {"telecallerId": callee.id, "callType": "AUDIO"}
    frame = backstage.frame(connection_id, uuid.uuid4().hex, "call:initiate", payload)
    backstage.invoke(world.stack, "socketio", frame)
    call = {"callId": telecaller.wait("call:incoming")["callId"]}
    user.wait("call:ringing")
    telecaller.ask("call:reject", call)
    user.wait("call:rejected")
    backstage.invoke(world.stack, "socketio", frame)
    user.stays_quiet()
    telecaller.stays_quiet(0)
    answer(user, telecaller, ring(user, telecaller, callee))


def test_a_call_may_be_ended_right_after_it_was_accepted(world: World, kind: str) -> None:
    caller, user = world.user()
    callee, telecaller = world.telecaller(kind)
    call = {"callId": ring(user, telecaller, callee)}
    telecaller.emit("call:accept", call)
    telecaller.emit("call:end", call)
    check_ended(world, caller, user, telecaller)


def test_an_end_that_overtakes_its_accept_ends_the_call(world: World) -> None:
    caller, user = world.user()
    callee, telecaller = world.telecaller()
    (connection_id,) = backstage.connection_ids(world.stack, callee)
    with (
        backstage.settings_of(world.stack, "socketio", overtaken_wait_seconds=3),
        ThreadPoolExecutor(2) as pool,
    ):
        # Start two workers before: on a busy machine this takes as long as a call may ring.
        for starting in [
            pool.submit(backstage.invoke, world.stack, "socketio", {"warm": True}) for _ in range(2)
        ]:
            starting.result()
        call = {"callId": ring(user, telecaller, callee)}
        end, accept = (
            backstage.frame(connection_id, uuid.uuid4().hex, event, call)
            for event in ("call:end", "call:accept")
        )
        ending = pool.submit(backstage.invoke, world.stack, "socketio", end)
        time.sleep(0.2)
        backstage.invoke(world.stack, "socketio", accept)
        ending.result()
    check_ended(world, caller, user, telecaller)


def check_ended(world: World, caller: Account, user: Client, telecaller: Client) -> None:
    """Check that both received ``call:accepted`` and the user ``call:ended``, in any order."""
    deadline = time.monotonic() + 20
    while {*user.names} != {"call:ringing", "call:accepted", "call:ended"}:
        assert time.monotonic() < deadline, user.names
        time.sleep(0.05)
    telecaller.wait("call:accepted")
    telecaller.stays_quiet()
    assert len(user.names) == 3
    assert statuses(world, caller) == ["COMPLETED"]


def test_a_call_is_missed_once_if_its_timer_fires_twice(world: World) -> None:
    caller, user = world.user()
    callee, telecaller = world.telecaller()
    call_id = ring(user, telecaller, callee)
    for _ in range(2):
        event = {"callId": call_id, "person": f"/telecaller#{callee.id}"}
        backstage.invoke(world.stack, "ring-timeout", event)
    for client in (user, telecaller):
        assert client.wait("call:missed") == {"callId": call_id}
    user.stays_quiet()
    telecaller.stays_quiet(0)
    assert statuses(world, caller) == ["MISSED"]
