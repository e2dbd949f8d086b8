"""Rooms that sessions join with ``context.join``, also if other things happen at the same time."""

from __future__ import annotations

import json
from functools import partial

import msgspec
import pytest

from functions.broadcast import main as broadcast
from functions.chat.namespaces import CHAT
from shared.errors import Refusal
from shared.pipeline import departure
from shared.ports import Broadcast
from shared.protocol import json as wire
from shared.realtime import connections, membership, rooms, session_store
from shared.realtime.address import Wire
from shared.realtime.connections import Connection
from tests.fakes import Fakes
from tests.integration import stage
from tests.integration.conftest import Race
from tests.integration.lab import OPEN, QUIET, Lab, Said

pytestmark = pytest.mark.usefixtures("tables")


@pytest.fixture
def lab(tables: object, fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr(broadcast, "ports", lambda: fakes.ports)
    return Lab(fakes)


def there(room: str, namespace: str = OPEN.path) -> list[str]:
    """Return the connections in a room."""
    return sorted(one.connection_id for one in stage.members_of(rooms.key(namespace, room)))


def deliver(lab: Lab) -> list[tuple[str, str]]:
    """Deliver the broadcasts in the queue. Returns the connection and the frame of every post."""
    lab.fakes.connections.posted.clear()
    for message in lab.fakes.tasks.broadcasts:
        body = wire.dumps(message)
        broadcast.broadcast(msgspec.json.decode(body, type=Broadcast))
    lab.fakes.tasks.broadcasts.clear()
    return lab.fakes.connections.posted


def deliver_once(lab: Lab) -> dict[str, str]:
    """Deliver the broadcasts in the queue. Returns the only frame of each connection."""
    posted = deliver(lab)
    assert len(dict(posted)) == len(posted), "a connection receives two frames"
    return dict(posted)


def test_joining_and_leaving_are_idempotent(lab: Lab) -> None:
    context = lab.come("c1")
    for _ in range(2):
        context.join("x")
    assert there("x") == ["c1"]
    assert lab.context("c1").rooms == ["x"]
    room = rooms.key(OPEN.path, "x")
    (member,) = stage.members_of(room)
    assert not member.person_id
    assert rooms.Member.get(rooms.shard(room, "c1"), "c1").expires_at == stage.EXPIRES_AT
    for _ in range(2):
        context.leave("x")
    assert there("x") == []
    assert lab.context("c1").rooms == []


def test_a_room_has_a_name_that_is_not_too_long(lab: Lab) -> None:
    context = lab.come("c1")
    for name in ("", "é" * 513):
        for act in (context.join, context.leave, partial(context.broadcast, Said("x"))):
            with pytest.raises(ValueError, match="room has"):
                act(name)
    context.join("é" * 512)
    assert there("é" * 512) == ["c1"]


def test_a_session_that_has_not_authenticated_joins_no_room(lab: Lab) -> None:
    context = lab.come("c1", CHAT.path)
    with pytest.raises(Refusal, match="Authentication required"):
        context.join("x")


def test_a_room_belongs_to_its_namespace(lab: Lab) -> None:
    lab.come("c1").join("x")
    stranger = lab.come("c1", QUIET.path)
    for name in ("x", OPEN.path, f"{OPEN.path} x"):
        stranger.join(name)
        stranger.broadcast(Said("from outside"), name)
    frames = [frame for _, frame in deliver(lab)]
    assert len(frames) == 3
    assert not any("/open," in frame for frame in frames)
    assert there("x") == ["c1"]


@pytest.mark.parametrize("leaves", ["session", "connection"])
def test_a_session_or_a_connection_that_ends_leaves_its_rooms(lab: Lab, leaves: str) -> None:
    lab.come("c1").join("x")
    lab.context("c1").join("y")
    lab.come("c1", QUIET.path).join("x")
    if leaves == "session":
        assert departure.end_session(lab.registry, lab.fakes.ports, lab.row("c1"), OPEN.path)
        assert there("x", QUIET.path) == ["c1"]
        assert lab.context("c1", QUIET.path).rooms == ["x"]
        assert len(lab.row("c1").rooms) == 1
    else:
        departure.end_connection(lab.registry, lab.fakes.ports, "c1")
        assert there("x", QUIET.path) == []
    assert there("x") == there("y") == there("") == []


def test_the_entries_that_a_product_keeps_itself_stay(lab: Lab) -> None:
    lab.come("c1").join("x")
    Connection("c1").update([Connection.rooms.add({"channel#1"})])
    assert departure.end_session(lab.registry, lab.fakes.ports, lab.row("c1"), OPEN.path)
    assert lab.row("c1").rooms == {"channel#1"}


def test_a_session_that_has_ended_joins_nothing(lab: Lab) -> None:
    before = lab.come("c1")
    departure.end_session(lab.registry, lab.fakes.ports, lab.row("c1"), OPEN.path)
    before.join("x")
    assert there("x") == []
    after = lab.come("c1")
    before.join("x")
    assert there("x") == []
    after.join("x")
    before.leave("x")
    assert there("x") == ["c1"]
    assert lab.context("c1").rooms == ["x"]


def test_the_next_session_stays_in_its_rooms_if_the_last_one_is_finished_twice(lab: Lab) -> None:
    """Two invocations finish the same session, and the client rejoins in between."""
    lab.come("c1").join("x")
    read = session_store.mark_ended(lab.row("c1"), OPEN.path)
    assert read
    departure.finish_ended_sessions(lab.registry, lab.fakes.ports, read)
    lab.come("c1").join("x")
    departure.finish_ended_sessions(lab.registry, lab.fakes.ports, read)
    assert lab.context("c1").rooms == ["x"]
    assert [one.connection_id for one in stage.members_of(rooms.key(OPEN.path, "x"))] == ["c1"]


@pytest.mark.parametrize("whole", [True, False])
def test_no_member_is_left_if_a_session_joins_while_it_ends(
    lab: Lab, race: Race, whole: bool
) -> None:
    for number in range(8):
        name = f"c{number}"
        context = lab.come(name)

        def go(name: str = name) -> None:
            if whole:
                departure.end_connection(lab.registry, lab.fakes.ports, name)
            else:
                departure.end_session(lab.registry, lab.fakes.ports, lab.row(name), OPEN.path)

        joins = [partial(context.join, f"room {index}") for index in range(6)]
        race(*joins[:3], go, *joins[3:])
        assert not any(there(f"room {index}") for index in range(6))
        row = connections.get(name)
        assert whole == (row is None)
        assert row is None or not row.rooms


def test_an_end_that_failed_on_the_way_is_finished(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.come("c1").join("x")
    stage.fails_once(monkeypatch, membership, "leave_all")
    with pytest.raises(TimeoutError):
        departure.end_session(lab.registry, lab.fakes.ports, lab.row("c1"), OPEN.path)
    assert there("x") == ["c1"]
    departure.finish_ended_sessions(lab.registry, lab.fakes.ports, lab.row("c1"))
    assert there("x") == []
    assert not lab.row("c1").rooms


class TestBroadcasts:
    @pytest.fixture(autouse=True)
    def three(self, lab: Lab) -> None:
        for name in ("a", "b", "c"):
            lab.come(name)
        for name, room in (("a", "x"), ("b", "x"), ("b", "y")):
            lab.context(name).join(room)

    def test_to_a_room_and_to_all_sessions(self, lab: Lab) -> None:
        context = lab.context("c")
        context.broadcast(Said("to x", 1), "x")
        assert set(posts := deliver_once(lab)) == {"a", "b"}
        assert json.loads(posts["a"].removeprefix("42/open,")) == ["said", "to x", 1]
        context.broadcast(Said("to all"))
        assert set(deliver_once(lab)) == {"a", "b", "c"}

    def test_the_sender_and_other_rooms_may_be_left_out(self, lab: Lab) -> None:
        context = lab.context("a")
        context.broadcast(Said("hi"), "x", skip_me=True)
        assert set(deliver_once(lab)) == {"b"}
        context.broadcast(Said("hi"), except_rooms=["y"])
        assert set(deliver_once(lab)) == {"a", "c"}
        context.broadcast(Said("hi"), skip_me=True, except_rooms=["y", "nowhere"])
        assert set(deliver_once(lab)) == {"c"}

    def test_one_room_is_one_group_and_each_broadcast_is_sent_once(self, lab: Lab) -> None:
        context = lab.context("a")
        for text in ("one", "two"):
            context.broadcast(Said(text), "x")
        context.broadcast(Said("three"))
        first, second, third = lab.fakes.tasks.broadcasts
        assert (first.group, third.group) == ("/open#x", "/open")
        assert first.group == second.group
        assert len({one.once for one in (first, second, third)}) == 3
        again = lab.context("a")
        msgspec.structs.force_setattr(again, "arrival", context.arrival)
        again.broadcast(Said("one"), "x")
        assert lab.fakes.tasks.broadcasts[-1] == first

    def test_all_sessions_can_be_reached_only_if_the_namespace_declares_it(self, lab: Lab) -> None:
        with pytest.raises(ValueError, match="/quiet is declared without everybody"):
            lab.come("a", QUIET.path).broadcast(Said("hi"))

    def test_native_clients_receive_a_list(self, lab: Lab) -> None:
        lab.come("n", wire=Wire.NATIVE)
        lab.context("a").broadcast(Said("hi", 2))
        assert json.loads(deliver_once(lab)["n"]) == {"event": "said", "data": ["hi", 2]}
