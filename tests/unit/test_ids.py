"""Keys of several ids: different ids never make the same key, whatever characters they have."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis.strategies import SearchStrategy, composite, integers, lists, sampled_from, text

from functions.broadcast import main as broadcasts
from functions.chat import call_rows, call_store, channel_rows, history
from functions.chat import presence as chat_presence
from functions.chat.call_rows import ChatCall, HeldCandidate
from functions.push import devices
from shared.calling import ring
from shared.ids import compose, decompose
from shared.ports import Broadcast, Push
from shared.realtime import people, rooms
from shared.realtime.connections import Connection
from shared.realtime.sessions import Session
from shared.realtime.untold import Mark
from tests.conftest import UseSettings

IDS = text(sampled_from("#% :/25ab1"), min_size=1, max_size=6) | text(min_size=1, max_size=8)
"""Ids of any text, most of them of the characters that keys are made with."""

PATHS = sampled_from(["/", "/user", "/user1", "/chat"])
Keys = dict[str, Callable[..., object]]


@given(lists(IDS, min_size=1, max_size=4))
def test_a_key_has_the_ids_of_which_it_was_made(parts: list[str]) -> None:
    assert list(decompose(compose(*parts), len(parts))) == parts


@given(lists(IDS, min_size=2, max_size=4))
def test_a_key_of_fewer_ids_is_refused(parts: list[str]) -> None:
    with pytest.raises(ValueError, match="parts"):
        decompose(parts[0].replace("#", ""), len(parts))


@composite
def pairs(draw: Any, size: int) -> tuple[list[str], list[str]]:
    """Return two lists of ids that are alike: the same text, cut in different places."""
    joined = "#".join(draw(lists(IDS, min_size=size, max_size=size + 2)))

    def cut() -> list[str]:
        ends = sorted(draw(lists(integers(0, len(joined)), min_size=size - 1, max_size=size - 1)))
        return [joined[a:b].strip("#") for a, b in zip([0, *ends], [*ends, None], strict=True)]

    return cut(), cut()


def session(sid: str, namespace: str = "/open") -> Session:
    return Session(namespace, sid, "p", "USER", "P")


def call_entry(call_id: str, peer_id: str) -> str:
    call = ChatCall(id=call_id, caller_id="me", callee_id=peer_id)
    return call_store._entry(call, "me")


TWO_IDS: Keys = {
    "replies to a message": lambda message, room: history.thread_of(room, message),
    "replies in a channel": lambda message, channel: history.thread_of(
        channel_rows.room_of(channel), message
    ),
    "a call and its peer": call_entry,
    "the data of a session": lambda sid, name: session(sid).data_key(name),
    "a room of a session": lambda sid, room: session(sid).room_entry(room),
}


@pytest.mark.parametrize("name", TWO_IDS)
@given(pairs(2))
def test_two_ids_have_a_key_of_their_own(name: str, ids: tuple[list[str], list[str]]) -> None:
    one, other = ids
    assert (TWO_IDS[name](*one) == TWO_IDS[name](*other)) == (one == other)


@given(PATHS, IDS, PATHS, IDS)
def test_a_person_and_a_room_of_a_namespace(a: str, one: str, b: str, other: str) -> None:
    same = (a, one) == (b, other)
    assert (people.key(a, one) == people.key(b, other)) == same
    assert (rooms.key(a, one) == rooms.key(b, other)) == same
    assert rooms.key(a, one) not in {rooms.key(a), rooms.key(b)}
    person = people.Person(people.key(a, one))
    assert (person.namespace, person.person_id) == (a, one)


@given(IDS, IDS, IDS)
def test_what_a_call_s_row_keeps_is_read_as_it_was(about: str, status: str, person: str) -> None:
    """A mark, the end of a call in it, and a candidate that waits."""
    mark = Mark(7, about, compose(status, person))
    assert Mark.of(mark.text) == mark
    assert decompose(mark.what, 2) == (status, person)
    candidate = HeldCandidate(about, person, {"candidate": status})
    assert HeldCandidate.of(candidate.text) == candidate


@given(PATHS, IDS)
def test_a_call_s_own_row_is_no_person_s(path: str, id_: str) -> None:
    assert ring.row_of_call(id_) != people.key(path, id_)
    assert ring.prefix(ring.row_of_call(id_)) == "call"
    assert ring.prefix(people.key(path, id_)) == path


def test_the_partitions_of_rooms_never_meet(use_settings: UseSettings) -> None:
    use_settings(room_shards=12)
    names = ["", "0", "1", "11", "#", "#0", "0#1", "a", "a#0", "%23", "/user"]
    keys = [rooms.key(path, name) for path, name in product(("/", "/user", "/user1"), names)]
    found = [shard for key in keys for shard in rooms.shards(key)]
    assert len(found) == len(set(found)) == 3 * (12 + len(names) - 1)


@given(IDS, IDS)
def test_the_topics_of_channels_and_people(one: str, other: str) -> None:
    assert channel_rows.room_of(one) != chat_presence._key(other)[0] != call_rows.LIST
    assert (channel_rows.room_of(one) == channel_rows.room_of(other)) == (one == other)
    assert channel_rows.PERSON + one != channel_rows.CHANNEL_ITEM


@given(IDS, IDS, IDS)
def test_the_rooms_of_one_session_are_not_those_of_another(sid: str, other: str, room: str) -> None:
    """Nor are a product's own entries in the connection's row."""
    entries = {session(sid).room_entry(room), channel_rows.room_of(room)}
    row = Connection("c", rooms=entries)
    assert list(row.rooms_of(session(sid))) == [room]
    assert sid == other or list(row.rooms_of(session(other))) == []
    held = Connection("c", data={session(sid).data_key(room): "1"})
    assert held.data_of(session(sid)) == {room: 1}
    assert sid == other or held.data_of(session(other)) == {}


def limits() -> SearchStrategy[tuple[str, ...]]:
    return lists(IDS, min_size=3, max_size=3).map(tuple)


@given(limits(), limits())
def test_the_owners_in_the_table_of_devices(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    """A person's list, a device's owner, and what has been pushed to a person about something."""

    def keys(ids: tuple[str, ...]) -> list[str]:
        kind, about, person = ids
        push = Push(person, kind, about, "", "", {}, 0)
        return [devices._list(person), devices._device(about), devices._push(kind, push)]

    mine, theirs = keys(one), keys(other)
    assert (mine[0] == theirs[0]) == (one[2] == other[2])
    assert (mine[2] == theirs[2]) == (one == other)
    assert (devices.id_of(one[0], one[1]) == devices.id_of(other[0], other[1])) == (
        one[:2] == other[:2]
    )
    for number, key in enumerate(mine):
        assert key not in [two for place, two in enumerate(theirs) if place != number]


@given(limits(), limits())
def test_the_keys_of_the_limits_table(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    """Limits of persons and addresses, and the newest of several reports."""

    def keys(ids: tuple[str, ...]) -> list[str]:
        a, b, c = ids
        return [
            compose("/user", "call:end", a),
            compose("/open", "limited", a),
            compose("7", compose("/user", "call:end", a)),
            compose("address", a),
            compose("typing", "/customer", b, c),
            compose("typing", "/", b, channel_rows.room_of(c)),
            compose("earnings", a),
            compose("notification", "1", a),
            compose("partner:registered", "1", a),
        ]

    for name, (mine, theirs) in enumerate(zip(keys(one), keys(other), strict=True)):
        assert mine not in keys(other)[:name] + keys(other)[name + 1 :]
        same = one[1:] == other[1:] if name in (4, 5) else one[0] == other[0]
        assert (mine == theirs) == same


@given(lists(IDS, min_size=2, max_size=2, unique=True), IDS)
def test_the_groups_of_broadcasts(ids: list[str], other: str) -> None:
    """The parts and the follow-ups of a broadcast have groups of their own, and are sent once."""
    kinds = ("channel", "presence", "telecaller", "booking")
    groups = [compose(kind, id_) for kind, id_ in product(kinds, ids)]
    groups += [compose("typing", "/", id_, other) for id_ in ids]
    groups += [people.group("/user", id_) for id_ in ids]
    groups += [rooms.key("/user", id_) for id_ in ids]
    message = Broadcast("/", ids[0], "e", {}, groups[0], once=other)
    with patch.object(broadcasts, "FEW", 1):
        follow_ups = list(broadcasts.rest(message, ids, 1))
    made = [*broadcasts.parts(message, ids), *follow_ups]
    groups += [part.group for part in made]
    assert len(set(groups)) == len(groups)
    assert len({part.once for part in follow_ups}) == 2
