"""One id through every hop, and the numbers of a call, as the functions have logged them."""

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


def done(stack: Stack, function: str, correlation_id: str) -> bool:
    """Whether a function has done something under this id, or does within a while."""
    return bool(stack.wait_logged(function, message="done", correlation_id=correlation_id))


def next_done(stack: Stack, function: str, act: Callable[[], Any], **fields: object) -> str:
    """The id of the first such invocation from ``act`` on: it is logged after it has answered."""
    before = len(stack.logged(function, message="done", **fields))
    act()
    deadline = time.monotonic() + SECONDS
    while len(lines := stack.logged(function, message="done", **fields)) == before:
        assert time.monotonic() < deadline, f"{function} has done nothing more"
        time.sleep(0.05)
    return str(lines[before]["correlation_id"])


def test_an_unanswered_call_is_one_id_through_its_timer(world: World) -> None:
    callee, telecaller = world.telecaller()
    _, user = world.user()
    initiated = next_done(
        world.stack,
        "socketio",
        lambda: ring(user, telecaller, callee),
        event_name="call:initiate",
    )
    user.wait("call:missed")
    assert done(world.stack, "ring-timeout", initiated)


def test_a_call_that_ends_is_one_id_to_the_deletion_of_its_room(world: World) -> None:
    callee, telecaller = world.telecaller()
    _, user = world.user()
    call_id = ring(user, telecaller, callee)
    answer(user, telecaller, call_id)
    ended = next_done(
        world.stack,
        "socketio",
        lambda: user.ask("call:end", {"callId": call_id}),
        event_name="call:end",
    )
    assert done(world.stack, "livekit-rooms", ended)


def test_a_handshake_is_one_id_to_the_opening(world: World) -> None:
    assert done(world.stack, "opener", next_done(world.stack, "connect", world.user))


def test_a_message_is_one_id_to_the_broadcast(world: World) -> None:
    channel = unique("channel")
    make_channel(world, channel)
    anna = tab(world, unique("anna"), joins=channel)
    messages = partial(world.stack.logged, "socketio", MessagesSent=[1.0])
    before = len(messages())
    sent = next_done(
        world.stack,
        "socketio",
        lambda: anna.ask("chat:send_message", {"channelId": channel, "message": "hello"}),
        event_name="chat:send_message",
    )
    anna.take("chat:new_message")
    assert done(world.stack, "broadcast", sent)
    until(lambda: len(messages()) > before, "the message is counted")


def test_what_a_backend_tells_is_one_id_to_whoever_hears_it(world: World) -> None:
    def tell() -> None:
        Backend(world.stack).tell("partner.registered", partnerId=unique("p"), name="Pia")

    assert done(world.stack, "backend", next_done(world.stack, "http", tell))


CALL = ("CallsStarted", "CallsAnswered", "CallsCompleted", "CallsMissed", "CallCoins")


def counted(stack: Stack) -> dict[str, float]:
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
