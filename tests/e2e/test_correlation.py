"""One id through every hop, and the numbers of a call, as the functions have logged them."""

from __future__ import annotations

import time
from typing import Any

from tests.e2e.backend import Backend
from tests.e2e.calls import answer, ring
from tests.e2e.chat import make_channel, tab, unique
from tests.e2e.cost import Requests
from tests.e2e.stack import Stack
from tests.e2e.world import World


def done(stack: Stack, function: str, **fields: object) -> str:
    """The id of the last invocation with these fields, when there is one."""
    stack.wait_logged(function, message="done", **fields)
    return str(stack.logged(function, message="done", **fields)[-1]["correlation_id"])


def next_done(stack: Stack, function: str, act: Any) -> str:
    """The id of the one invocation that ``act`` brings about."""
    before = len(stack.logged(function, message="done"))
    act()
    (line,) = stack.logged(function, message="done")[before:]
    return str(line["correlation_id"])


def test_an_unanswered_call_is_one_id_through_its_timer(world: World) -> None:
    callee, telecaller = world.telecaller()
    _, user = world.user()
    ring(user, telecaller, callee)
    initiated = done(world.stack, "socketio", event_name="call:initiate")
    user.wait("call:missed")
    assert done(world.stack, "ring-timeout", correlation_id=initiated) == initiated


def test_a_call_that_ends_is_one_id_to_the_deletion_of_its_room(world: World) -> None:
    callee, telecaller = world.telecaller()
    _, user = world.user()
    call_id = ring(user, telecaller, callee)
    answer(user, telecaller, call_id)
    assert user.ask("call:end", {"callId": call_id}) is None
    ended = done(world.stack, "socketio", event_name="call:end")
    assert ended != done(world.stack, "socketio", event_name="call:initiate")
    assert done(world.stack, "rooms", correlation_id=ended) == ended


def test_a_handshake_is_one_id_to_the_opening(world: World) -> None:
    connected = next_done(world.stack, "connect", world.user)
    assert done(world.stack, "opener", correlation_id=connected) == connected


def test_a_message_is_one_id_to_the_broadcast(world: World) -> None:
    channel = unique("channel")
    make_channel(world, channel)
    anna = tab(world, unique("anna"), joins=channel)
    assert anna.ask("chat:send_message", {"channelId": channel, "message": "hello"}) is None
    anna.take("chat:new_message")
    sent = done(world.stack, "socketio", event_name="chat:send_message")
    assert done(world.stack, "broadcast", correlation_id=sent) == sent
    assert world.stack.logged("socketio", MessagesSent=[1.0])


def test_what_a_backend_tells_is_one_id_to_whoever_hears_it(world: World) -> None:
    def tell() -> None:
        Backend(world.stack).tell("partner.registered", partnerId=unique("p"), name="Pia")

    told = next_done(world.stack, "http", tell)
    assert done(world.stack, "backend", correlation_id=told) == told


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
    requests.settle()
    gained = {name: number - before[name] for name, number in counted(world.stack).items()}
    assert gained.pop("CallCoins") > 0
    assert gained == {"CallsStarted": 1, "CallsAnswered": 1, "CallsCompleted": 1, "CallsMissed": 0}
