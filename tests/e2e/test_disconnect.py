"""Tests of calls of which one party disconnects, with or without closing the connection."""

from __future__ import annotations

import pytest

from tests.e2e.calls import answer, ring
from tests.e2e.clients import Client
from tests.e2e.world import World


@pytest.fixture(params=["politely", "abruptly"])
def manner(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def leave(client: Client, manner: str) -> None:
    if manner == "politely":
        client.leave()
    else:
        client.drop()


def test_a_call_is_missed_if_its_user_disconnects_while_it_rings(
    world: World, kind: str, manner: str
) -> None:
    caller, user = world.user(kind)
    _, other = world.user()
    callee, telecaller = world.telecaller()
    call_id = ring(user, telecaller, callee)
    leave(user, manner)
    assert telecaller.wait("call:missed") == {"callId": call_id}
    world.stack.wait_connections("/user", caller.id, 0)
    ring(other, telecaller, callee)


def test_an_answered_call_ends_if_its_user_disconnects(
    world: World, kind: str, manner: str
) -> None:
    _, user = world.user(kind)
    _, other = world.user()
    callee, telecaller = world.telecaller()
    call_id = ring(user, telecaller, callee)
    answer(user, telecaller, call_id)
    leave(user, manner)
    assert telecaller.wait("call:ended") == {"callId": call_id}
    ring(other, telecaller, callee)


def test_a_call_is_missed_if_its_telecaller_disconnects_while_it_rings(
    world: World, kind: str, manner: str
) -> None:
    _, user = world.user()
    callee, telecaller = world.telecaller(kind)
    other_account, other_telecaller = world.telecaller()
    user.wait_presence(callee.id, "ONLINE")
    call_id = ring(user, telecaller, callee)
    leave(telecaller, manner)
    assert user.wait("call:missed") == {"callId": call_id}
    user.wait_presence(callee.id, "OFFLINE")
    ring(user, other_telecaller, other_account)


def test_an_answered_call_ends_and_its_telecaller_is_offline_after_a_disconnect(
    world: World, kind: str, manner: str
) -> None:
    _, user = world.user()
    callee, telecaller = world.telecaller(kind)
    call_id = ring(user, telecaller, callee)
    answer(user, telecaller, call_id)
    user.wait_presence(callee.id, "ON_CALL")
    leave(telecaller, manner)
    assert user.wait("call:ended") == {"callId": call_id}
    user.wait_presence(callee.id, "OFFLINE")
    last = user.presence(callee.id)[-1]
    assert last == {"telecallerId": callee.id, "presence": "OFFLINE", "telecaller": None}
    answered = user.ask("call:initiate", {"telecallerId": callee.id, "callType": "AUDIO"})
    text = f"{callee.name} is currently offline. Please try again later."
    assert answered == {"error": {"message": text}}


def test_the_timer_of_a_call_that_is_over_sends_nothing(world: World) -> None:
    """The timer of the first call runs on after the disconnect. It must change nothing."""
    _, user = world.user()
    callee, telecaller = world.telecaller()
    ring(user, telecaller, callee)
    telecaller.leave()
    user.wait("call:missed")
    again = world.join("js", callee)
    call_id = ring(user, again, callee)
    user.wait("call:missed", callId=call_id)
    again.wait("call:missed", callId=call_id)
    user.stays_quiet()
    again.stays_quiet(0)


def test_people_who_have_disconnected_may_connect_again_and_call(world: World, kind: str) -> None:
    caller, user = world.user(kind)
    callee, telecaller = world.telecaller(kind)
    ring(user, telecaller, callee)
    user.leave()
    telecaller.wait("call:missed")
    telecaller.leave()
    world.stack.wait_connections("/telecaller", callee.id, 0)
    world.stack.wait_connections("/user", caller.id, 0)
    user, telecaller = world.join(kind, caller), world.join(kind, callee)
    answer(user, telecaller, ring(user, telecaller, callee))


def test_a_socket_may_be_connected_again(world: World) -> None:
    caller, user = world.user()
    callee, telecaller = world.telecaller()
    user.leave()
    world.stack.wait_connections("/user", caller.id, 0)
    getattr(user, "reconnect")()  # noqa: B009
    world.stack.wait_connections("/user", caller.id, 1)
    ring(user, telecaller, callee)


def test_a_client_reconnects_after_its_connection_is_cut(world: World) -> None:
    """The library reconnects by itself. To the stack this is a new connection."""
    caller, user = world.user()
    callee, telecaller = world.telecaller()
    getattr(user, "drop")(reconnect=True)  # noqa: B009
    assert user.ended.wait(20)
    getattr(user, "connected")()  # noqa: B009
    world.stack.wait_connections("/user", caller.id, 1)
    ring(user, telecaller, callee)


def test_leaving_one_namespace_leaves_the_other_alone(world: World) -> None:
    callee, telecaller = world.telecaller()
    caller = world.people.take("USER")
    user = world.join("js", caller, app=getattr(telecaller, "app"))  # noqa: B009
    _, other = world.user()
    call_id = ring(user, telecaller, callee)
    user.leave()
    telecaller.wait("call:missed", callId=call_id)
    world.stack.wait_connections("/user", caller.id, 0)
    ring(other, telecaller, callee)
