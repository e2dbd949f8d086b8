"""Tests of what calls cost, of balances, and of the history of calls."""

from __future__ import annotations

import math
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from shared.identity.accounts import Account
from tests.e2e.calls import answer, ring
from tests.e2e.clients import SECONDS, Client
from tests.e2e.people import token
from tests.e2e.stack import Answer
from tests.e2e.world import World

FIELDS = {
    "callId",
    "callType",
    "status",
    "userId",
    "telecallerId",
    "startedAt",
    "acceptedAt",
    "endedAt",
    "durationSeconds",
    "coins",
}


def get(world: World, path: str, account: Account) -> Answer:
    return world.stack.get(path, Authorization=f"Bearer {token(account)}")


def coins(world: World, account: Account) -> int:
    found = get(world, "/accounts/me", account)
    assert (found.status, found.body["_id"]) == (200, account.id)
    return int(found.body["coins"])


def calls(world: World, account: Account, count: int) -> list[dict[str, Any]]:
    """Wait until the history of an account has ``count`` calls, and return them.

    The history of the callee is a moment late.
    """
    deadline = time.monotonic() + SECONDS
    while True:
        items: list[dict[str, Any]] = get(world, "/calls", account).body["items"]
        if len(items) >= count:
            assert len(items) == count, items
            return items
        assert time.monotonic() < deadline, f"{len(items)} calls, not {count}"
        time.sleep(0.05)


def make_call(user: Client, telecaller: Client, callee: Account, call_type: str = "AUDIO") -> str:
    """Make a call of more than a second. Returns its id."""
    call_id = ring(user, telecaller, callee, call_type)
    answer(user, telecaller, call_id)
    time.sleep(1.1)
    assert user.ask("call:end", {"callId": call_id}) is None
    telecaller.wait("call:ended")
    return call_id


@pytest.mark.parametrize("call_type", ["AUDIO", "VIDEO"])
def test_the_user_pays_the_telecaller_for_each_started_minute(world: World, call_type: str) -> None:
    caller, user = world.user()
    callee, telecaller = world.telecaller("native")
    had = coins(world, caller), coins(world, callee)
    call_id = make_call(user, telecaller, callee, call_type)
    (call,) = calls(world, caller, 1)
    assert call.keys() >= FIELDS
    assert {name: call[name] for name in ("callId", "callType", "status", "userId")} == {
        "callId": call_id,
        "callType": call_type,
        "status": "COMPLETED",
        "userId": caller.id,
    }
    assert call["telecallerId"] == callee.id
    started, accepted, ended = (
        datetime.fromisoformat(call[name]) for name in ("startedAt", "acceptedAt", "endedAt")
    )
    assert started <= accepted < ended
    assert call["durationSeconds"] == int((ended - accepted).total_seconds()) >= 1
    rate = callee.rates["VIDEO" if call_type == "VIDEO" else "AUDIO"]
    price = math.ceil(call["durationSeconds"] / 60) * rate
    assert call["coins"] == price >= rate
    assert coins(world, caller) == had[0] - price
    assert coins(world, callee) == had[1] + price
    assert calls(world, callee, 1) == [call]


def test_a_user_never_pays_more_than_the_balance(world: World) -> None:
    poor = Account(id=uuid.uuid4().hex[:24], role="USER", name="Poor", coins=7)
    world.stack.save(poor)
    user = world.join("js", poor)
    callee, telecaller = world.telecaller()
    make_call(user, telecaller, callee)
    assert (coins(world, poor), coins(world, callee)) == (0, 7)
    make_call(user, telecaller, callee)
    assert (coins(world, poor), coins(world, callee)) == (0, 7)
    assert [call["coins"] for call in calls(world, poor, 2)] == [0, 7]


def test_a_call_that_is_not_answered_costs_nothing(world: World) -> None:
    caller, user = world.user()
    callee, telecaller = world.telecaller()
    call_id = ring(user, telecaller, callee)
    time.sleep(1.1)
    telecaller.ask("call:reject", {"callId": call_id})
    user.wait("call:rejected")
    (call,) = calls(world, caller, 1)
    assert (call["status"], call["acceptedAt"]) == ("REJECTED", None)
    assert (call["durationSeconds"], call["coins"]) == (0, 0)
    assert (coins(world, caller), coins(world, callee)) == (1000, 0)


def test_a_call_that_both_parties_end_at_once_is_charged_once(world: World) -> None:
    caller, user = world.user()
    callee, telecaller = world.telecaller()
    rounds = 3
    for _ in range(rounds):
        call_id = ring(user, telecaller, callee)
        answer(user, telecaller, call_id)
        time.sleep(1.1)
        # One party ends the call. The other receives `call:ended`, and the error that its own
        # `call:end` came too late.
        errors = {user: "call:error", telecaller: "error"}
        with ThreadPoolExecutor(2) as pool:
            asked = {
                side: pool.submit(side.ask, "call:end", {"callId": call_id}) for side in errors
            }
        (late,) = [side for side, answer in asked.items() if answer.result() is not None]
        late.wait_past("call:ended", errors[late])
    records = calls(world, caller, rounds)
    assert {call["status"] for call in records} == {"COMPLETED"}
    assert len({call["callId"] for call in records}) == rounds
    paid = sum(call["coins"] for call in records)
    assert paid >= rounds * 10
    assert (coins(world, caller), coins(world, callee)) == (1000 - paid, paid)


def test_a_history_is_read_page_by_page(world: World) -> None:
    caller, user = world.user()
    callee, telecaller = world.telecaller()
    made = []
    for _ in range(5):
        made.append(ring(user, telecaller, callee))
        user.ask("call:cancel", {"callId": made[-1]})
        telecaller.wait("call:cancelled")
    for account in (caller, callee):
        calls(world, account, 5)
        found = get(world, "/calls?limit=2", account).body
        pages = [found["items"]]
        while found["cursor"]:
            found = get(world, f"/calls?limit=2&cursor={found['cursor']}", account).body
            pages.append(found["items"])
        assert found["cursor"] is None
        assert [[call["callId"] for call in page] for page in pages] == [
            made[:2:-1],
            made[2:0:-1],
            made[:1],
        ]


def test_only_admins_read_other_peoples_calls_and_accounts(world: World) -> None:
    caller, user = world.user()
    callee, telecaller = world.telecaller()
    other, admin = world.people.take("USER"), world.people.take("ADMIN")
    call_id = ring(user, telecaller, callee)
    user.ask("call:cancel", {"callId": call_id})
    paths = (f"/calls?userId={caller.id}", f"/accounts/{caller.id}")
    for account in (other, callee):
        assert [get(world, path, account).status for path in paths] == [403, 403]
    history, account_found = (get(world, path, admin).body for path in paths)
    assert [call["callId"] for call in history["items"]] == [call_id]
    assert (account_found["_id"], account_found["coins"]) == (caller.id, 1000)
    assert calls(world, other, 0) == []
    assert [world.stack.get(path).status for path in paths] == [401, 401]
