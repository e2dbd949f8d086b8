"""Tests of frames that no well-behaved Socket.IO client sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.client_native import Raw
from tests.e2e.clients import Refused
from tests.e2e.people import token
from tests.e2e.world import World

FRAME_BYTES = 32 * 1024


@pytest.fixture
def engine(world: World) -> Iterator[Raw]:
    """An open connection that has joined no namespace."""
    raw = world.raw()
    opened = raw.receive()
    assert opened.startswith("0{"), opened
    assert json.loads(opened[1:]).keys() == {
        "sid",
        "upgrades",
        "pingInterval",
        "pingTimeout",
        "maxPayload",
    }
    yield raw
    raw.close()


@pytest.fixture
def user(world: World, engine: Raw) -> Raw:
    """A connection that has joined ``/user``."""
    account = world.people.take("USER")
    engine.send(f'40/user,{{"token":"{token(account)}"}}')
    assert engine.receive().startswith('40/user,{"sid":"')
    world.stack.wait_connections("/user", account.id)
    return engine


def receive(raw: Raw) -> str:
    """Return the next frame that is not about a telecaller's presence."""
    while True:
        frame = raw.receive()
        if '["telecaller:presence-changed"' not in frame:
            return frame


def still_works(raw: Raw) -> bool:
    """Return whether the connection still handles an event."""
    raw.send('42/user,99["call:end",{"callId":"000000000000000000000000"}]')
    error = {"message": "Call not found"}
    return error_and_answer(raw, 99) == ["call:error", error, {"error": error}]


def error_and_answer(raw: Raw, ack: int) -> list[Any]:
    """Receive an error event and an acknowledgement.

    Returns the name and the payload of the event, and the argument of the acknowledgement.
    """
    frames = sorted((receive(raw), receive(raw)))
    assert frames[0].startswith("42/user,["), frames
    assert frames[1].startswith(f"43/user,{ack}["), frames
    event, payload = json.loads(frames[0].removeprefix("42/user,"))
    (answer,) = json.loads(frames[1].removeprefix(f"43/user,{ack}"))
    assert answer == {"error": payload}
    return [event, payload, answer]


@pytest.mark.parametrize(
    "frame",
    [
        "garbage",
        "",
        " ",
        "9",
        "4",
        "49",
        "4x",
        "42",
        "42/user,",
        "42/user,{}",
        "42/user,[]",
        "42/user,[null]",
        "42/user,[true]",
        "42/user,[{}]",
        '42/user,["connect"]',
        '42/user,["disconnect"]',
        '42/user,["call:end",]',
        '42/user,["call:end",NaN]',
        '42/user,["call:end",{"callId":Infinity}]',
        '42/user,["call:end",{"callId":-Infinity}]',
        '42/user,["call:end"',
        '42/user,["call:end"]x',
        '42/user,99999999999999999999["call:end"]',
        '44/user,{"message":"x"}',
        "43/user,1",
        '451-/user,["call:end",{"_placeholder":true,"num":0}]',
        "40/user,[]",
        '40/user,"text"',
        '40/user,{"token":NaN}',
        "[]",
        "\x00",
        "b4AAEC",
    ],
)
def test_a_frame_that_is_not_a_packet_closes_the_connection(user: Raw, frame: str) -> None:
    user.send(frame)
    code, _ = user.closed()
    assert code in {1000, 1001, 1005, 1008}


@pytest.mark.parametrize(
    "frame", ["garbage", '42/user,["call:end",{"callId":"x"}]', '42["x"]', "42", "40[", '451-["x"]']
)
def test_a_first_frame_other_than_connect_closes_the_connection(engine: Raw, frame: str) -> None:
    engine.send(frame)
    code, frames = engine.closed()
    assert code in {1000, 1001, 1005, 1008}
    assert frames == []


def test_a_ping_is_answered_and_a_pong_is_not(user: Raw) -> None:
    user.send("2")
    assert receive(user) == "3"
    user.send("2probe")
    assert receive(user) == "3probe"
    user.send("3")
    user.send("43/user,5[]")
    assert still_works(user)


def test_a_close_packet_closes_the_connection(world: World, user: Raw) -> None:
    user.send("1")
    user.closed()


def test_a_disconnect_packet_leaves_the_namespace(world: World, engine: Raw) -> None:
    account = world.people.take("USER")
    connect = f'40/user,{{"token":"{token(account)}"}}'
    for _ in range(2):
        engine.send(connect)
        assert receive(engine).startswith('40/user,{"sid":"')
        world.stack.wait_connections("/user", account.id)
        engine.send("41/user,")
        world.stack.wait_connections("/user", account.id, 0)
    engine.send(connect)
    assert receive(engine).startswith("40/user,")
    assert still_works(engine)


