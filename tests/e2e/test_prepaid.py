"""Prepaid calls: a user needs coins to call, is warned, and the call ends when they are used up."""

from __future__ import annotations

import time
import uuid

from shared.identity.accounts import Account
from tests.e2e.backend import Backend
from tests.e2e.calls import answer, ring
from tests.e2e.clients import Client
from tests.e2e.people import token
from tests.e2e.world import World

UNIT = 6
"""The ``billed_seconds`` of the second stack. Its warning comes four seconds before the end."""


def user_with(world: World, coins: int) -> tuple[Account, Client]:
    account = Account(id=uuid.uuid4().hex[:24], role="USER", name="Payer", coins=coins)
    world.stack.save(account)
    return account, world.join("js", account)


def balance(world: World, account: Account) -> int:
    found = world.stack.get("/accounts/me", Authorization=f"Bearer {token(account)}")
    return int(found.body["coins"])


def test_a_call_ends_when_the_coins_do(world: World) -> None:
    caller, user = user_with(world, 17)
    callee, telecaller = world.telecaller("native")
    call_id = ring(user, telecaller, callee)
    began = time.monotonic()
    answer(user, telecaller, call_id)
    low = user.wait("call:balance-low", callId=call_id)
    assert low["secondsLeft"] <= 4
    over = {"callId": call_id, "reason": "BALANCE"}
    assert user.wait("call:ended") == over
    assert time.monotonic() - began > UNIT
    assert telecaller.wait("call:ended") == over
    # The telecaller is paid for what the user has had, and nothing is taken for a part of a unit.
    assert (balance(world, caller), balance(world, callee)) == (7, 10)
    telecaller_id = {"telecallerId": callee.id, "callType": "AUDIO"}
    refused = {"error": {"message": "You do not have enough coins for this call."}}
    assert user.ask("call:initiate", telecaller_id) == refused
    assert user.wait("call:error") == refused["error"]


def test_coins_that_arrive_prolong_the_call(world: World) -> None:
    caller, user = user_with(world, 10)
    callee, telecaller = world.telecaller()
    call_id = ring(user, telecaller, callee)
    began = time.monotonic()
    answer(user, telecaller, call_id)
    user.wait("call:balance-low")
    bought = {"_id": caller.id, "role": "USER", "name": caller.name, "coins": 20}
    Backend(world.stack).tell("account.upserted", **bought)
    assert user.wait("call:balance-low", callId=call_id)["secondsLeft"] <= 4
    assert time.monotonic() - began > UNIT
    assert user.wait("call:ended") == {"callId": call_id, "reason": "BALANCE"}
    assert time.monotonic() - began > 2 * UNIT
    assert (balance(world, caller), balance(world, callee)) == (0, 20)
