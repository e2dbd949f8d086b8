"""Tests of the functions' logs: the correlation id of every step, and the metrics of a call."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.e2e.backend import Backend
from tests.e2e.calls import answer, ring
from tests.e2e.chat import make_channel, tab, unique
from tests.e2e.clients import SECONDS
from tests.e2e.cost import Requests
from tests.e2e.stack import Stack
from tests.e2e.waiting import until
from tests.e2e.world import World


def is_done(stack: Stack, function: str, correlation_id: str) -> bool:
    """Wait until a function has logged the end of an invocation with this correlation id."""
    return bool(stack.wait_logged(function, message="done", correlation_id=correlation_id))


def id_of_next(stack: Stack, function: str, act: Callable[[], Any], **fields: object) -> str:
    """Call ``act``, and return the correlation id of the function's next invocation.

    An invocation is logged after it has answered.
    """
    before = len(stack.logged(function, message="done", **fields))
    act()
    deadline = time.monotonic() + SECONDS
    while len(lines := stack.logged(function, message="done", **fields)) == before:
        assert time.monotonic() < deadline, f"{function} has done nothing more"
        time.sleep(0.05)
    return str(lines[before]["correlation_id"])


def test_an_unanswered_call_has_one_id_from_its_start_to_its_timer(world: World) -> None:
    callee, telecaller = world.telecaller()
    _, user = world.user()
    initiated = id_of_next(
        world.stack,
        "socketio",
        lambda: ring(user, telecaller, callee),
        event_name="call:initiate",
    )
    user.wait("call:missed")
    assert is_done(world.stack, "ring-timeout", initiated)


def test_the_end_of_a_call_has_one_id_until_its_room_is_deleted(world: World) -> None:
    callee, telecaller = world.telecaller()
    _, user = world.user()
    call_id = ring(user, telecaller, callee)
    answer(user, telecaller, call_id)
    ended = id_of_next(
        world.stack,
        "socketio",
        lambda: user.ask("call:end", {"callId": call_id}),
        event_name="call:end",
    )
    assert is_done(world.stack, "livekit-rooms", ended)


def test_a_handshake_has_one_id_until_the_connection_is_open(world: World) -> None:
    assert is_done(world.stack, "opener", id_of_next(world.stack, "connect", world.user))


def test_a_chat_message_has_one_id_until_it_is_broadcast(world: World) -> None:
    channel = unique("channel")
    make_channel(world, channel)
    anna = tab(world, unique("anna"), joins=channel)
    messages = partial(world.stack.logged, "socketio", MessagesSent=[1.0])
    before = len(messages())
    sent = id_of_next(
        world.stack,
        "socketio",
        lambda: anna.ask("chat:send_message", {"channelId": channel, "message": "hello"}),
        event_name="chat:send_message",
    )
    anna.take("chat:new_message")
    assert is_done(world.stack, "broadcast", sent)
    until(lambda: len(messages()) > before, "the message is counted")


def test_a_backend_event_has_one_id_until_it_is_handled(world: World) -> None:
    def tell() -> None:
        Backend(world.stack).tell("partner.registered", partnerId=unique("p"), name="Pia")

    assert is_done(world.stack, "backend", id_of_next(world.stack, "http", tell))


CALL = ("CallsStarted", "CallsAnswered", "CallsCompleted", "CallsMissed", "CallCoins")


def counted(stack: Stack) -> dict[str, float]:
    """Return the sums of the metrics of calls so far."""
    lines = stack.logged("presence-stream")
    return {name: sum(sum(line.get(name, ())) for line in lines) for name in CALL}


def test_a_completed_call_is_counted_once(world: World) -> None:
    requests = Requests(world.stack.logs)
    callee, telecaller = world.telecaller()
    _, user = world.user()
    requests.settle()
    before = counted(world.stack)
    call_id = ring(user, telecaller, callee)
    answer(user, telecaller, call_id)
    time.sleep(1.1)  # a call of 0 s is free
    assert user.ask("call:end", {"callId": call_id}) is None
    until(lambda: counted(world.stack)["CallsCompleted"] > before["CallsCompleted"], "counted")
    requests.settle()
    gained = {name: number - before[name] for name, number in counted(world.stack).items()}
    assert gained.pop("CallCoins") > 0
    assert gained == {"CallsStarted": 1, "CallsAnswered": 1, "CallsCompleted": 1, "CallsMissed": 0}
