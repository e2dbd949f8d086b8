"""The product ``protocol``, which does what Socket.IO apps do, with the real clients.

Tests rooms, session data, sessions without a login, and the points of Socket.IO's own test suite:
https://github.com/socketio/socket.io-protocol/tree/main/test-suite
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from websockets import Subprotocol
from websockets.sync.client import connect as open_websocket

from shared.realtime import connections, lifecycle, rooms
from tests.e2e import backstage
from tests.e2e.client_js import JavaScript
from tests.e2e.client_native import Raw
from tests.e2e.clients import Client, Ticket
from tests.e2e.products import CANCELS, SESSION_DATA_BYTES, UNAUTHENTICATED_SECONDS
from tests.e2e.stack import Stack
from tests.e2e.waiting import until
from tests.e2e.world import World

MAIN, CUSTOM = "/protocol", "/custom"
SOCKET_IO = ("js", "python", "asyncio")
EVERY = [[], ["a"], [{"a": [1, None]}, "b"], [1, "2", {"three": [4]}, True, None]]

_pages = itertools.count(10_000)


@pytest.fixture(scope="module", autouse=True)
def nothing_else_fails(stack: Stack) -> Iterator[None]:
    """Check after all tests of this module that only one hook has failed, on purpose."""
    before, shown = stack.logged_errors(), len(stack.shown())
    yield
    assert [one for one in stack.errors_since(before) if "on purpose" not in one] == []
    assert len(stack.shown()) == shown + 1


def come(
    world: World, kind: str = "js", namespace: str = MAIN, *, auth: Any = None, **options: Any
) -> Client:
    """Return a client that has joined, and has received the ``auth`` that it sent."""
    client = world.connect(kind, Ticket(world.stack.url, namespace, given=auth), **options)
    assert client.wait("auth") == (auth or {})
    return client


def page(world: World) -> tuple[JavaScript, JavaScript]:
    """Return two clients, in two namespaces on one connection."""
    app = next(_pages)
    one, other = (come(world, "js", path, app=app) for path in (MAIN, CUSTOM))
    assert isinstance(one, JavaScript)
    assert isinstance(other, JavaScript)
    assert one.engine == other.engine
    return one, other


def stays_connected(client: Client) -> None:
    assert client.ask("message-with-ack", "still") == "still"
    assert not client.ended.is_set()


@pytest.mark.parametrize("kind", SOCKET_IO)
def test_a_client_is_greeted_with_what_it_gave_along(world: World, kind: str) -> None:
    come(world, kind, auth={"token": "123", "more": {"a": [1]}})


def test_a_client_of_2x_is_greeted_with_its_query(world: World) -> None:
    come(world, "js", auth={"token": "abc", "b": "ü &"}, version="2")


def test_a_native_client_is_greeted(world: World) -> None:
    come(world, "native")


@pytest.mark.parametrize("arguments", EVERY, ids=str)
@pytest.mark.parametrize("kind", [*SOCKET_IO, "native"])
def test_any_number_of_arguments_comes_back(world: World, kind: str, arguments: list[Any]) -> None:
    client = come(world, kind)
    sent = [arguments] if kind == "native" else arguments
    client.emit("message", *sent)
    assert list(client.wait_arguments("message-back")) == sent
    assert list(client.ask_arguments("message-with-ack", *sent)) == sent


@pytest.mark.parametrize("kind", SOCKET_IO)
def test_arguments_have_names_in_the_handler(world: World, kind: str) -> None:
    client = come(world, kind)
    assert client.ask_arguments("chat message", "hello", "offset-1") == ("hello", "offset-1")
    assert client.ask_arguments("chat message", "hello") == ("hello", None)
    assert client.ask_arguments("chat message", "hello", None, "further") == ("hello", None)
    for arguments, text in (
        ([], "text is required"),
        ([1], "text: expected str, got int"),
        (["a", 2], "clientOffset: expected str | null, got int"),
    ):
        assert client.ask("chat message", *arguments) == {"error": {"message": text}}
        assert client.wait("error") == {"message": text}


def test_a_native_client_sends_the_list_of_the_arguments(world: World) -> None:
    client = come(world, "native")
    assert client.ask("chat message", ["hello", "offset-1"]) == ["hello", "offset-1"]
    assert client.ask("chat message") == {"error": {"message": "text is required"}}
    assert client.wait("error") == {"message": "text is required"}


def test_leaving_one_namespace_leaves_the_other_connected(world: World) -> None:
    one, other = page(world)
    other.leave()
    stays_connected(one)
    other.reconnect()
    assert other.wait("auth") == {}
    stays_connected(other)


def test_a_second_connect_after_a_disconnect_works(world: World) -> None:
    raw = world.raw()
    assert raw.receive().startswith("0{")
    for number in (1, 2):
        raw.send(f'40{CUSTOM},{{"n":{number}}}')
        assert raw.receive().startswith(f'40{CUSTOM},{{"sid":')
        assert raw.receive() == f'42{CUSTOM},["auth",{{"n":{number}}}]'
        raw.send(f'42{CUSTOM},["message","a","b"]')
        assert raw.receive() == f'42{CUSTOM},["message-back","a","b"]'
        raw.send(f"41{CUSTOM},")
    raw.close()


def test_a_connect_in_a_joined_namespace_begins_a_new_session(world: World) -> None:
    raw = world.raw()
    assert raw.receive().startswith("0{")
    opened = set()
    for number in (1, 2, 3):
        raw.send(f'40{CUSTOM},{{"n":{number}}}')
        opened.add(raw.receive())
        assert raw.receive() == f'42{CUSTOM},["auth",{{"n":{number}}}]'
    assert len(opened) == 3
    assert all(frame.startswith(f'40{CUSTOM},{{"sid":') for frame in opened)
    raw.send(f'42{CUSTOM},["message","a"]')
    assert raw.receive() == f'42{CUSTOM},["message-back","a"]'
    raw.close()


def test_packets_that_mean_nothing_from_a_client_are_ignored(world: World) -> None:
    """Engine.IO protocol v4, "Packet encoding": open, upgrade and noop."""
    raw = world.raw()
    assert raw.receive().startswith("0{")
    for frame in ("0{}", "5", "6", "2probe"):
        raw.send(frame)
    assert raw.receive() == "3probe"
    raw.close()


def test_parameters_and_subprotocols_of_the_app_are_its_own(world: World) -> None:
    path = "/socket.io/?EIO=4&transport=websocket&namespace=/user&action=call.end"
    url = world.stack.url.replace("http", "ws", 1) + path
    names = [Subprotocol("app.v2"), Subprotocol("app.v1")]
    with open_websocket(url, subprotocols=names, proxy=None) as socket:
        assert socket.subprotocol == "app.v2"
        assert str(socket.recv(10)).startswith("0{")


def test_a_client_receives_the_error_of_a_hook_and_stays_connected(world: World) -> None:
    client = come(world, auth={"fail": "on purpose"})
    assert client.wait("error") == {"message": "Something went wrong. Please try again."}
    client.received.clear()
    client.seen = 0
    stays_connected(client)
    until(lambda: any("on purpose" in one for one in world.stack.shown()), "the error is shown")
    refused = come(world, auth={"refuse": "Not today"})
    assert refused.wait("error") == {"message": "Not today"}
    stays_connected(refused)


class TestRooms:
    """Ann, Ben and Cleo are in ``/protocol``; Ann and Ben in the room ``x``, Ben in ``y``."""

    @pytest.fixture
    def three(self, world: World) -> tuple[Client, Client, Client]:
        ann, ben, cleo = (come(world, kind) for kind in ("js", "python", "native"))
        for client, room in ((ann, "x"), (ben, "x"), (ben, "y"), (ben, "y")):
            assert client.ask("room:join", room) is None
        return ann, ben, cleo

    def test_only_the_members_of_a_room_receive_it(
        self, three: tuple[Client, Client, Client]
    ) -> None:
        ann, ben, cleo = three
        me = cleo.ask("whoami")
        assert ben.ask("room:list") == ["x", "y"]
        cleo.ask("room:send", ["x", "to x"])
        assert ann.wait_arguments("said") == ("to x", me)
        assert ben.wait_arguments("said") == ("to x", me)
        cleo.stays_quiet()

    def test_all_sessions_receive_it_on_every_wire(
        self, three: tuple[Client, Client, Client]
    ) -> None:
        me = three[0].ask("whoami")
        three[0].ask("room:send", None, "to all")
        assert three[0].wait_arguments("said") == ("to all", me)
        assert three[1].wait_arguments("said") == ("to all", me)
        assert three[2].wait_arguments("said") == (["to all", me],)

    def test_the_sender_and_members_of_other_rooms_may_be_left_out(
        self, three: tuple[Client, Client, Client]
    ) -> None:
        ann, ben, cleo = three
        me = ann.ask("whoami")
        ann.ask("room:send", "x", "to the others", [], True)
        assert ben.wait_arguments("said") == ("to the others", me)
        ann.ask("room:send", None, "not to y", ["y"])
        assert ann.wait_arguments("said") == ("not to y", me)
        assert cleo.wait_arguments("said") == (["not to y", me],)
        for one in three:
            one.stays_quiet()

    def test_a_client_that_has_left_receives_nothing(
        self, three: tuple[Client, Client, Client]
    ) -> None:
        ann, ben, cleo = three
        for _ in range(2):
            assert ann.ask("room:leave", "x") is None
        assert ann.ask("room:list") == []
        cleo.ask("room:send", ["x", "anybody"])
        ben.wait_arguments("said")
        ann.stays_quiet()

    def test_a_room_of_another_namespace_is_another_room(
        self, three: tuple[Client, Client, Client], world: World
    ) -> None:
        stranger = come(world, "js", CUSTOM)
        for room in ("x", MAIN, "/"):
            stranger.ask("room:join", room)
            stranger.ask("room:send", room, "hello")
            stranger.wait_arguments("said")
        for one in three:
            one.stays_quiet()

    @pytest.mark.parametrize("politely", [True, False])
    def test_a_client_that_disconnects_leaves_every_room_and_the_hook_runs(
        self, three: tuple[Client, Client, Client], world: World, politely: bool
    ) -> None:
        ann, ben, _ = three
        me = ben.ask("whoami")
        ann.ask("room:join", "watchers")
        if politely:
            ben.leave()
        else:
            ben.drop()
        left = "left", ({"connectionId": me},)
        until(lambda: left in [(one.event, one.args) for one in ann.received], f"{me} left")
        with world.stack.direct_access():
            until(lambda: connections.get(me) is None, f"{me} is gone")
            for room in ("x", "y", ""):
                members = rooms.all_members(rooms.key(MAIN, room))
                assert me not in [one.connection_id for one in members]


def test_a_client_that_comes_back_is_only_in_the_rooms_of_on_connect(world: World) -> None:
    one, _ = page(world)
    one.ask("room:join", "x")
    one.ask("data:save", {"a": 1})
    one.leave()
    one.reconnect()
    one.wait("auth")
    assert one.ask("room:list") == []
    assert one.ask("data:read") == {}
    greeted = come(world, "python", auth={"room": "lobby"})
    assert greeted.ask("room:list") == ["lobby"]


def test_a_session_keeps_data(world: World) -> None:
    one, other = page(world)
    assert one.ask("data:read") == {}
    assert one.ask("data:save", {"name": "Ann", "a b.c": [1, {"d": None}]}) == {
        "name": "Ann",
        "a b.c": [1, {"d": None}],
    }
    assert one.ask("data:save", {"name": "Ben"})["name"] == "Ben"
    assert other.ask("data:read") == {}
    text = f"The data of a session has {SESSION_DATA_BYTES} bytes at most"
    assert one.ask("data:save", {"long": "x" * SESSION_DATA_BYTES}) == {"error": {"message": text}}
    assert one.wait("error") == {"message": text}
    assert one.ask("data:read") == {"name": "Ben", "a b.c": [1, {"d": None}]}


class TestTheServerDisconnects:
    def test_one_session(self, world: World) -> None:
        one, other = page(world)
        assert one.ask("expel") is None
        assert one.ended.wait(20)
        stays_connected(other)
        one.reconnect()
        stays_connected_after_greeting(one)

    @pytest.mark.parametrize("kind", SOCKET_IO)
    def test_the_only_session(self, world: World, kind: str) -> None:
        client = come(world, kind)
        client.emit("expel")
        assert client.ended.wait(20)

    def test_a_native_connection(self, world: World) -> None:
        client = come(world, "native")
        client.emit("expel", [])
        assert client.ended.wait(20)

    def test_the_whole_connection(self, world: World) -> None:
        one, other = page(world)
        one.emit("expel", None, True)
        assert one.ended.wait(20)
        assert other.ended.wait(20)

    def test_another_session(self, world: World) -> None:
        one, other = come(world), come(world, "asyncio")
        assert one.ask("expel", other.ask("whoami")) is None
        assert other.ended.wait(20)
        stays_connected(one)


def stays_connected_after_greeting(client: Client) -> None:
    assert client.wait("auth") == {}
    stays_connected(client)


def test_a_session_without_login_stays_and_is_pinged(world: World) -> None:
    raw = Raw(world.stack.url)
    assert raw.receive().startswith("0{")
    raw.send(f"40{MAIN},")
    assert raw.receive().startswith(f'40{MAIN},{{"sid":')
    raw.receive()
    raw.send(f'42{MAIN},1["whoami"]')
    connection_id = json.loads(raw.receive().removeprefix(f"43{MAIN},1"))[0]
    time.sleep(UNAUTHENTICATED_SECONDS + 1)
    with world.stack.direct_access():
        lifecycle.postpone(connection_id, connections.AT_ONCE)
        backstage.invoke(world.stack, "sweep", {})
        assert raw.receive() == "2"
        since = int(time.time())
        raw.send("3")

        def answered() -> bool:
            row = connections.get(connection_id)
            assert row, "the connection has been closed"
            return (row.answered_at or 0) >= since

        until(answered, "the ping is answered")
        lifecycle.postpone(connection_id, connections.AT_ONCE)
        backstage.invoke(world.stack, "sweep", {})
        assert raw.receive() == "2"
    raw.send("3")
    raw.send(f'42{MAIN},2["message-with-ack","here"]')
    assert raw.receive() == f'43{MAIN},2["here"]'
    raw.close()


def test_a_native_session_without_login_stays(world: World) -> None:
    client = come(world, "native")
    connection_id = client.ask("whoami")
    with world.stack.direct_access():
        lifecycle.postpone(connection_id, connections.AT_ONCE)
        backstage.invoke(world.stack, "sweep", {})
        row = connections.get(connection_id)
        assert row
        assert row.due_at > time.time()
    assert client.ask("whoami") == connection_id


def test_a_limit_counts_by_connection(world: World) -> None:
    one, other = come(world), come(world)
    for _ in range(CANCELS):
        assert one.ask("limited") is None
    assert "error" in one.ask("limited")
    assert "wait a moment" in one.wait("limited:error")["message"]
    assert other.ask("limited") is None
