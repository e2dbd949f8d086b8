"""Clients of socket.io-client that ask for recovery, and lose their connections."""

from __future__ import annotations

import time
from itertools import count

import pytest

from tests.e2e.backend import Backend
from tests.e2e.chat import chat_token, make_channel, tab, unique
from tests.e2e.client_js import JavaScript
from tests.e2e.clients import SECONDS, Ticket
from tests.e2e.people import token
from tests.e2e.stack import GRACE_SECONDS
from tests.e2e.visit import Visit
from tests.e2e.world import World

BLIPS = (0.3, 1.0, GRACE_SECONDS + 2.0)
"""How long the connection is gone, in seconds: within the grace, and after it."""


@pytest.fixture
def backend(world: World) -> Backend:
    return Backend(world.stack)


def recovering(
    world: World, namespace: str, signed: str, transports: tuple[str, ...] | None
) -> JavaScript:
    """Connect a client that asks for recovery, and does not come back by itself."""
    auth = {"token": signed, "recovery": True}
    ticket = Ticket(world.stack.url, namespace, given=auth, transports=transports)
    client = world.connect("js", ticket)
    assert isinstance(client, JavaScript)
    assert not client.recovered
    return client


def numbers(client: JavaScript, event: str, field: str) -> list[int]:
    """Return the numbers in the events of a client, all of which have an offset behind them."""
    found = [one for one in client.received if one.event == event]
    assert all(len(one.args) == 2 for one in found)
    return [int(one.args[0][field]) for one in found]


def await_number(client: JavaScript, event: str, field: str, last: int) -> list[int]:
    """Wait until a client has received as many numbers, and return them in their order."""
    with client.changed:
        client.changed.wait_for(lambda: len(numbers(client, event, field)) >= last, SECONDS)
    return numbers(client, event, field)


@pytest.mark.parametrize("transports", [("websocket",), None], ids=["websocket", "default"])
def test_direct_events_arrive_once_and_in_order(
    world: World, backend: Backend, transports: tuple[str, ...] | None
) -> None:
    visit, number = Visit(world, backend), count(1)
    customer = visit.customer_account
    visit.customer.leave()
    client = recovering(world, "/customer", token(customer), transports)
    world.stack.wait_connections("/customer", customer.id, 1)
    sid = client.sid

    def write() -> int:
        """Let the partner send a message, and wait until it is on its way."""
        last = next(number)
        message = {"recipientId": customer.id, "message": str(last)}
        assert "id" in visit.partner.ask("message:send", message)
        return last

    for seconds in BLIPS:
        last = write()
        await_number(client, "message:received", "message", last)
        client.drop()
        assert client.ended.wait(SECONDS)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            last = write()
            time.sleep(0.1)
        client.reconnect()
        last = write()
        assert client.recovered
        assert client.sid == sid
        found = await_number(client, "message:received", "message", last)
        assert found == list(range(1, last + 1))


def test_rooms_are_joined_again_and_nobody_notices(world: World) -> None:
    channel, number = unique("room"), count(1)
    make_channel(world, channel)
    anna, ben = unique("anna"), tab(world, unique("ben"), joins=None)
    client = recovering(world, "/", chat_token(anna), None)
    client.emit("authenticate", chat_token(anna))
    client.wait_past("authenticated")
    assert client.ask("join_channel", channel) is None
    assert ben.ask("join_channel", channel) is None
    ben.all("user_joined")

    def say() -> int:
        last = next(number)
        message = {"channelId": channel, "message": str(last), "messageType": "text"}
        assert ben.ask("chat:send_message", message) is None
        return last

    for seconds in BLIPS[:2]:
        say()
        client.drop()
        assert client.ended.wait(SECONDS)
        end = time.monotonic() + seconds / 2
        while time.monotonic() < end:
            say()
        client.reconnect()
        last = say()
        assert client.recovered
        found = await_number(client, "chat:new_message", "message", last)
        assert found == list(range(1, last + 1))
    mine = {"channelId": channel, "message": "0", "messageType": "text"}
    assert client.ask("chat:send_message", mine) is None
    ben.take("chat:new_message", message="0")
    assert not [one for one in ben.all("user_left") if one["userId"] == anna]


def test_a_pid_is_worth_nothing_to_others(world: World) -> None:
    ulla, otto = world.people.take("USER"), world.people.take("USER")
    client = recovering(world, "/user", token(ulla), ("websocket",))
    client.drop()
    assert client.ended.wait(SECONDS)
    for signed, pid in ((token(otto), client.pid), (token(ulla), f"{client.pid[:-2]}xx")):
        auth = {"token": signed, "recovery": True, "pid": pid}
        ticket = Ticket(world.stack.url, "/user", given=auth, transports=("websocket",))
        thief = world.connect("js", ticket)
        assert isinstance(thief, JavaScript)
        assert thief.pid not in {"", client.pid}
        assert thief.sid != client.sid
    client.reconnect()
    assert client.recovered
    client.leave()
    client.reconnect()
    assert not client.recovered, "it has said goodbye"


@pytest.mark.parametrize("kind", ["python", "asyncio", "js"])
def test_clients_that_do_not_ask_receive_no_offset(
    world: World, backend: Backend, kind: str
) -> None:
    customer = world.people.take("CUSTOMER")
    asking = recovering(world, "/customer", token(customer), ("websocket",))
    client = world.connect(kind, world.ticket("/customer", token(customer)))
    world.stack.wait_connections("/customer", customer.id, 2)
    backend.tell("notification.created", accountId=customer.id, number=1)
    client.wait("notification:new", number=1)
    assert await_number(asking, "notification:new", "number", 1) == [1]
