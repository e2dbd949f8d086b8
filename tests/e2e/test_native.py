"""Tests of JSON over a plain WebSocket, frame by frame."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.identity.accounts import Account
from tests.e2e.chat import make_channel, tab, unique
from tests.e2e.client_native import Raw
from tests.e2e.clients import Refused, Ticket
from tests.e2e.people import shown, sign, token
from tests.e2e.stack import FRONTEND
from tests.e2e.world import World


def connect(world: World, group: str) -> tuple[Account, Raw]:
    account = world.people.take(group)
    namespace = f"/{account.role.lower()}"
    raw = Raw.native(world.ticket(namespace, token(account)))
    world.stack.wait_connections(namespace, account.id)
    return account, raw


def send(raw: Raw, **frame: Any) -> None:
    raw.send(json.dumps(frame))


def receive(raw: Raw) -> dict[str, Any]:
    """Return the next frame that is not about a telecaller's presence."""
    while True:
        frame: dict[str, Any] = json.loads(raw.receive())
        if frame.get("event") != "telecaller:presence-changed":
            return frame


def receive_both(raw: Raw) -> list[dict[str, Any]]:
    """Return the next two frames, which may arrive in any order, with the event first."""
    return sorted((receive(raw), receive(raw)), key=lambda frame: "ack" in frame)


def is_quiet(raw: Raw) -> bool:
    """Return whether no frame arrives before the answer to a frame that is sent now."""
    send(raw, action="call.nothing", id="quiet")
    frames = receive_both(raw)
    return [frame.get("ack") for frame in frames] == [None, "quiet"]


def failed(message: str, ack: object, event: str = "error") -> list[dict[str, Any]]:
    error = {"message": message}
    return [{"event": event, "data": error}, {"ack": ack, "error": error}]


def test_a_whole_call_frame_by_frame(world: World) -> None:
    caller, user = connect(world, "USER")
    callee, telecaller = connect(world, "TELECALLER")
    payload = {"telecallerId": callee.id, "callType": "AUDIO"}
    send(user, action="call.initiate", data=payload, id="a1")
    incoming = receive(telecaller)
    call = {"callId": incoming["data"]["callId"]}
    assert incoming == {
        "event": "call:incoming",
        "data": {**call, "callType": "AUDIO", "caller": shown(caller)},
    }
    assert receive_both(user) == [
        {"event": "call:ringing", "data": {**call, "telecaller": shown(callee)}},
        {"ack": "a1", "data": call},
    ]
    send(telecaller, action="call:accept", data=call, id=7)
    accepted, acknowledged = receive_both(telecaller)
    assert accepted["event"] == "call:accepted"
    assert acknowledged == {"ack": 7, "data": None}
    assert receive(user)["event"] == "call:accepted"
    send(user, action="call.end", data=call)
    assert receive(telecaller) == {"event": "call:ended", "data": call}
    assert is_quiet(user)
    send(user, action="call.cancel", data=call, id=0)
    assert receive_both(user) == failed("Call is no longer available", 0, "call:error")
    user.close()
    telecaller.close()


def test_a_call_may_be_made_as_soon_as_the_connection_is_open(world: World) -> None:
    callee, _ = world.telecaller()
    account = world.people.take("USER")
    user = Raw.native(world.ticket("/user", token(account)))
    send(user, action="call.initiate", data={"telecallerId": callee.id, "callType": "AUDIO"}, id=1)
    rang, acknowledged = receive_both(user)
    assert rang["event"] == "call:ringing"
    assert acknowledged["data"] == {"callId": rang["data"]["callId"]}
    user.close()


@pytest.mark.parametrize("ack", ["", "a" * 300, "ключ", 0, -1, 1.5, 2**53])
def test_an_acknowledgement_carries_the_id_of_the_frame_unchanged(
    world: World, ack: object
) -> None:
    _, user = connect(world, "USER")
    send(user, action="call.end", data={"callId": "0" * 24}, id=ack)
    assert receive_both(user) == failed("Call not found", ack, "call:error")
    user.close()


@pytest.mark.parametrize("ack", [True, [1], {"a": 1}])
def test_an_id_of_another_type_is_refused(world: World, ack: object) -> None:
    _, user = connect(world, "USER")
    send(user, action="call.end", data={"callId": "0" * 24}, id=ack)
    assert "id" in receive(user)["data"]["message"]
    assert is_quiet(user)
    user.close()


def test_an_error_of_a_frame_without_id_is_sent_as_an_event_only(world: World) -> None:
    _, user = connect(world, "USER")
    send(user, action="call.initiate", data={})
    assert receive(user) == {"event": "call:error", "data": {"message": "Invalid call request"}}
    send(user, action="call.initiate")
    assert receive(user) == {"event": "call:error", "data": {"message": "Invalid call request"}}
    send(user, action="call.end", data={}, id=None)
    assert receive(user) == {"event": "call:error", "data": {"message": "Invalid call request"}}
    assert is_quiet(user)
    user.close()


def test_a_frame_that_is_no_object_is_answered_with_an_error_and_the_connection_stays(
    world: World,
) -> None:
    _, user = connect(world, "USER")
    frames = ["[]", "1", '"x"', "null", "", " ", "garbage", "{", '{"action"', "[1,2", "NaN"]
    frames += [
        '{"action":"call.end","data":NaN}',
        "40",
        "40/user,",
        "1",
        "41/user,",
        '42["call:end"]',
    ]
    for frame in frames:
        user.send(frame)
        answer = receive(user)
        assert answer["event"] == "error", (frame, answer)
        assert answer["data"].keys() == {"message"}
    send(user, action="call.end", data={"callId": "0" * 24}, id="still here")
    assert receive_both(user)[1]["ack"] == "still here"
    user.close()


