"""Tests of the errors of events about calls."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.identity.accounts import Account
from tests.e2e.calls import answer, ring
from tests.e2e.clients import Client
from tests.e2e.world import World

INVALID = "Invalid call request"
INVALID_TYPE = "Invalid call type"
NOT_FOUND = "Call not found"
NO_LONGER = "Call is no longer available"
UNKNOWN_PERSON = "This person is no longer available for calls."
OWN_ACCOUNT = "Your account is not available. Please contact support."
ACTIVE = "You already have an active call."


def refused(client: Client, event: str, *payload: Any) -> str:
    """Send an event that is refused, and return the text of the error.

    The acknowledgement and the error event must have the same text.
    """
    acknowledgement = client.ask(event, *payload)
    assert acknowledgement.keys() == {"error"}, acknowledgement
    assert acknowledgement["error"].keys() == {"message"}
    error_event = "call:error" if client.namespace == "/user" else "error"
    assert client.wait(error_event) == acknowledgement["error"]
    message: str = acknowledgement["error"]["message"]
    return message


def initiate(user: Client, account: Account | str, call_type: str = "AUDIO") -> str:
    telecaller_id = account if isinstance(account, str) else account.id
    return refused(user, "call:initiate", {"telecallerId": telecaller_id, "callType": call_type})


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ((), INVALID),
        (({},), INVALID),
        ((None,), INVALID),
        (([],), INVALID),
        (("text",), INVALID),
        ((7,), INVALID),
        (({"callType": "AUDIO"},), INVALID),
        (({"telecallerId": "abc"},), INVALID),
        (({"telecallerId": None, "callType": "AUDIO"},), INVALID),
        (({"telecallerId": "", "callType": "AUDIO"},), INVALID),
        (({"telecallerId": "abc", "callType": None},), INVALID),
        (({"telecallerId": "abc", "callType": "CHAT"},), INVALID_TYPE),
        (({"telecallerId": "abc", "callType": "audio"},), INVALID_TYPE),
        (({"telecallerId": "abc", "callType": 1},), INVALID_TYPE),
    ],
)
def test_initiate_checks_its_payload_first(
    world: World, payload: tuple[Any, ...], text: str
) -> None:
    _, user = world.user()
    assert refused(user, "call:initiate", *payload) == text


def test_every_kind_of_client_reads_the_errors(world: World, every_kind: str) -> None:
    _, user = world.user(every_kind)
    _, telecaller = world.telecaller(every_kind)
    assert refused(user, "call:initiate", {}) == INVALID
    assert refused(user, "call:cancel", {"callId": "0" * 24}) == NOT_FOUND
    assert refused(telecaller, "call:accept", {"callId": "0" * 24}) == NOT_FOUND


@pytest.mark.parametrize(
    "group",
    ["PENDING_TELECALLER", "REJECTED_TELECALLER", "SUSPENDED_TELECALLER", "USER", "ADMIN"],
)
def test_only_an_approved_telecaller_can_be_called(world: World, group: str) -> None:
    _, user = world.user()
    assert initiate(user, world.people.take(group)) == UNKNOWN_PERSON


def test_a_telecaller_without_an_account_cannot_be_called(world: World) -> None:
    _, user = world.user()
    for telecaller_id in ("507f1f77bcf86cd799439031", "#", "/user#a", "ключ", "a" * 128):
        assert initiate(user, telecaller_id) == UNKNOWN_PERSON


def test_a_telecaller_who_has_never_connected_is_offline(world: World) -> None:
    _, user = world.user()
    callee = world.people.take("TELECALLER")
    text = f"{callee.name} is currently offline. Please try again later."
    assert initiate(user, callee) == text


def test_a_telecaller_who_has_disconnected_is_offline(world: World, kind: str) -> None:
    _, user = world.user()
    callee, telecaller = world.telecaller(kind)
    telecaller.leave()
    world.stack.wait_connections("/telecaller", callee.id, 0)
    text = f"{callee.name} is currently offline. Please try again later."
    assert initiate(user, callee) == text


def test_a_telecaller_is_busy_while_ringing_and_while_on_a_call(world: World) -> None:
    _, first = world.user()
    _, second = world.user("python")
    callee, telecaller = world.telecaller()
    busy = f"{callee.name} is busy on another call. Please try again later."
    call_id = ring(first, telecaller, callee)
    assert initiate(second, callee) == busy
    answer(first, telecaller, call_id)
    assert initiate(second, callee) == busy
    first.ask("call:end", {"callId": call_id})
    telecaller.wait("call:ended")
    ring(second, telecaller, callee)


def test_a_user_has_one_call_at_a_time(world: World) -> None:
    _, user = world.user()
    callee, telecaller = world.telecaller()
    other, _ = world.telecaller()
    call_id = ring(user, telecaller, callee)
    assert initiate(user, callee) == ACTIVE
    assert initiate(user, other) == ACTIVE
    answer(user, telecaller, call_id)
    assert initiate(user, other) == ACTIVE
    assert initiate(user, world.people.take("TELECALLER")) == ACTIVE


def test_a_user_who_is_suspended_while_connected_cannot_call(world: World, kind: str) -> None:
    caller, user = world.user(kind)
    callee, telecaller = world.telecaller()
    world.stack.save(msgspec.structs.replace(caller, account_status="SUSPENDED"))
    assert initiate(user, callee) == OWN_ACCOUNT
    assert initiate(user, "nobody") == OWN_ACCOUNT
    telecaller.stays_quiet()


def test_a_suspended_caller_leaves_the_telecaller_free(world: World) -> None:
    caller, user = world.user()
    _, other = world.user()
    callee, telecaller = world.telecaller()
    world.stack.save(msgspec.structs.replace(caller, account_status="SUSPENDED"))
    assert initiate(user, callee) == OWN_ACCOUNT
    ring(other, telecaller, callee)


def test_a_telecaller_who_is_suspended_while_connected_cannot_be_called(world: World) -> None:
    _, user = world.user()
    callee, _ = world.telecaller()
    world.stack.save(msgspec.structs.replace(callee, account_status="SUSPENDED"))
    assert initiate(user, callee) == UNKNOWN_PERSON


EVENTS = [
    ("user", "call:cancel"),
    ("user", "call:end"),
    ("telecaller", "call:accept"),
    ("telecaller", "call:reject"),
    ("telecaller", "call:end"),
]


def connect(world: World, role: str) -> Client:
    return (world.user() if role == "user" else world.telecaller())[1]


@pytest.mark.parametrize(("role", "event"), EVENTS)
def test_a_call_id_is_required(world: World, role: str, event: str) -> None:
    client = connect(world, role)
    payloads: list[tuple[Any, ...]] = [(), (None,), ({},), ([],), ("x",)]
    for payload in (*payloads, ({"callId": None},), ({"callId": ""},)):
        assert refused(client, event, *payload) == INVALID


@pytest.mark.parametrize(("role", "event"), EVENTS)
def test_a_call_id_of_the_wrong_type_is_named_in_the_error(
    world: World, role: str, event: str
) -> None:
    client = connect(world, role)
    for value in (7, True, ["x"], {"a": 1}, "x" * 129):
        assert "callId" in refused(client, event, {"callId": value})


@pytest.mark.parametrize(("role", "event"), EVENTS)
def test_a_call_that_does_not_exist_is_not_found(world: World, role: str, event: str) -> None:
    client = connect(world, role)
    for call_id in ("0" * 24, "nothing", "#", "ключ", "../x"):
        assert refused(client, event, {"callId": call_id}) == NOT_FOUND


@pytest.mark.parametrize(("role", "event"), EVENTS)
def test_a_call_of_other_people_is_not_found(world: World, role: str, event: str) -> None:
    """The error is the same while the call rings, after it is accepted, and when it is over."""
    stranger = connect(world, role)
    _, user = world.user()
    callee, telecaller = world.telecaller()
    call_id = ring(user, telecaller, callee)
    assert refused(stranger, event, {"callId": call_id}) == NOT_FOUND
    answer(user, telecaller, call_id)
    assert refused(stranger, event, {"callId": call_id}) == NOT_FOUND
    user.ask("call:end", {"callId": call_id})
    telecaller.wait("call:ended")
    assert refused(stranger, event, {"callId": call_id}) == NOT_FOUND


def test_a_call_moves_only_forward(world: World) -> None:
    _, user = world.user()
    callee, telecaller = world.telecaller()
    call = {"callId": ring(user, telecaller, callee)}
    assert refused(user, "call:end", call) == NO_LONGER
    assert refused(telecaller, "call:end", call) == NO_LONGER
    answer(user, telecaller, call["callId"])
    assert refused(telecaller, "call:reject", call) == NO_LONGER
    assert refused(user, "call:cancel", call) == NO_LONGER
    telecaller.ask("call:end", call)
    user.wait("call:ended")
    for role, event in EVENTS:
        if (role, event) != ("telecaller", "call:end"):  # achieved already
            assert refused(user if role == "user" else telecaller, event, call) == NO_LONGER


@pytest.mark.parametrize("end", ["reject", "cancel", "miss"])
def test_a_call_that_ended_unanswered_is_no_longer_available(world: World, end: str) -> None:
    _, user = world.user()
    callee, telecaller = world.telecaller()
    call = {"callId": ring(user, telecaller, callee)}
    if end == "reject":
        telecaller.ask("call:reject", call)
        user.wait("call:rejected")
    elif end == "cancel":
        user.ask("call:cancel", call)
        telecaller.wait("call:cancelled")
    else:
        user.wait("call:missed")
        telecaller.wait("call:missed")
    for role, event in EVENTS:
        if event != f"call:{end}":  # achieved already
            assert refused(user if role == "user" else telecaller, event, call) == NO_LONGER


def test_the_events_of_the_other_role_are_unknown(world: World) -> None:
    _, user = world.user()
    _, telecaller = world.telecaller()
    for event in ("call:accept", "call:reject", "presence:request-counts", "call:nothing"):
        assert event in user.ask(event, {"callId": "0" * 24})["error"]["message"]
        assert event in user.wait("error")["message"]
    for event in ("call:initiate", "call:cancel"):
        assert event in telecaller.ask(event, {"callId": "0" * 24})["error"]["message"]
        assert event in telecaller.wait("error")["message"]
