"""What becomes of a call when one side's last connection goes, politely or not."""

from __future__ import annotations

import pytest

from tests.e2e.calls import answer, ring
from tests.e2e.clients import Client
from tests.e2e.world import World


@pytest.fixture(params=["politely", "abruptly"])
def go(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def leave(client: Client, go: str) -> None:
    if go == "politely":
        client.leave()
    else:
        client.drop()


def test_a_user_who_goes_while_it_rings_misses_the_call(world: World, kind: str, go: str) -> None:
    caller, user = world.user(kind)
    _, other = world.user()
    callee, telecaller = world.telecaller()
    call_id = ring(user, telecaller, callee)
    leave(user, go)
    assert telecaller.wait("call:missed") == {"callId": call_id}
    world.stack.joined("/user", caller.id, 0)
    ring(other, telecaller, callee)


def test_a_user_who_goes_on_a_call_ends_it(world: World, kind: str, go: str) -> None:
    _, user = world.user(kind)
    _, other = world.user()
    callee, telecaller = world.telecaller()
    call_id = ring(user, telecaller, callee)
    answer(user, telecaller, call_id)
    leave(user, go)
    assert telecaller.wait("call:ended") == {"callId": call_id}
    ring(other, telecaller, callee)


def test_a_telecaller_who_goes_while_it_rings_misses_the_call(
    world: World, kind: str, go: str
) -> None:
    _, user = world.user()
    callee, telecaller = world.telecaller(kind)
    other, somebody_else = world.telecaller()
    user.wait_presence(callee.id, "ONLINE")
    call_id = ring(user, telecaller, callee)
    leave(telecaller, go)
    assert user.wait("call:missed") == {"callId": call_id}
    user.wait_presence(callee.id, "OFFLINE")
    ring(user, somebody_else, other)


def test_a_telecaller_who_goes_on_a_call_ends_it_and_is_offline(
    world: World, kind: str, go: str
) -> None:
    _, user = world.user()
    callee, telecaller = world.telecaller(kind)
    call_id = ring(user, telecaller, callee)
    answer(user, telecaller, call_id)
    user.wait_presence(callee.id, "ON_CALL")
    leave(telecaller, go)
    assert user.wait("call:ended") == {"callId": call_id}
    user.wait_presence(callee.id, "OFFLINE")
    last = user.presence(callee.id)[-1]
    assert last == {"telecallerId": callee.id, "presence": "OFFLINE", "telecaller": None}
    answered = user.ask("call:initiate", {"telecallerId": callee.id, "callType": "AUDIO"})
    text = f"{callee.name} is currently offline. Please try again later."
    assert answered == {"error": {"message": text}}


def test_nobody_is_told_twice_of_a_call_that_is_over(world: World) -> None:
    """The timer runs on after a disconnect; it finds nothing to do."""
    _, user = world.user()
    callee, telecaller = world.telecaller()
    ring(user, telecaller, callee)
    telecaller.leave()
    user.wait("call:missed")
    again = world.come("js", callee)
    call_id = ring(user, again, callee)
    user.wait("call:missed", callId=call_id)
    again.wait("call:missed", callId=call_id)
    user.stays_quiet()
    again.stays_quiet(0)


def test_who_has_left_may_come_back_and_call(world: World, kind: str) -> None:
    caller, user = world.user(kind)
    callee, telecaller = world.telecaller(kind)
    ring(user, telecaller, callee)
    user.leave()
    telecaller.wait("call:missed")
    telecaller.leave()
    world.stack.joined("/telecaller", callee.id, 0)
    world.stack.joined("/user", caller.id, 0)
    user, telecaller = world.come(kind, caller), world.come(kind, callee)
    answer(user, telecaller, ring(user, telecaller, callee))


def test_a_socket_may_be_connected_again(world: World) -> None:
    caller, user = world.user()
    callee, telecaller = world.telecaller()
    user.leave()
    world.stack.joined("/user", caller.id, 0)
    getattr(user, "reconnect")()  # noqa: B009
    world.stack.joined("/user", caller.id, 1)
    ring(user, telecaller, callee)


def test_a_broken_connection_mends_itself(world: World) -> None:
    """The library reconnects by itself, and the stack takes it for what it is: a new connection."""
    caller, user = world.user()
    callee, telecaller = world.telecaller()
    getattr(user, "drop")(reconnect=True)  # noqa: B009
    assert user.ended.wait(20)
    getattr(user, "connected")()  # noqa: B009
    world.stack.joined("/user", caller.id, 1)
    ring(user, telecaller, callee)


def test_leaving_one_namespace_leaves_the_other_alone(world: World) -> None:
    callee, telecaller = world.telecaller()
    caller = world.people.take("USER")
    user = world.come("js", caller, app=getattr(telecaller, "app"))  # noqa: B009
    _, other = world.user()
    call_id = ring(user, telecaller, callee)
    user.leave()
    telecaller.wait("call:missed", callId=call_id)
    world.stack.joined("/user", caller.id, 0)
    ring(other, telecaller, callee)
