"""Broadcasts to rooms of any size, as the queue hands them over."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from functions.broadcast import main
from functions.calls.namespaces import USER
from functions.chat.namespaces import CHAT
from shared.aws import queues
from shared.aws.metrics import Metric
from shared.ports import Broadcast
from shared.protocol import json as wire
from shared.realtime import rooms
from shared.realtime.address import Address, Wire
from shared.settings import settings
from tests.fakes import Fakes
from tests.integration import stage

CHANNEL = "channel#1"


@pytest.fixture(autouse=True)
def postponed(
    tables: object, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[str, int]]:
    """Return the messages that are to be tried again, and after how many seconds."""
    put_off: list[tuple[str, int]] = []

    class Queue:
        def change_message_visibility(self, **request: Any) -> None:
            put_off.append((request["ReceiptHandle"], request["VisibilityTimeout"]))

    class Aws:
        client = staticmethod({"sqs": Queue()}.__getitem__)

    monkeypatch.setattr(queues, "clients", Aws)
    monkeypatch.setattr(main, "ports", lambda: fakes.ports)
    return put_off


@contextmanager
def counted() -> Iterator[Counter[Metric]]:
    """Yield the metrics that are counted, before an invocation writes them."""
    numbers: Counter[Metric] = Counter()

    def add(metric: Metric, number: int = 1) -> None:
        numbers[metric] += number

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main, "count", add)
        yield numbers


Namespace = Callable[[int], list[str]]


@pytest.fixture
def namespace(monkeypatch: pytest.MonkeyPatch) -> Namespace:
    """Return a function that fills a namespace and sets the size above which it is split.

    That size is the size of the largest shard plus ``more``.
    """

    def fill_it(more: int) -> list[str]:
        names = fill(USER.path, 60)
        largest = max(Counter(rooms.shard(USER.path, name) for name in names).values())
        values = msgspec.structs.replace(settings(), split_above=largest + more)
        monkeypatch.setattr("functions.broadcast.main.settings", lambda: values)
        return names

    return fill_it


def fill(room: str, count: int, **more: Any) -> list[str]:
    names = [f"c{number}" for number in range(count)]
    room = room if room == USER.path else rooms.key(CHAT.path, room)
    for name in names:
        address = Address(USER.path, Wire.SOCKETIO, name)
        rooms.Member.of(room, address, stage.EXPIRES_AT, f"p-{name}", **more).save()
    return names


def message(room: str, **more: Any) -> Broadcast:
    namespace, name = (room, "") if room == USER.path else (CHAT.path, room)
    return Broadcast(namespace, name, "told", {"a": 1}, "group", **more)


def handle(*messages: Broadcast, tries: int = 1) -> list[str]:
    """Return the ids of the messages that are to be tried again."""
    records = [
        {
            "messageId": f"m{number}",
            "receiptHandle": f"r{number}",
            "body": wire.dumps(one),
            "attributes": {"ApproximateReceiveCount": str(tries)},
        }
        for number, one in enumerate(messages)
    ]

    class Context:
        aws_request_id = "request"

    large = any(one.is_large for one in messages)
    handler = main.shard_handler if large else main.handler
    answer = handler({"Records": records}, Context)
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def reached(fakes: Fakes) -> Counter[str]:
    return Counter(name for name, _ in fakes.connections.posted)


def test_what_a_lost_connection_of_a_person_misses_is_kept_for_its_client(fakes: Fakes) -> None:
    stage.connect(USER.path, "ulla", "u0")
    fakes.connections.gone.add("u0")
    assert handle(Broadcast(USER.path, "", "told", {"a": 1}, "group", person="ulla")) == []
    (missed,) = fakes.tasks.missed
    assert (missed.namespace, missed.event, missed.values) == (USER.path, "told", ({"a": 1},))
    assert fakes.tasks.ended_connections == ["u0"]


def test_a_person_is_reached_on_all_connections_and_a_missed_one_again(
    fakes: Fakes, postponed: list[tuple[str, int]]
) -> None:
    for number in range(3):
        stage.connect(USER.path, "ulla", f"u{number}")
    stage.connect(USER.path, "uwe", "other")
    fakes.connections.broken = {"u1"}
    message = Broadcast(USER.path, "", "told", {}, "group", person="ulla", once="o")
    assert handle(message) == []
    assert reached(fakes) == Counter({"u0": 1, "u2": 1})
    (again,) = fakes.tasks.broadcasts
    assert (again.person, again.only) == ("ulla", ("u1",))
    assert handle(again) == ["m0"], "it is tried again later"
    assert postponed
    fakes.connections.broken.clear()
    assert handle(again) == []
    assert reached(fakes) == Counter({"u0": 1, "u1": 1, "u2": 1})


@pytest.mark.parametrize("room", [USER.path, CHANNEL])
def test_every_member_is_reached_once_and_gone_connections_are_handed_on(
    fakes: Fakes, room: str
) -> None:
    names = fill(room, 40)
    fakes.connections.gone = {"c7", "c9"}
    assert handle(message(room)) == []
    assert reached(fakes) == Counter(set(names) - {"c7", "c9"})
    assert sorted(fakes.tasks.ended_connections) == ["c7", "c9"]
    assert not fakes.tasks.broadcasts


def test_a_small_room_is_not_split(fakes: Fakes, namespace: Namespace) -> None:
    names = namespace(0)
    assert handle(message(USER.path)) == []
    assert reached(fakes) == Counter(names)
    assert not fakes.tasks.broadcasts


def test_a_large_room_is_split_into_its_shards(fakes: Fakes, namespace: Namespace) -> None:
    names = namespace(-1)
    assert handle(message(USER.path, skip_person="p-c3", once="x")) == []
    parts = list(fakes.tasks.broadcasts)
    assert not fakes.connections.posted
    assert sorted(str(part.shard) for part in parts) == rooms.shards(USER.path)
    assert len({part.group for part in parts}) == len(parts)
    assert {part.once for part in parts} == {"x"}
    assert handle(*parts) == []
    assert reached(fakes) == Counter(set(names) - {"c3"})
    assert fakes.tasks.broadcasts == parts, "a part is not split again"


def test_a_failed_message_is_retried_soon_with_those_after_it(
    fakes: Fakes, postponed: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(CHANNEL, 2)
    other = message("channel#2")
    stage.fails_once(monkeypatch, main, "send")
    assert handle(message(CHANNEL), other, tries=2) == ["m0", "m1"]
    assert postponed == [("r0", 30), ("r1", 30)]


@pytest.mark.parametrize("room", [USER.path, CHANNEL])
def test_a_recipient_whose_post_fails_is_tried_again_alone(
    fakes: Fakes, postponed: list[tuple[str, int]], room: str
) -> None:
    names = fill(room, 40)
    fakes.connections.broken = {"c3", "c5"}
    assert handle(message(room, once="o", skip_person="p-c9"), message(room, once="p")) == []
    assert reached(fakes)["c1"] == 2
    first, second = fakes.tasks.broadcasts
    assert first.only == second.only == ("c3", "c5")
    assert first.once != second.once
    assert (first.payload, first.skip_person) == ({"a": 1}, "p-c9")
    assert first.group not in {"group", message(room).group}
    for _ in range(2):
        assert handle(first) == ["m0"], "the queue delivers it again, later"
    fakes.connections.broken = {"c5"}
    assert handle(first) == []
    *_, third = fakes.tasks.broadcasts
    assert (third.only, third.until_ms) == (("c5",), first.until_ms)
    assert third.once not in {first.once, second.once}
    fakes.connections.broken = set()
    assert handle(third) == []
    assert reached(fakes) == Counter(dict.fromkeys(names, 2) | {"c9": 1, "c3": 1, "c5": 1})
    assert len(fakes.tasks.broadcasts) == 3


def test_a_recipient_is_given_up_after_some_time_and_is_counted(fakes: Fakes) -> None:
    fill(CHANNEL, 3)
    fakes.connections.broken = {"c1"}
    assert handle(message(CHANNEL)) == []
    (again,) = fakes.tasks.broadcasts
    fakes.clock.now += (main.GIVE_UP_SECONDS - 1) * 1000
    assert handle(again) == ["m0"]
    fakes.clock.now += 1000
    with counted() as numbers:
        assert handle(again) == []
    assert numbers[Metric.POSTS_GIVEN_UP] == 1
    fakes.clock.now += main.GIVE_UP_SECONDS * 1000 + 1
    fakes.connections.broken = set()
    assert handle(again) == []
    assert "c1" not in reached(fakes), "it is too old"
    assert len(fakes.tasks.broadcasts) == 1


def test_a_recipient_whose_post_is_refused_is_counted_and_not_tried_again(fakes: Fakes) -> None:
    names = fill(CHANNEL, 3)
    fakes.connections.refused = {"c1"}
    with counted() as numbers:
        assert handle(message(CHANNEL)) == []
    assert numbers[Metric.POSTS_GIVEN_UP] == 1
    assert reached(fakes) == Counter(set(names) - {"c1"})
    assert not fakes.tasks.broadcasts


def test_a_recipient_who_has_left_meanwhile_receives_nothing(fakes: Fakes) -> None:
    fill(CHANNEL, 2)
    fakes.connections.broken = {"c1"}
    assert handle(message(CHANNEL)) == []
    fakes.connections.broken = set()
    rooms.remove(rooms.key(CHAT.path, CHANNEL), "c1")
    assert handle(*fakes.tasks.broadcasts) == []
    assert reached(fakes) == Counter(["c0"])


def test_many_failed_recipients_share_messages(fakes: Fakes) -> None:
    names = fill(CHANNEL, main.FEW + 1)
    fakes.connections.broken = set(names)
    assert handle(message(CHANNEL, once="o")) == []
    assert sorted(len(one.only) for one in fakes.tasks.broadcasts) == [1, main.FEW]
    assert len({one.group for one in fakes.tasks.broadcasts}) == 2
    assert len({one.once for one in fakes.tasks.broadcasts}) == 2


def test_members_receive_their_own_form_and_late_members_receive_nothing(fakes: Fakes) -> None:
    for number, (form, joined) in enumerate([("1", 5), ('"1"', 9), ("1", 10)]):
        address = Address(CHAT.path, Wire.NATIVE if number else Wire.SOCKETIO, f"c{number}")
        rooms.Member.of(
            rooms.key(CHAT.path, CHANNEL),
            address,
            stage.EXPIRES_AT,
            f"p{number}",
            form=form,
            joined_ms=joined,
        ).save()
    broadcast = Broadcast(CHAT.path, CHANNEL, "e", {"c": 0}, "g", own_form="c", by_ms=9)
    assert handle(broadcast) == []
    frames = dict(fakes.connections.posted)
    assert json.loads(frames["c0"].removeprefix("42")) == ["e", {"c": 1}]
    assert json.loads(frames["c1"]) == {"event": "e", "data": {"c": "1"}}
    assert set(frames) == {"c0", "c1"}