@pytest.mark.parametrize("frame", ["2", "3", "41", "43[]"])
def test_a_socketio_packet_without_effect_is_answered_with_an_error(
    world: World, frame: str
) -> None:
    _, user = connect(world, "USER")
    try:
        user.send(frame)
        send(user, action="call.end", data={"callId": "0" * 24})
        assert {receive(user)["event"] for _ in range(2)} == {"error", "call:error"}
    finally:
        user.close()


@pytest.mark.parametrize("action", ["call.nothing", "call:nothing", "$default", "x" * 99])
def test_an_unknown_action_is_answered_with_an_error(world: World, action: str) -> None:
    _, user = connect(world, "USER")
    send(user, action=action, id="u")
    event, ack = receive_both(user)
    assert event["event"] == "error"
    assert ack == {"ack": "u", "error": event["data"]}
    user.close()


@pytest.mark.parametrize("action", [None, 7, "", [], {}, True])
def test_an_action_that_is_no_text_is_refused(world: World, action: object) -> None:
    _, user = connect(world, "USER")
    send(user, action=action, id="u")
    event, ack = receive_both(user)
    assert "action" in event["data"]["message"]
    assert ack == {"ack": "u", "error": event["data"]}
    user.close()


def test_unsupported_json_is_refused_with_its_acknowledgement(world: World) -> None:
    _, user = connect(world, "USER")
    for value in ('"\\ud800"', "1" * 40, "1e999", "[" * 40 + "]" * 40):
        user.send(f'{{"action":"call.end","data":{{"callId":{value}}},"id":"bad"}}')
        event, ack = receive_both(user)
        assert event["event"] == "call:error"
        assert "callId" in event["data"]["message"]
        assert ack == {"ack": "bad", "error": event["data"]}
    user.close()


def is_refused(ticket: Ticket, *, in_query: bool = False) -> bool:
    """Return whether the handshake fails.

    API Gateway passes the stack's status (400, 401 or 403) on; its emulator always answers 403.
    """
    with pytest.raises(Refused) as refused:
        Raw.native(ticket, in_query=in_query)
    return str(refused.value) in {"400", "401", "403"}


@pytest.mark.parametrize("in_query", [False, True])
def test_a_handshake_without_a_valid_token_is_refused(world: World, in_query: bool) -> None:
    account = world.people.take("USER")
    claims = {"sub": account.id, "role": "USER"}
    wrong = ("", "garbage", sign({**claims, "exp": 1}), sign(claims, key="x" * 32))
    for given in (None, *wrong):
        assert is_refused(world.ticket("/user", given), in_query=in_query)


@pytest.mark.parametrize("in_query", [False, True])
def test_a_handshake_of_a_person_who_may_not_join_is_refused(world: World, in_query: bool) -> None:
    take = world.people.take
    for namespace, group in (
        ("/user", "TELECALLER"),
        ("/telecaller", "USER"),
        ("/admin", "USER"),
        ("/user", "SUSPENDED_USER"),
        ("/telecaller", "SUSPENDED_TELECALLER"),
        ("/telecaller", "PENDING_TELECALLER"),
    ):
        ticket = world.ticket(namespace, token(take(group)))
        assert is_refused(ticket, in_query=in_query), (namespace, group)


def test_a_handshake_for_an_unknown_namespace_is_refused(world: World) -> None:
    given = token(world.people.take("USER"))
    for namespace in ("/nowhere", "", "user", "/user/"):
        assert is_refused(world.ticket(namespace, given))


def test_a_token_may_be_sent_in_the_query(world: World) -> None:
    account = world.people.take("USER")
    raw = Raw.native(world.ticket("/user", token(account)), in_query=True)
    world.stack.wait_connections("/user", account.id)
    raw.close()


def test_an_admin_may_connect_with_a_cookie(world: World) -> None:
    account = world.people.take("ADMIN")
    cookie = f"authenticationToken={token(account)}"
    raw = Raw.native(world.ticket("/admin", None, Cookie=cookie, Origin=FRONTEND))
    send(raw, action="presence.request-counts", id=1)
    event, ack = receive_both(raw)
    assert event["event"] == "presence:counts"
    assert ack == {"ack": 1, "data": None}
    raw.close()
    foreign = {"Cookie": cookie, "Origin": "https://evil.example.com"}
    assert is_refused(world.ticket("/admin", None, **foreign))
    assert is_refused(world.ticket("/admin", None, Cookie=cookie))


def test_a_cookie_is_not_accepted_for_user(world: World) -> None:
    cookie = f"authenticationToken={token(world.people.take('USER'))}"
    assert is_refused(world.ticket("/user", None, Cookie=cookie, Origin=FRONTEND))


def test_chat_over_native_frames(world: World) -> None:
    channel = unique("native")
    make_channel(world, channel)
    anna = tab(world, unique("anna"), "native", joins=channel)
    listed = anna.ask("presence:get_online_users")
    assert {"userId": anna.person_id, "status": "online", "connectionCount": 1} in listed
    anna.ask("chat:send_message", {"channelId": channel, "message": "Hi"})
    said = anna.take("chat:new_message")
    anna.ask("chat:send_message", {"channelId": channel, "message": "Ho", "replyToId": said["id"]})
    assert anna.take("chat:new_message", replyToId=said["id"])["message"] == "Ho"
    assert anna.ask("leave_channel", channel) is None
    refused = anna.ask("chat:send_message", {"channelId": channel, "message": "Hm"})
    assert refused == {"error": {"message": "Join the channel first"}}


def test_an_admin_receives_the_booking_numbers(world: World) -> None:
    _, admin = world.admin("native")
    assert admin.ask("request:stats") is None
    assert admin.wait("dashboard:stats_update")["active"] >= 0
