"""Clients whose connection ends unexpectedly and who are back within the grace: nobody notices."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from shared.identity.accounts import Account
from tests.e2e import backstage
from tests.e2e.calls import answer, ring
from tests.e2e.client_js import JavaScript
from tests.e2e.clients import Client
from tests.e2e.pages import Visitors, call, phone, pill, user_and_telecaller
from tests.e2e.people import People
from tests.e2e.stack import Stack
from tests.e2e.waiting import until
from tests.e2e.world import World

GRACE_SECONDS = 8


@pytest.fixture(autouse=True)
def grace(stack: Stack) -> Iterator[None]:
    """Give clients the time that a loaded machine needs to reconnect."""
    with backstage.settings_of(stack, "disconnect", reconnect_grace_seconds=GRACE_SECONDS):
        yield


def tear(_stack: Stack, client: Client, _account: Account) -> None:
    """Cut the client's TCP connection."""
    getattr(client, "drop")(reconnect=True)  # noqa: B009


def cut(stack: Stack, client: Client, account: Account) -> None:
    """Do what API Gateway does after 2 h."""
    getattr(client, "returns")()  # noqa: B009
    for connection_id in backstage.connection_ids(stack, account):
        backstage.close(stack, connection_id)


def comes_back(client: Client) -> None:
    """Wait until the client has lost its connection and is connected again."""
    assert client.ended.wait(20)
    getattr(client, "connected")()  # noqa: B009


@pytest.mark.parametrize("lose", [tear, cut])
def test_a_call_outlives_the_connections_of_both(
    world: World, lose: Callable[[Stack, Client, Account], None]
) -> None:
    caller, user = world.user()
    callee, telecaller = world.telecaller()
    _, onlooker = world.user()
    call_id = ring(user, telecaller, callee)
    answer(user, telecaller, call_id)
    for client, account in ((telecaller, callee), (user, caller)):
        lose(world.stack, client, account)
        comes_back(client)
    for account in (callee, caller):  # the old connections are gone for good then
        world.stack.wait_connections(f"/{account.role.lower()}", account.id, 1)
    assert user.ask("call:end", {"callId": call_id}) is None
    assert telecaller.wait("call:ended") == {"callId": call_id}
    seen = [one["presence"] for one in onlooker.presence(callee.id)]
    assert "OFFLINE" not in seen


@pytest.mark.parametrize("kind", ["js", "python"])
def test_a_polling_client_that_is_replaced_comes_back_unnoticed(world: World, kind: str) -> None:
    """The sweep ends the connection of a telecaller, which is old, while she rings nowhere."""
    _, onlooker = world.user()
    world.transports = ("polling",)
    callee, telecaller = world.telecaller(kind)
    onlooker.wait_presence(callee.id, "ONLINE")
    (before,) = backstage.connection_ids(world.stack, callee)
    assert before.startswith("~")
    if isinstance(telecaller, JavaScript):
        telecaller.returns()
    with backstage.settings_of(
        world.stack, "sweep", replace_after_seconds=60, reconnect_grace_seconds=GRACE_SECONDS
    ):
        backstage.make_old(world.stack, before, seconds=700)
        backstage.invoke(world.stack, "sweep", {})
    until(
        lambda: before not in backstage.connection_ids(world.stack, callee), "the old one is gone"
    )
    world.stack.wait_connections("/telecaller", callee.id, 1)
    assert [one["presence"] for one in onlooker.presence(callee.id)] == ["ONLINE"]
    _, user = world.user()
    answer(user, telecaller, ring(user, telecaller, callee))


def test_a_ring_reaches_a_telecaller_who_comes_back(world: World) -> None:
    _, user = world.user()
    callee, telecaller = world.telecaller()
    call_id = ring(user, telecaller, callee)
    tear(world.stack, telecaller, callee)
    comes_back(telecaller)
    assert telecaller.wait("call:incoming")["callId"] == call_id
    answer(user, telecaller, call_id)


def test_the_call_is_still_there_after_a_reload_or_a_lost_connection(
    visitors: Visitors, people: People
) -> None:
    user, telecaller = user_and_telecaller(visitors, people)
    call(user, telecaller)
    telecaller.get_by_role("button", name="Accept").click()
    for page, role in ((user, "USER"), (telecaller, "TELECALLER")):
        pill(page, role, "on call").wait_for()
    user.reload()
    pill(user, "USER", "on call").wait_for()
    torn = phone(telecaller, "TELECALLER")
    torn.get_by_role("button", name="Lose the connection").click()
    expect(torn.locator(".frames")).to_contain_text("lost")
    pill(telecaller, "TELECALLER", "no connection").wait_for()
    pill(telecaller, "TELECALLER", "on call").wait_for()
    user.get_by_role("button", name="Hang up").click()
    expect(torn.locator(".news")).to_have_text("The other side hung up.")
