"""Tests of the specs' rate limits. For all other tests, the stack has much higher limits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_websocket

from shared.identity.accounts import Account
from shared.identity.edge import ADDRESS_HEADER, KEY_HEADER
from shared.settings import Settings
from tests.e2e import backstage
from tests.e2e.calls import ring
from tests.e2e.clients import SECONDS, Client, Refused
from tests.e2e.people import token
from tests.e2e.stack import Stack
from tests.e2e.world import World

INITIATES, OTHERS, CONNECTIONS = 5, 20, 10
MOST_CONNECTIONS = 200
TOO_MANY_CALLS = "Too many call attempts. Please wait a moment."
TOO_MANY_REQUESTS = "Too many requests. Please wait a moment."
TOO_MANY_CONNECTIONS = {
    "USER": "Too many connection attempts. Please wait.",
    "TELECALLER": "Too many connection attempts",
    "ADMIN": "Too many connection attempts",
}
OTHER_EVENTS = ("accept", "reject", "cancel", "end")


@pytest.fixture(scope="module")
def limited(stack: Stack) -> Iterator[None]:
    """Limit events as by default."""
    values = {
        "limit_call_initiate_per_minute": INITIATES,
        **{f"limit_call_{event}_per_minute": OTHERS for event in OTHER_EVENTS},
    }
    with backstage.settings_of(stack, "socketio", "calls", **values):
        yield


@pytest.fixture(scope="module")
def limited_connections(stack: Stack) -> Iterator[None]:
    with backstage.settings_of(stack, "connect", limit_connections_per_minute=CONNECTIONS):
        yield


def failed(text: str) -> dict[str, dict[str, str]]:
    return {"error": {"message": text}}


def skip_received(client: Client) -> None:
    """Skip the events that the client has received so far."""
    client.seen = len(client.received)


def test_the_limits_in_these_tests_are_the_defaults() -> None:
    fields = Settings.__struct_defaults__
    names = Settings.__struct_fields__[-len(fields) :]
    defaults = dict(zip(names, fields, strict=True))
    assert defaults["limit_connections_per_minute"] == CONNECTIONS
    assert defaults["limit_call_initiate_per_minute"] == INITIATES
    for event in OTHER_EVENTS:
        assert defaults[f"limit_call_{event}_per_minute"] == OTHERS


@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize("kind", ["js", "native"])
def test_the_sixth_call_in_a_minute_is_one_too_many(world: World, kind: str) -> None:
    _, user = world.user(kind)
    callee, telecaller = world.telecaller()
    for _ in range(INITIATES):
        call_id = ring(user, telecaller, callee)
        user.ask("call:cancel", {"callId": call_id})
        telecaller.wait("call:cancelled")
    payload = {"telecallerId": callee.id, "callType": "AUDIO"}
    assert user.ask("call:initiate", payload) == failed(TOO_MANY_CALLS)
    assert user.wait("call:error") == {"message": TOO_MANY_CALLS}
    telecaller.stays_quiet()


@pytest.mark.usefixtures("limited")
def test_refused_attempts_and_attempts_of_all_tabs_count(world: World) -> None:
    caller, first = world.user()
    second = world.join("native", caller)
    _, other_user = world.user()
    callee, telecaller = world.telecaller()
    offline = world.people.take("TELECALLER")
    for number in range(INITIATES):
        target = offline.id if number % 2 else "nobody"
        tab = second if number % 2 else first
        assert "error" in tab.ask("call:initiate", {"telecallerId": target, "callType": "AUDIO"})
        assert tab.wait("call:error")["message"] != TOO_MANY_CALLS
    payload = {"telecallerId": callee.id, "callType": "AUDIO"}
    for tab in (first, second):
        assert tab.ask("call:initiate", payload) == failed(TOO_MANY_CALLS)
        tab.wait("call:error")
    telecaller.stays_quiet()
    ring(other_user, telecaller, callee)


@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize(
    ("group", "event"),
    [
        ("TELECALLER", "call:accept"),
        ("TELECALLER", "call:reject"),
        ("TELECALLER", "call:end"),
        ("USER", "call:cancel"),
        ("USER", "call:end"),
    ],
)
def test_the_twenty_first_of_any_other_event_is_one_too_many(
    world: World, group: str, event: str
) -> None:
    client = world.join("js", world.people.take(group))
    payload = {"callId": "0123456789abcdef01234567"}
    for _ in range(OTHERS):
        assert client.ask(event, payload) == failed("Call not found")
    skip_received(client)
    assert client.ask(event, payload) == failed(TOO_MANY_REQUESTS)
    assert client.wait("error") == {"message": TOO_MANY_REQUESTS}
    other_event = "call:end" if event != "call:end" else "call:cancel"
    if (group, other_event) != ("TELECALLER", "call:cancel"):
        assert client.ask(other_event, payload) == failed("Call not found")


class Address:
    """An address from which connections are made. All of 127.0.0.0/8 is this machine."""

    def __init__(self, world: World, address: str, stack: ExitStack) -> None:
        self._world = world
        self._address = address
        self._stack = stack

    def connect(self, **headers: str) -> ClientConnection:
        """Make a handshake of Engine.IO. It is always accepted; only the namespace refuses."""
        connection = self._stack.enter_context(
            open_websocket(
                self._world.stack.url.replace("http", "ws", 1)
                + "/socket.io/?EIO=4&transport=websocket",
                additional_headers=headers,
                proxy=None,
                open_timeout=SECONDS,
                compression=None,
                source_address=(self._address, 0),
            )
        )
        assert str(connection.recv(SECONDS)).startswith("0")
        return connection

    def join(self, account: Account, **headers: str) -> str:
        """Join a namespace on a new connection. Returns the answer to the CONNECT packet."""
        connection = self.connect(**headers)
        namespace = f"/{account.role.lower()}"
        connection.send(f"40{namespace},{json.dumps({'token': token(account)})}")
        return str(connection.recv(SECONDS)).replace(f"{namespace},", "", 1)

    def exhaust(self, account: Account) -> None:
        """Join until the address has made too many connections.

        It may make more than the limit: one for each of its connections that was lost lately.
        """
        for _ in range(MOST_CONNECTIONS):
            if self.join(account) == refusal(account.role):
                return
        pytest.fail(f"{MOST_CONNECTIONS} connections were let in")


@pytest.fixture
def open_connections() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def refusal(role: str) -> str:
    return "44" + json.dumps({"message": TOO_MANY_CONNECTIONS[role]}, separators=(",", ":"))


@pytest.mark.usefixtures("limited_connections")
def test_the_eleventh_connection_of_an_address_is_one_too_many(
    world: World, open_connections: ExitStack
) -> None:
    here, elsewhere = (
        Address(world, "127.0.0.21", open_connections),
        Address(world, "127.0.0.22", open_connections),
    )
    user = world.people.take("USER")
    for number in range(CONNECTIONS):
        if number == CONNECTIONS - 1:
            assert here.join(user).startswith('40{"sid":')
        else:
            here.connect()
    for role in TOO_MANY_CONNECTIONS:
        assert here.join(world.people.take(role)) == refusal(role)
    assert elsewhere.join(user).startswith('40{"sid":')


@pytest.mark.usefixtures("limited_connections")
def test_headers_that_a_client_sends_do_not_change_its_address(
    world: World, open_connections: ExitStack
) -> None:
    here = Address(world, "127.0.0.23", open_connections)
    user = world.people.take("USER")
    headers = ("X-Forwarded-For", "X-Real-IP", ADDRESS_HEADER, "Forwarded")
    for number in range(CONNECTIONS):
        here.connect(**dict.fromkeys(headers, f"203.0.113.{number}"))
    for name in headers:
        for value in ("203.0.113.99", "203.0.113.99:1234", "127.0.0.24, 203.0.113.99"):
            assert here.join(user, **{name: value}) == refusal("USER")
    assert here.join(user, **{KEY_HEADER: "guessed"}) == refusal("USER")


@pytest.mark.usefixtures("limited_connections")
def test_every_library_receives_that_its_address_has_made_too_many_connections(
    world: World, open_connections: ExitStack
) -> None:
    here = Address(world, "127.0.0.1", open_connections)
    user = world.people.take("USER")
    tickets = {
        role: world.ticket(f"/{role.lower()}", token(world.people.take(role)))
        for role in TOO_MANY_CONNECTIONS
    }
    for kind in ("js", "python", "asyncio"):
        for role, text in TOO_MANY_CONNECTIONS.items():
            here.exhaust(user)
            with pytest.raises(Refused) as refused:
                world.connect(kind, tickets[role])
            assert str(refused.value) == text
    here.exhaust(user)
    with pytest.raises(Refused) as refused:
        world.connect("js", tickets["USER"], version="2")
    assert str(refused.value) == TOO_MANY_CONNECTIONS["USER"]
    with pytest.raises(Refused) as refused:
        world.connect("native", tickets["USER"])
    # API Gateway passes the function's 429 on; the emulator makes every refusal a 403.
    assert str(refused.value) in {"403", "429"}
