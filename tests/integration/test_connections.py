"""Connections, people and rooms: who can be reached if events come twice, late or at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from functions.calls.namespaces import TELECALLER, USER
from shared.pipeline import departure
from shared.pipeline.product import Product
from shared.pipeline.registry import Registry
from shared.protocol import json
from shared.realtime import connections, lifecycle, people, rooms, session_store
from shared.realtime.address import Address, Wire
from shared.realtime.connections import Connection
from shared.realtime.namespaces import ADMIN
from shared.realtime.people import Person
from shared.settings import Settings
from tests.fakes import Fakes
from tests.integration import stage
from tests.integration.conftest import THREADS, Race

pytestmark = pytest.mark.usefixtures("tables")

NO_HOOKS = Registry([Product("nothing", namespaces=[USER, TELECALLER])])
"""The namespaces of calls without any hook."""


def opening(connection_id: str = "c1") -> None:
    """Create a connection that has not joined a namespace yet."""
    connections.create(Connection(connection_id, wire="s", expires_at=stage.EXPIRES_AT))


def address(connection_id: str = "c1", namespace: str = USER.path) -> Address:
    return Address(namespace, Wire.SOCKETIO, connection_id)


def in_room(room: str = USER.path) -> set[Address]:
    return {Address(USER.path, Wire(one.wire), one.connection_id) for one in stage.members_of(room)}


def test_a_connection_is_read_back_as_it_was_created() -> None:
    created = Connection(
        "c1", wire="s", protocol=3, credential="token", expires_at=stage.EXPIRES_AT
    )
    connections.create(created)
    row = connections.get("c1")
    assert row
    assert row.wire == "s"
    assert row.protocol == 3
    assert row.credential == "token"
    assert row.expires_at == stage.EXPIRES_AT
    assert row.all_sessions() == []
    assert not row.opened
    assert not row.leaving


def test_a_connection_that_was_never_created_is_not_found() -> None:
    assert connections.get("c1") is None


def test_the_open_packet_is_claimed_once() -> None:
    opening()
    claimed = lifecycle.mark_opened("c1")
    assert claimed
    assert (claimed.connection_id, claimed.wire) == ("c1", "s")
    assert lifecycle.mark_opened("c1") is None


def test_the_open_packet_of_a_connection_that_is_gone_is_not_claimed() -> None:
    assert lifecycle.mark_opened("c1") is None
    opening()
    lifecycle.mark_leaving("c1")
    assert lifecycle.mark_opened("c1") is None


def test_sixteen_openers_claim_the_open_packet_once(race: Race) -> None:
    for number in range(5):
        opening(f"c{number}")
        claims = race(*[partial(lifecycle.mark_opened, f"c{number}")] * THREADS)
        assert len([claim for claim in claims if claim]) == 1


def test_a_session_is_added_once() -> None:
    opening()
    first = stage.session_of(USER.path, "ulla")
    assert session_store.add_session("c1", first)
    assert not session_store.add_session("c1", stage.session_of(USER.path, "uma"))
    row = connections.get("c1")
    assert row
    assert row.session(USER.path) == first


def test_sessions_of_several_namespaces_stand_side_by_side() -> None:
    opening()
    for namespace, person in ((USER.path, "ulla"), (TELECALLER.path, "tina")):
        assert session_store.add_session("c1", stage.session_of(namespace, person))
    row = connections.get("c1")
    assert row
    assert {session.person_id for session in row.all_sessions()} == {"ulla", "tina"}
    assert row.session(TELECALLER.path) == stage.session_of(TELECALLER.path, "tina")
    assert row.session(ADMIN.path) is None
    assert row.session(None) is None


def test_the_only_session_is_found_without_naming_its_namespace() -> None:
    stage.connect(USER.path, "ulla", "c1", Wire.NATIVE)
    row = connections.get("c1")
    assert row
    assert row.session(None) == stage.session_of(USER.path, "ulla")
    assert row.address(stage.session_of(USER.path, "ulla")) == Address(USER.path, Wire.NATIVE, "c1")


def test_a_connection_that_leaves_has_no_session_to_act_for() -> None:
    stage.connect(USER.path, "ulla", "c1")
    row = lifecycle.mark_leaving("c1")
    assert row
    assert row.session(USER.path) is None
    assert row.session(None) is None
    assert [session.person_id for session in row.all_sessions()] == ["ulla"]


def test_no_session_is_added_to_a_connection_that_does_not_exist() -> None:
    session = stage.session_of(USER.path, "ulla")
    assert not session_store.add_session("c1", session)
    assert connections.get("c1") is None
    opening()
    lifecycle.mark_leaving("c1")
    assert not session_store.add_session("c1", session)


def test_an_ended_session_is_kept_until_its_leaving_is_finished() -> None:
    stage.connect(USER.path, "ulla", "c1")
    session = stage.session_of(USER.path, "ulla")
    read = connections.get("c1")
    assert read
    row = session_store.mark_ended(read, USER.path)
    assert row
    assert session_store.mark_ended(read, USER.path) is None
    assert row.all_sessions() == []
    assert row.session(USER.path) is None
    assert row.occupant(USER.path) == session
    assert row.occupant(TELECALLER.path) is None
    (text,) = row.ended
    session_store.forget_session(row, text)
    row = connections.get("c1")
    assert row
    assert row.occupant(USER.path) is None
    assert session_store.add_session("c1", session)


def test_a_session_that_was_replaced_meanwhile_is_not_ended() -> None:
    opening()
    anonymous = stage.session_of(USER.path, "")
    assert session_store.add_session("c1", anonymous)
    read = connections.get("c1")
    assert read
    authenticated = stage.session_of(USER.path, "ulla")
    assert session_store.replace_session("c1", anonymous, authenticated, 0)
    assert session_store.mark_ended(read, USER.path) is None
    row = connections.get("c1")
    assert row
    assert row.session(USER.path) == authenticated


def test_forgetting_a_session_or_marking_a_connection_creates_no_row() -> None:
    text = json.dumps(stage.session_of(USER.path, "ulla"))
    session_store.forget_session(Connection("c1"), text)
    assert lifecycle.mark_leaving("c1") is None
    assert connections.get("c1") is None


def test_joining_makes_a_person_reachable_on_every_device() -> None:
    stage.connect(USER.path, "ulla", "c1")
    stage.connect(USER.path, "ulla", "c2", Wire.NATIVE)
    person = stage.user("ulla")
    assert person.online
    assert set(person.addresses) == {address("c1"), Address(USER.path, Wire.NATIVE, "c2")}
    assert person.others(address("c1")) == [Address(USER.path, Wire.NATIVE, "c2")]
    assert in_room() == set(person.addresses)


def test_only_a_namespace_with_broadcasts_keeps_a_room() -> None:
    stage.connect(ADMIN.path, "ada", "c1")
    assert people.get(ADMIN.path, "ada").online
    assert in_room(ADMIN.path) == set()


def test_a_person_who_never_connected_is_offline_and_free() -> None:
    person = stage.user("nobody")
    assert not person.online
    assert person.addresses == []
    assert person.current_call is None
    assert (person.namespace, person.person_id) == (USER.path, "nobody")


def test_an_id_may_contain_the_separator() -> None:
    stage.connect(USER.path, "a#b", "c1")
    assert stage.user("a#b").person_id == "a#b"


@pytest.mark.parametrize("gone", ["never there", "leaving", "departed", "left the namespace"])
def test_a_connection_cannot_join_after_its_departure(gone: str, fakes: Fakes) -> None:
    if gone != "never there":
        opening()
        session_store.add_session("c1", stage.session_of(USER.path, "ulla"))
    if gone == "leaving":
        lifecycle.mark_leaving("c1")
    if gone == "departed":
        departure.end_connection(NO_HOOKS, fakes.ports, "c1")
    if gone == "left the namespace":
        row = connections.get("c1")
        assert row
        session_store.mark_ended(row, USER.path)
    assert not stage.join(address(), "ulla")
    assert not stage.user("ulla").online
    assert in_room() == set()


def test_joining_twice_changes_nothing_more() -> None:
    stage.connect(USER.path, "ulla", "c1")
    assert stage.join(address(), "ulla")
    assert stage.user("ulla").addresses == [address()]
    assert in_room() == {address()}


def test_leaving_twice_changes_nothing_more() -> None:
    stage.connect(USER.path, "ulla", "c1")
    stage.connect(USER.path, "ulla", "c2")
    for _ in range(2):
        assert people.leave(address("c1"), "ulla").addresses == [address("c2")]
    for _ in range(2):
        assert not people.leave(address("c2"), "ulla").online
    assert not stage.user("ulla").online


def hooked(seen: list[str]) -> Registry:
    product = Product("recorder", namespaces=[USER, TELECALLER])
    product.on_last_leave(USER.path)(lambda context, person: seen.append(person.person_id))
    return Registry([product])


def test_the_leave_hooks_run_only_when_the_last_connection_departs(fakes: Fakes) -> None:
    seen: list[str] = []
    stage.connect(USER.path, "ulla", "c1")
    stage.connect(USER.path, "ulla", "c2")
    departure.end_connection(hooked(seen), fakes.ports, "c1")
    assert seen == []
    assert connections.get("c1") is None
    assert in_room() == {address("c2")}
    departure.end_connection(hooked(seen), fakes.ports, "c2")
    assert seen == ["ulla"]
    assert in_room() == set()


def test_departing_twice_runs_the_hooks_once(fakes: Fakes) -> None:
    seen: list[str] = []
    stage.connect(USER.path, "ulla", "c1")
    for _ in range(2):
        departure.end_connection(hooked(seen), fakes.ports, "c1")
    assert seen == ["ulla"]


def test_a_departure_that_failed_halfway_is_finished_by_the_next(fakes: Fakes) -> None:
    seen: list[str] = []
    product = Product("fails once", namespaces=[USER])

    @product.on_last_leave(USER.path)
    def hook(background: object, person: Person) -> None:
        seen.append(person.person_id)
        if len(seen) == 1:
            raise TimeoutError

    stage.connect(USER.path, "ulla", "c1")
    with pytest.raises(TimeoutError):
        departure.end_connection(Registry([product]), fakes.ports, "c1")
    assert connections.get("c1")
    departure.end_connection(Registry([product]), fakes.ports, "c1")
    assert seen == ["ulla", "ulla"]
    assert connections.get("c1") is None


def test_departing_leaves_every_namespace(fakes: Fakes) -> None:
    stage.connect(USER.path, "ulla", "c1")
    session_store.add_session("c1", stage.session_of(TELECALLER.path, "tina"))
    stage.join(address("c1", TELECALLER.path), "tina")
    departure.end_connection(NO_HOOKS, fakes.ports, "c1")
    assert not stage.user("ulla").online
    assert not stage.telecaller("tina").online


def test_a_join_that_races_a_departure_leaves_no_member_behind(race: Race, fakes: Fakes) -> None:
    """No member is left afterwards whose connection is leaving or gone."""
    session = stage.session_of(USER.path, "ulla")
    joined = 0
    for number in range(25):
        names = [f"c{number}-{index}" for index in range(8)]
        for name in names:
            opening(name)
            session_store.add_session(name, session)
        work: list[Callable[[], bool | None]] = []
        for name in names:
            work += [
                partial(stage.join, address(name), "ulla"),
                partial(departure.end_connection, NO_HOOKS, fakes.ports, name),
            ]
        joined += race(*(work if number % 2 else work[::-1])).count(True)
        assert not stage.user("ulla").online
        assert in_room() == set()
        assert [name for name in names if connections.get(name)] == []
    assert joined, "no race: the departure wins always"


def test_racing_joins_and_departures_run_the_leave_hook_once_per_person(
    race: Race, fakes: Fakes
) -> None:
    seen: list[str] = []
    registry = hooked(seen)
    for number in range(10):
        names = [f"c{number}-{index}" for index in range(THREADS)]
        for name in names:
            opening(name)
            session_store.add_session(name, stage.session_of(USER.path, f"u{number}"))
        assert all(race(*[partial(stage.join, address(name), f"u{number}") for name in names]))
        assert set(stage.user(f"u{number}").addresses) == {address(name) for name in names}
        race(*[partial(departure.end_connection, registry, fakes.ports, name) for name in names])
        assert not stage.user(f"u{number}").online
    assert seen == [f"u{number}" for number in range(10)]


def test_a_room_s_members_come_from_every_shard(tables: Settings) -> None:
    expected = {
        Address(USER.path, Wire.NATIVE if number % 3 else Wire.SOCKETIO, f"c{number}")
        for number in range(60)
    }
    for member in expected:
        rooms.Member.of(USER.path, member, stage.EXPIRES_AT).save()
    rooms.Member.of("other", address("c1"), stage.EXPIRES_AT).save()
    shards = {rooms.shard(USER.path, member.connection_id) for member in expected}
    assert shards == set(rooms.shards(USER.path))
    assert len(shards) == tables.room_shards
    assert len(stage.members_of(USER.path)) == 60
    assert in_room() == expected


def test_a_room_within_a_namespace_has_one_shard() -> None:
    room = rooms.key("/", "channel#1")
    for number in range(20):
        rooms.Member.of(room, address(f"c{number}"), stage.EXPIRES_AT, "anna").save()
    assert rooms.shards(room) == ["0#/#channel#1"]
    assert len(stage.members_of(room)) == 20
    assert rooms.connections_by_person(room) == {"anna": 20}


def test_a_room_with_the_name_of_a_namespace_is_not_that_namespace_s_room() -> None:
    assert rooms.key("/") == "/"
    named = [rooms.key("/chat", name) for name in ("/", "/user", " ")]
    rooms.Member.of(USER.path, address("c1"), stage.EXPIRES_AT).save()
    assert not any(in_room(key) for key in named)
    assert len({*named, "/", USER.path}) == 5


def test_a_member_who_is_removed_is_gone_from_that_room_only() -> None:
    for room in ("one", "two"):
        rooms.Member.of(room, address("c1"), stage.EXPIRES_AT).save()
    for _ in range(2):
        rooms.remove("one", "c1")
    assert in_room("one") == set()
    assert in_room("two") == {address("c1")}


def test_an_expired_member_counts_as_gone() -> None:
    """DynamoDB deletes expired rows late, by design."""
    rooms.Member.of("room", address("late"), 1_000).save()
    assert in_room("room") == set()
