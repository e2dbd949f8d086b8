"""Tests with other major versions of the JavaScript library: 2.x, whose protocol differs, and
3.x."""

from __future__ import annotations

from functools import partial

import pytest

from tests.e2e import backstage
from tests.e2e.calls import answer, ring
from tests.e2e.client_js import JavaScript
from tests.e2e.clients import SECONDS, Refused
from tests.e2e.people import token
from tests.e2e.waiting import until
from tests.e2e.world import World

VERSIONS = ("2", "3")


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.mark.parametrize("ended_by", ["user", "telecaller"])
def test_old_clients_make_a_whole_call(world: World, version: str, ended_by: str) -> None:
    caller, callee = world.people.take("USER"), world.people.take("TELECALLER")
    user = world.join("js", caller, version=version)
    telecaller = world.join("js", callee, version=version)
    call_id = ring(user, telecaller, callee, "VIDEO")
    answer(user, telecaller, call_id)
    one, other = (user, telecaller) if ended_by == "user" else (telecaller, user)
    assert one.ask("call:end", {"callId": call_id}) is None
    assert other.wait("call:ended") == {"callId": call_id}
    one.stays_quiet()
    other.stays_quiet(0)


def test_old_and_new_clients_call_each_other(world: World, version: str) -> None:
    caller = world.people.take("USER")
    user = world.join("js", caller, version=version)
    callee, telecaller = world.telecaller("asyncio")
    user.wait_presence(callee.id, "ONLINE")
    call_id = ring(user, telecaller, callee)
    answer(user, telecaller, call_id)
    telecaller.ask("call:end", {"callId": call_id})
    user.wait("call:ended", callId=call_id)
    failed = user.ask("call:cancel", {"callId": call_id})
    assert failed == {"error": {"message": "Call is no longer available"}}
    assert user.wait("call:error") == {"message": "Call is no longer available"}


def test_an_old_client_receives_the_reason_of_a_refusal(world: World, version: str) -> None:
    """2.x receives a text. If it were an object, the argument of ``Refused`` would be one too."""
    suspended = world.people.take("SUSPENDED_USER")
    for namespace, given, text in (
        ("/user", None, "Authentication token required"),
        ("/user", "garbage", "Invalid or expired token"),
        ("/telecaller", token(suspended), "Access denied"),
        ("/user", token(suspended), "Account suspended. Please contact support."),
    ):
        with pytest.raises(Refused) as refused:
            world.connect("js", world.ticket(namespace, given), version=version)
        assert refused.value.args == (text,)


def test_the_pings_of_a_2x_client_are_answered(world: World) -> None:
    client = world.join("js", world.people.take("USER"), version="2")
    assert isinstance(client, JavaScript)
    for _ in range(2):
        client.ping()
    client.stays_quiet()
    assert not client.ended.is_set()


@pytest.mark.parametrize("version", [*VERSIONS, "4"])
def test_a_client_reconnects_after_the_server_has_closed_its_connection(
    world: World, version: str
) -> None:
    caller = world.people.take("USER")
    user = world.join("js", caller, version=version)
    callee, telecaller = world.telecaller()
    assert isinstance(user, JavaScript)
    now = partial(backstage.connection_ids, world.stack, caller)
    (before,) = now()
    backstage.close(world.stack, before)
    assert user.ended.wait(SECONDS)
    user.connected()
    until(lambda: len(now()) == 1 and now() != [before], "another connection in its place")
    answer(user, telecaller, ring(user, telecaller, callee))
