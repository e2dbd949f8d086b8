"""Leaving a namespace and coming back, with steps that fail and frames in any order."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any

import jwt
import pytest

from functions.calls.namespaces import USER
from functions.chat import channel_store
from functions.chat.namespaces import CHAT
from functions.disconnect import main as disconnect
from functions.products import REGISTRY
from functions.socketio import join
from functions.socketio import main as socketio
from functions.sweep.main import run
from shared.pipeline import departure
from shared.pipeline.context import Arrival
from shared.protocol.errors import InvalidPacket
from shared.protocol.socketio import Packet, PacketType
from shared.realtime import connections, lifecycle, people, session_store
from shared.realtime.address import Address, Wire
from shared.realtime.connections import Connection
from shared.realtime.people import Person
from shared.realtime.sessions import Session
from shared.settings import Settings
from tests.conftest import UseSettings
from tests.fakes import JWT_SECRET, NOW_MS, Fakes
from tests.integration import stage
from tests.integration.chat import Chat
from tests.integration.stage import INVOCATION, fails_once

pytestmark = pytest.mark.usefixtures("tables")

CONNECTION = "c"


@pytest.fixture(autouse=True)
def use_ports(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    for main in (disconnect, join, socketio):
        monkeypatch.setattr(main, "ports", lambda: fakes.ports)


def row() -> Connection:
    found = connections.get(CONNECTION)
    assert found
    return found


class Client:
    """Ulla's client, with one connection.

    Each frame arrives at the millisecond that a test passes. The frames are handled in the order of
    the calls.
    """

    def __init__(self, fakes: Fakes) -> None:
        self.fakes = fakes
        connections.create(Connection(CONNECTION, wire="s", expires_at=stage.EXPIRES_AT))

    def connect(self, ms: int, token: str | None = None) -> None:
        claims = {"sub": "ulla", "role": USER.role, "exp": int(time.time()) + 600}
        data = {"token": token or jwt.encode(claims, JWT_SECRET)}
        socketio.message(self._at(ms), Packet(PacketType.CONNECT, USER.path, data=data))

    def disconnect(self, ms: int) -> None:
        socketio.message(self._at(ms), Packet(PacketType.DISCONNECT, USER.path))

    def _at(self, ms: int) -> Arrival:
        return Arrival(CONNECTION, f"message {ms}", NOW_MS + ms)

    @property
    def sids(self) -> list[str]:
        """The ids of the sessions that the client has received."""
        return [frame.split('"')[3] for frame in self.fakes.connections.to(CONNECTION)]

    @property
    def is_reachable(self) -> bool:
        """Whether the person and the namespace's room have the connection. They must agree."""
        in_room = [member.connection_id for member in stage.members_of(USER.path)]
        assert stage.user("ulla").online == (in_room == [CONNECTION])
        return stage.user("ulla").online


