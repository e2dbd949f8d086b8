"""Tests of calls from initiate to the end, with every kind of client on both sides."""

from __future__ import annotations

import re
import time
from itertools import pairwise

import pytest

from shared.identity.accounts import Account
from tests.e2e.calls import answer, ring
from tests.e2e.people import payload_of, shown, sign
from tests.e2e.stack import RING_SECONDS
from tests.e2e.world import KINDS, World


def check_livekit(livekit: dict[str, str], room: str, account: Account) -> None:
    assert livekit.keys() == {"token", "url", "roomName"}
    assert livekit["roomName"] == room
    assert livekit["url"].startswith("ws")
    claims = payload_of(livekit["token"])
    assert claims["sub"] == account.id
    assert claims["name"] == account.name
    assert claims["video"] == {"roomJoin": True, "room": room}
    assert 0 < claims["exp"] - claims["nbf"] <= 7200


@pytest.mark.parametrize("ended_by", ["user", "telecaller"])
def test_a_call_is_made_accepted_and_ended(world: World, every_kind: str, ended_by: str) -> None:
    caller, user = world.user(every_kind)
    callee, telecaller = world.telecaller(every_kind)
    made = user.ask("call:initiate", {"telecallerId": callee.id, "callType": "VIDEO"})
    call_id = made["callId"]
    assert made == {"callId": call_id}
    assert re.fullmatch("[0-9a-f]{24}", call_id)
    incoming = telecaller.wait("call:incoming")
    assert incoming == {"callId": call_id, "callType": "VIDEO", "caller": shown(caller)}
    assert user.wait("call:ringing") == {"callId": call_id, "telecaller": shown(callee)}

    assert telecaller.ask("call:accept", {"callId": call_id}) is None
    confirmed, accepted = telecaller.wait("call:accepted"), user.wait("call:accepted")
    assert confirmed.keys() == {"callId", "callType", "caller", "livekit"}
    assert {name: confirmed[name] for name in incoming} == incoming
    check_livekit(confirmed["livekit"], call_id, callee)
    assert accepted.keys() == {"callId", "livekit"}
    assert accepted["callId"] == call_id
    check_livekit(accepted["livekit"], call_id, caller)

    one, other = (user, telecaller) if ended_by == "user" else (telecaller, user)
    assert one.ask("call:end", {"callId": call_id}) is None
    assert other.wait("call:ended") == {"callId": call_id}
    one.stays_quiet()
    other.stays_quiet(0)


def test_a_rejected_call_is_over(world: World, kind: str) -> None:
    _, user = world.user(kind)
    callee, telecaller = world.telecaller(kind)
    call_id = ring(user, telecaller, callee)
    assert telecaller.ask("call:reject", {"callId": call_id}) is None
    assert user.wait("call:rejected") == {"callId": call_id}
    telecaller.stays_quiet()
    user.stays_quiet(0)
    ring(user, telecaller, callee)


def test_a_cancelled_call_is_over(world: World, kind: str) -> None:
    _, user = world.user(kind)
    callee, telecaller = world.telecaller(kind)
    call_id = ring(user, telecaller, callee)
    assert user.ask("call:cancel", {"callId": call_id}) is None
    assert telecaller.wait("call:cancelled") == {"callId": call_id}
    user.stays_quiet()
    telecaller.stays_quiet(0)
    ring(user, telecaller, callee)


def test_both_parties_receive_that_an_unanswered_call_is_missed(world: World, kind: str) -> None:
    _, user = world.user(kind)
    callee, telecaller = world.telecaller(kind)
    begin = time.monotonic()
    call_id = ring(user, telecaller, callee)
    assert user.wait("call:missed") == {"callId": call_id}
    assert telecaller.wait("call:missed") == {"callId": call_id}
    for client in (user, telecaller):
        assert client.at("call:missed") - begin > RING_SECONDS - 0.5
    ring(user, telecaller, callee)