def test_an_event_after_leaving_the_namespace_closes_the_connection(
    world: World, user: Raw
) -> None:
    user.send("41/user,")
    user.send('42/user,1["call:end",{"callId":"x"}]')
    _, frames = user.closed()
    assert [frame for frame in frames if "presence-changed" not in frame] == []


def test_each_connect_packet_begins_a_session_in_place_of_the_one_before(
    world: World, engine: Raw
) -> None:
    account = world.people.take("USER")
    connect = f'40/user,{{"token":"{token(account)}"}}'
    for _ in range(3):
        engine.send(connect)
        assert receive(engine).startswith("40/user,")
    assert still_works(engine)
    world.stack.wait_connections("/user", account.id)


def test_a_binary_frame_closes_the_connection(user: Raw) -> None:
    user.send(b"\x00\x01")
    assert user.closed()[0] == 1003


def test_a_frame_larger_than_the_limit_closes_the_connection(user: Raw) -> None:
    text = '42/user,3["call:end",{"callId":"0","more":""}]'
    full = text.replace('""', f'"{"x" * (FRAME_BYTES - len(text))}"')
    assert len(full) == FRAME_BYTES
    user.send(full)
    assert error_and_answer(user, 3)[1] == {"message": "Call not found"}
    user.send(full.replace('x"', 'xx"'))
    assert user.closed()[0] == 1009


@pytest.mark.parametrize("name", ["call:nothing", "message", "", "ключ", "__proto__", "x" * 1000])
def test_an_unknown_event_is_answered_with_an_error(user: Raw, name: str) -> None:
    user.send(f"42/user,0{json.dumps([name, {}])}")
    assert error_and_answer(user, 0)[0] == "error"
    user.send(f"42/user,{json.dumps([name, {}])}")
    assert receive(user).startswith('42/user,["error",{"message":"')
    assert still_works(user)


def test_a_number_as_event_name_is_refused(user: Raw) -> None:
    user.send("42/user,4[7]")
    event, payload, _ = error_and_answer(user, 4)
    assert event == "error"
    assert "event name" in payload["message"]
    assert still_works(user)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ('"\\ud800"', "surrogate"),
        ('"\\udc00x"', "surrogate"),
        ("1" * 40, "number"),
        ("-" + "9" * 5000, "number"),
        ("1e999", "number"),
        ("[" * 40 + "]" * 40, "nested"),
        ("[" * 5000 + "]" * 5000, "nested"),
    ],
)
def test_unsupported_json_is_refused_with_the_name_of_the_field(
    user: Raw, value: str, reason: str
) -> None:
    user.send(f'42/user,8["call:end",{{"callId":{value}}}]')
    event, payload, _ = error_and_answer(user, 8)
    assert event == "call:error"
    assert "callId" in payload["message"]
    assert reason in payload["message"]
    assert still_works(user)


@pytest.mark.parametrize("value", ["7", "true", "[]", "{}", f'"{"x" * 129}"', "1.5"])
def test_a_value_of_the_wrong_type_is_refused_with_the_name_of_the_field(
    user: Raw, value: str
) -> None:
    for event in ("call:end", "call:cancel"):
        user.send(f'42/user,8["{event}",{{"callId":{value}}}]')
        error_event, payload, _ = error_and_answer(user, 8)
        assert error_event == "call:error"
        assert "callId" in payload["message"]
    initiate = f'42/user,9["call:initiate",{{"telecallerId":{value},"callType":"AUDIO"}}]'
    user.send(initiate)
    assert "telecallerId" in error_and_answer(user, 9)[1]["message"]
    assert still_works(user)


def test_more_arguments_and_unknown_fields_are_ignored(user: Raw) -> None:
    user.send('42/user,1["call:end",{"callId":"x","callid":1,"a":{"b":[]}},2,"three"]')
    assert error_and_answer(user, 1)[1] == {"message": "Call not found"}


def test_an_event_for_a_namespace_that_was_not_joined_is_refused(user: Raw) -> None:
    """The connection stays open, because the client may have left the namespace a moment ago."""
    user.send('42/telecaller,1["call:accept",{"callId":"x"}]')
    assert receive(user) == '43/telecaller,1[{"error":{"message":"Invalid namespace"}}]'
    assert still_works(user)


def test_a_native_frame_closes_a_socket_io_connection(user: Raw) -> None:
    user.send('{"action":"call.end","data":{"callId":"x"},"id":1}')
    _, frames = user.closed()
    assert not any('"ack"' in frame for frame in frames)


@pytest.mark.parametrize(
    "path",
    [
        "/socket.io/?EIO=4",
        "/socket.io/?EIO=2&transport=websocket",
        "/socket.io/?transport=websocket",
        "/socket.io/?EIO=x&transport=websocket",
        "/ws",
    ],
)
def test_a_handshake_with_a_wrong_query_is_refused(world: World, path: str) -> None:
    with pytest.raises(Refused, match=r"40[03]"):
        Raw(world.stack.url, path)