@pytest.fixture
def client(fakes: Fakes) -> Client:
    joined = Client(fakes)
    joined.connect(1)
    assert joined.is_reachable
    return joined


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Let another invocation ``act`` while this one waits."""
    monkeypatch.setattr(time, "sleep", lambda _: act())


class TestAClientThatComesBackAtOnce:
    def test_is_answered_although_its_connect_is_handled_first(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        meanwhile(monkeypatch, lambda: client.disconnect(2))
        client.connect(2)
        first, second = client.sids
        assert row().session(USER.path).sid == second != first  # type: ignore[union-attr]
        assert client.is_reachable

    def test_is_reachable_although_the_leaving_still_runs(
        self, client: Client, monkeypatch: pytest.MonkeyPatch, use_settings: UseSettings
    ) -> None:
        use_settings(overtaken_wait_seconds=30)
        real, waits, come_back = people.leave, Event(), list[Future[None]]()
        meanwhile(monkeypatch, waits.set)

        def slowly(address: Address, person_id: str, row: type[Person], **options: Any) -> Person:
            come_back.append(pool.submit(client.connect, 3))
            assert waits.wait(30)
            return real(address, person_id, row, **options)

        monkeypatch.setattr(people, "leave", slowly)
        with ThreadPoolExecutor(1) as pool:
            client.disconnect(2)
            come_back[0].result()
        assert len(client.sids) == 2
        assert client.is_reachable

    def test_is_reachable_although_the_leaving_has_failed(
        self, client: Client, monkeypatch: pytest.MonkeyPatch, use_settings: UseSettings
    ) -> None:
        use_settings(overtaken_wait_seconds=0)
        fails_once(monkeypatch, people, "leave")
        with pytest.raises(TimeoutError):
            client.disconnect(2)
        client.connect(3)
        assert len(client.sids) == 2
        assert not row().ended
        assert client.is_reachable

    def test_stays_although_its_disconnect_comes_again(self, client: Client) -> None:
        client.disconnect(2)
        client.connect(2)
        client.disconnect(2)
        assert client.is_reachable


def test_a_connect_that_comes_again_is_not_answered(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, lambda: pytest.fail("it waits"))
    client.connect(1)
    assert len(client.sids) == 1


def test_a_connect_in_a_joined_namespace_begins_a_new_session(client: Client) -> None:
    client.connect(2)
    first, second = client.sids
    assert row().session(USER.path).sid == second != first  # type: ignore[union-attr]
    assert not row().ended
    assert client.is_reachable


def test_a_connect_with_a_bad_token_ends_the_session_too(client: Client) -> None:
    client.connect(2, token="no token")
    assert client.fakes.connections.to(CONNECTION)[-1].startswith("44/user,")
    assert row().session(USER.path) is None
    assert not client.is_reachable


def test_a_connect_that_has_been_overtaken_by_a_newer_one_changes_nothing(client: Client) -> None:
    client.connect(3)
    client.connect(2)
    assert len(client.sids) == 2
    assert client.is_reachable


@pytest.mark.parametrize("frame", ['0{"sid":"x"}', "5", "6", "6x"])
def test_packets_that_mean_nothing_from_a_client_are_ignored(client: Client, frame: str) -> None:
    socketio.receive(Arrival(CONNECTION, "m", NOW_MS), frame)
    assert client.fakes.connections.closed == []
    assert client.is_reachable


def test_a_connect_on_a_native_connection_is_an_invalid_packet() -> None:
    stage.connect(USER.path, "ulla", CONNECTION, Wire.NATIVE)
    with pytest.raises(InvalidPacket):
        socketio.message(Arrival(CONNECTION, "m", NOW_MS), Packet(PacketType.CONNECT, USER.path))


def test_a_disconnect_ends_a_session_that_authenticates_meanwhile(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections.create(Connection(CONNECTION, wire="s", expires_at=stage.EXPIRES_AT))
    anonymous = Session(CHAT.path, "sid", "", "", "")
    authenticated = stage.session_of(CHAT.path, "anna")
    assert session_store.add_session(CONNECTION, anonymous)
    real = session_store.mark_ended

    def late(read: Connection, namespace: str, left_ms: int = 0) -> Connection | None:
        monkeypatch.setattr(session_store, "mark_ended", real)
        assert session_store.replace_session(CONNECTION, anonymous, authenticated, 0)
        return real(read, namespace, left_ms)

    monkeypatch.setattr(session_store, "mark_ended", late)
    socketio.message(Arrival(CONNECTION, "m", NOW_MS), Packet(PacketType.DISCONNECT, CHAT.path))
    assert row().all_sessions() == []
    assert not row().ended


class TestAFailedLeaving:
    """A tab is in a channel, and the write with which it leaves fails once."""

    @pytest.fixture(autouse=True)
    def in_a_channel(self, tables: Settings, fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
        chat = Chat(fakes)
        chat.channel(1)
        chat.tab("ulla", CONNECTION)
        chat.send(CONNECTION, "join_channel", 1)
        assert session_store.add_session(CONNECTION, stage.session_of(USER.path, "ulla"))
        fails_once(monkeypatch, channel_store, "leave")

    def leave(self) -> None:
        with pytest.raises(TimeoutError):
            socketio.leave(Arrival(CONNECTION, "m", NOW_MS), CHAT.path)
        assert self.is_online()

    def is_online(self) -> bool:
        return people.get(CHAT.path, "ulla").online

    def test_is_finished_when_the_connection_goes(self, fakes: Fakes) -> None:
        self.leave()
        departure.end_connection(REGISTRY, fakes.ports, CONNECTION)
        assert not self.is_online()
        assert stage.members_of(CHAT.path) == []

    def test_is_finished_by_the_next_sweep(self, fakes: Fakes) -> None:
        lifecycle.postpone(CONNECTION, 2**31)
        self.leave()
        run(REGISTRY, fakes.ports, 60)
        assert fakes.tasks.finished == [CONNECTION]
        assert fakes.tasks.ended_connections == []
        disconnect.handler({"connectionId": CONNECTION, "ended": True}, INVOCATION)
        assert not self.is_online()
        assert not row().ended
        assert row().session(USER.path)

    def test_of_an_expelled_person_is_finished_when_the_expulsion_is_tried_again(
        self, fakes: Fakes
    ) -> None:
        expulsion = {"connectionId": CONNECTION, "namespace": CHAT.path, "personId": "ulla"}
        with pytest.raises(TimeoutError):
            disconnect.handler(expulsion, INVOCATION)
        assert self.is_online()
        disconnect.handler(expulsion, INVOCATION)
        assert not self.is_online()
        assert not row().ended
        assert row().session(USER.path)
        assert fakes.connections.to(CONNECTION).count("41") == 1


def test_finishing_a_gone_connection_changes_nothing() -> None:
    disconnect.handler({"connectionId": CONNECTION, "ended": True}, INVOCATION)
    assert connections.get(CONNECTION) is None