@pytest.mark.parametrize(("user_kind", "telecaller_kind"), list(pairwise((*KINDS, KINDS[0]))))
def test_clients_of_different_kinds_call_each_other(
    world: World, user_kind: str, telecaller_kind: str
) -> None:
    _, user = world.user(user_kind)
    callee, telecaller = world.telecaller(telecaller_kind)
    call_id = ring(user, telecaller, callee)
    answer(user, telecaller, call_id)
    user.emit("call:end", {"callId": call_id})
    telecaller.wait("call:ended", callId=call_id)


def test_a_call_works_without_acknowledgements(world: World, kind: str) -> None:
    _, user = world.user(kind)
    callee, telecaller = world.telecaller(kind)
    user.emit("call:initiate", {"telecallerId": callee.id, "callType": "AUDIO"})
    call_id = telecaller.wait("call:incoming")["callId"]
    user.wait("call:ringing", callId=call_id)
    telecaller.emit("call:accept", {"callId": call_id})
    telecaller.wait("call:accepted", callId=call_id)
    user.wait("call:accepted", callId=call_id)
    telecaller.emit("call:end", {"callId": call_id})
    user.wait("call:ended", callId=call_id)
    assert not user.acknowledged
    assert not telecaller.acknowledged


def test_two_people_call_ten_times_in_a_row(world: World) -> None:
    _, user = world.user()
    callee, telecaller = world.telecaller("python")
    calls = set()
    for turn in range(10):
        call_id = ring(user, telecaller, callee)
        answer(user, telecaller, call_id)
        one, other = (user, telecaller) if turn % 2 else (telecaller, user)
        one.ask("call:end", {"callId": call_id})
        other.wait("call:ended", callId=call_id)
        calls.add(call_id)
    assert len(calls) == 10
    assert user.names.count("call:accepted") == telecaller.names.count("call:accepted") == 10


def test_two_calls_at_once_do_not_mix_up(world: World) -> None:
    pairs = []
    for kinds in (("js", "native"), ("asyncio", "js")):
        caller, user = world.user(kinds[0])
        callee, telecaller = world.telecaller(kinds[1])
        pairs.append((caller, user, callee, telecaller))
    for _, user, callee, _ in pairs:
        user.emit("call:initiate", {"telecallerId": callee.id, "callType": "AUDIO"})
    calls = []
    for caller, user, callee, telecaller in pairs:
        incoming = telecaller.wait("call:incoming")
        assert incoming["caller"] == shown(caller)
        calls.append(incoming["callId"])
        user.wait("call:ringing", callId=calls[-1], telecaller=shown(callee))
    for (_, _, _, telecaller), call_id in zip(pairs, calls, strict=True):
        telecaller.emit("call:accept", {"callId": call_id})
    for (_, user, _, telecaller), call_id in zip(pairs, calls, strict=True):
        telecaller.wait("call:accepted", callId=call_id)
        user.wait("call:accepted", callId=call_id)
        user.emit("call:end", {"callId": call_id})
        telecaller.wait("call:ended", callId=call_id)
    for _, user, _, telecaller in pairs:
        user.stays_quiet(0.1)
        telecaller.stays_quiet(0)


def test_a_person_without_an_account_calls_under_the_name_in_the_token(world: World) -> None:
    token = sign({"sub": "0123456789abcdef01234567", "role": "USER", "name": "Nobody Known"})
    user = world.connect("js", world.ticket("/user", token))
    callee, telecaller = world.telecaller()
    user.emit("call:initiate", {"telecallerId": callee.id, "callType": "AUDIO"})
    assert telecaller.wait("call:incoming")["caller"] == {
        "_id": "0123456789abcdef01234567",
        "name": "Nobody Known",
        "profile": None,
    }


def test_both_parties_may_share_one_connection(world: World) -> None:
    """Two namespaces share a connection, as with ``io(url + "/a")`` and ``io(url + "/b")``."""
    callee, telecaller = world.telecaller()
    caller = world.people.take("USER")
    user = world.join("js", caller, app=getattr(telecaller, "app"))  # noqa: B009
    assert getattr(user, "engine") == getattr(telecaller, "engine")  # noqa: B009
    call_id = ring(user, telecaller, callee)
    answer(user, telecaller, call_id)
    telecaller.ask("call:end", {"callId": call_id})
    user.wait("call:ended", callId=call_id)
