"""Channels: tabs that join and leave at the same moment, frames that arrive twice or late."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import pytest

from functions.chat import channel_rows, channel_store, history, presence
from functions.chat.namespaces import CHAT
from functions.products import REGISTRY
from shared.aws.tables import TransactionRefused, transact
from shared.pipeline.context import Arrival, Background
from shared.pipeline.product import Product
from shared.pipeline.registry import Registry
from shared.ports import Broadcast
from shared.realtime import connections, lifecycle, people, rooms, session_store
from shared.realtime.address import Address, Wire
from shared.realtime.connections import Connection
from tests.fakes import NOW_MS, Fakes
from tests.integration import stage
from tests.integration.chat import Chat, Overtaken, announcing
from tests.integration.conftest import THREADS, Race
from tests.integration.engines import Engine

ROOM = channel_rows.room_of(1)


@pytest.fixture
def chat(tables: object, engine: Engine, fakes: Fakes) -> Iterator[Chat]:
    with announcing(engine, fakes, "chat"):
        chat = Chat(fakes)
        chat.channel(1)
        yield chat


def inside() -> list[str]:
    """Return the tabs that are in the channel."""
    return sorted(member.connection_id for member in stage.members_of(rooms.key(CHAT.path, ROOM)))


def test_the_first_tab_is_announced_and_the_last(chat: Chat) -> None:
    for tab in ("a1", "a2"):
        chat.tab("anna", tab)
        chat.send(tab, "join_channel", 1)
    (joined,) = chat.broadcasts("user_joined")
    assert joined.pop("joinedAt").endswith("Z")
    assert joined == {
        "userId": "anna",
        "userDisplayName": "Name of anna",
        "userRole": "USER",
        "channelId": 1,
    }
    assert inside() == ["a1", "a2"]
    chat.send("a1", "leave_channel", "1")
    assert not chat.broadcasts("user_left")
    chat.depart("a2")
    (left,) = chat.broadcasts("user_left")
    assert (left["userId"], left["reason"]) == ("anna", "disconnect")
    assert inside() == []
    assert not channel_rows.participant(ROOM, "anna").tabs


def test_tabs_that_join_at_once_are_announced_once(chat: Chat, race: Race) -> None:
    tabs = [f"a{number}" for number in range(8)]
    for tab in tabs:
        chat.tab("anna", tab)
    frames = range(100, 100 + len(tabs))
    race(
        *[
            partial(chat.send, tab, "join_channel", 1, frame=frame)
            for tab, frame in zip(tabs, frames, strict=True)
        ]
    )
    assert len(chat.broadcasts("user_joined")) == 1
    assert inside() == tabs
    race(*[partial(chat.depart, tab) for tab in tabs])
    assert len(chat.broadcasts("user_left")) == 1
    assert inside() == []


def test_joins_that_race_with_departures_leave_no_row_behind(chat: Chat, race: Race) -> None:
    tabs = [f"a{number}" for number in range(THREADS // 2)]
    for tab in tabs:
        chat.tab("anna", tab)
    joins = [
        partial(chat.send, tab, "join_channel", 1, frame=100 + number)
        for number, tab in enumerate(tabs)
    ]
    race(*joins, *[partial(chat.depart, tab) for tab in tabs])
    assert inside() == []
    assert not channel_rows.participant(ROOM, "anna").tabs
    assert len(chat.broadcasts("user_joined")) == len(chat.broadcasts("user_left"))


@pytest.mark.parametrize(
    "order",
    ["join1 join3 leave2", "leave2 join1 join3", "join3 leave2 join1", "join3 join1 leave2"],
)
def test_the_newest_frame_counts_in_whatever_order_frames_arrive(chat: Chat, order: str) -> None:
    chat.tab("anna", "a1")

    def send_all(order: str) -> None:
        for step in order.split():
            chat.send("a1", f"{step[:-1]}_channel", 1, frame=int(step[-1]))

    send_all(order)
    assert inside() == ["a1"]
    message = {"channelId": 1, "message": "Hello", "messageType": "text"}
    chat.send("a1", "chat:send_message", message)
    assert not chat.errors("a1")
    send_all("leave6 leave8 join7")
    assert inside() == []
    assert not channel_rows.participant(ROOM, "anna").tabs
    send_all("join9")
    assert inside() == ["a1"]


def test_a_departure_that_runs_again_announces_once(chat: Chat) -> None:
    chat.tab("anna", "a1")
    chat.send("a1", "join_channel", 1)
    row = lifecycle.mark_leaving("a1")
    assert row is not None
    for _ in range(3):  # as after a crash: the row still exists
        chat.depart("a1")
        row.save()
    assert len(chat.broadcasts("user_left")) == 1


def test_a_crash_after_the_leave_does_not_lose_its_announcement(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat.tab("anna", "a1")
    chat.send("a1", "join_channel", 1)
    with monkeypatch.context() as patch:
        patch.setattr(session_store, "forget_room", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            chat.depart("a1")
    assert len(chat.broadcasts("user_left")) == 1, "the stream announces it"
    chat.depart("a1")
    assert len(chat.broadcasts("user_left")) == 1
    assert not Connection.count("a1")


def test_the_same_frame_twice_is_one_message(chat: Chat, race: Race) -> None:
    chat.tab("anna", "a1")
    chat.send("a1", "join_channel", 1)
    payload = {"channelId": 1, "message": "Hello", "messageType": "text"}
    race(*[partial(chat.send, "a1", "chat:send_message", payload, frame=50) for _ in range(4)])
    assert len(chat.broadcasts("chat:new_message")) == 1
    assert len(history.messages(ROOM, 10)) == 1


def test_messages_stand_in_the_order_in_which_they_arrived(chat: Chat) -> None:
    chat.tab("anna", "a1")
    chat.send("a1", "join_channel", 1)
    for frame in (73, 71, 72):
        payload = {"channelId": 1, "message": f"{frame}", "messageType": "text"}
        chat.send("a1", "chat:send_message", payload, frame=frame)
    assert [one.text for one in history.messages(ROOM, 10)] == ["73", "72", "71"]
    page = history.messages(ROOM, 2)
    assert [one.text for one in history.messages(ROOM, 2, before=page[-1].message_id)] == ["71"]


def test_reading_counts_and_only_moves_forward(chat: Chat) -> None:
    for person in ("anna", "bert"):
        chat.tab(person, person)
        chat.send(person, "join_channel", 1)
    for number in range(3):
        message = {"channelId": 1, "message": f"{number}", "messageType": "text"}
        chat.send("anna", "chat:send_message", message)
    newest, middle, _ = (one.message_id for one in history.messages(ROOM, 10))
    participants = partial(channel_rows.participants, ROOM)

    def unread(person_id: str) -> int:
        return history.unread(ROOM, person_id, history.read_up_to(participants(), person_id))

    assert unread("bert") == 3
    assert unread("anna") == 0
    chat.send("bert", "message_read", {"channelId": "1", "messageId": middle})
    assert unread("bert") == 1
    counts = [history.with_readers(participants(), one) for one in history.messages(ROOM, 10)]
    assert [one.read_by for one in counts] == [0, 1, 1]
    chat.send("bert", "message_read", {"channelId": 1, "messageId": None})
    chat.send("bert", "message_read", {"channelId": 1, "messageId": newest})
    assert unread("bert") == 0
    assert [one["messageId"] for one in chat.broadcasts("message_read_receipt")] == [middle, None]


def test_a_late_typing_frame_sends_nothing(chat: Chat) -> None:
    chat.tab("anna", "a1")
    chat.send("a1", "join_channel", 1)
    for frame, typing in ((62, False), (61, True)):
        chat.send("a1", "chat:typing", {"channelId": 1, "isTyping": typing}, frame=frame)
    assert [one["isTyping"] for one in chat.broadcasts("chat:user_typing")] == [False]


def test_a_late_presence_frame_sends_nothing(chat: Chat) -> None:
    chat.tab("anna", "a1")
    chat.send("a1", "presence:set_status", "busy", frame=62)
    chat.send("a1", "update_presence", {"status": "away"}, frame=61)
    assert [one["status"] for one in chat.broadcasts("presence_updated")] == ["busy"]
    chat.send("a1", "presence:get_online_users")
    assert chat.answer("a1") == [{"userId": "anna", "status": "busy", "connectionCount": 1}]


@pytest.mark.parametrize("moment", ["nothing", "_status_row", "_is_still", "_kept_until", "_key"])
def test_a_person_who_comes_back_while_the_departure_is_announced(
    chat: Chat, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """As when a page is reloaded: the old connection ends after the new one has authenticated."""

    def arrive(tab: str) -> None:
        chat.tab("anna", tab)
        presence.record_arrival(Background.on(REGISTRY, chat.fakes.ports), "anna", "Anna")

    arrive("a1")
    with monkeypatch.context() as patch:
        if moment != "nothing":
            patch.setattr(
                presence, moment, Overtaken(getattr(presence, moment), partial(arrive, "a2"))
            )
        chat.depart("a1")
    if moment == "nothing":
        arrive("a2")
    statuses = [one["status"] for one in chat.broadcasts("presence_updated")]
    assert statuses == ["offline", "online"]
    chat.send("a2", "presence:get_online_users")
    assert chat.answer("a2") == [{"userId": "anna", "status": "online", "connectionCount": 1}]
    chat.depart("a2")
    assert [one["status"] for one in chat.broadcasts("presence_updated")] == [*statuses, "offline"]


def test_departures_at_once_are_announced_once(chat: Chat, race: Race) -> None:
    for number in range(15):
        person = f"person{number}"
        for tab in "abcd":
            chat.tab(person, f"{person}-{tab}")
        presence.record_arrival(Background.on(REGISTRY, chat.fakes.ports), person, person)
        race(*(partial(chat.depart, f"{person}-{tab}") for tab in "abcd" * 2))
        for event in ("presence_updated", "presence:update"):
            mine = [one for one in chat.broadcasts(event) if one["userId"] == person]
            assert [one["status"] for one in mine] == ["offline"], event


class Died(BaseException):
    """The process has ended."""


def test_a_departure_is_announced_though_its_process_dies(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise Died

    chat.tab("anna", "a1")
    background = Background.on(REGISTRY, chat.fakes.ports)
    presence.record_arrival(background, "anna", "Anna")
    for _ in range(3):
        with monkeypatch.context() as patch:
            patch.setattr(presence.Status, "save_if", die)
            with pytest.raises(Died):
                chat.depart("a1")
    for _ in range(3):
        chat.fakes.clock.now += 600_000
        chat.depart("a1")
    assert [one["status"] for one in chat.broadcasts("presence_updated")] == ["offline"]
    presence.record_departure(background, people.get(CHAT.path, "anna"))
    assert len(chat.broadcasts("presence_updated")) == 1


def test_a_status_of_a_person_who_has_left_is_not_the_last_word(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frame is handled after the departure."""
    chat.tab("anna", "a1")
    presence.record_arrival(Background.on(REGISTRY, chat.fakes.ports), "anna", "Anna")
    overtaken = Overtaken(presence.Status.update_if, partial(chat.depart, "a1"))

    def update_if(row: presence.Status, *rest: object) -> bool:
        held: bool = overtaken(row, *rest)
        return held

    monkeypatch.setattr(presence.Status, "update_if", update_if)
    chat.send("a1", "presence:set_status", "busy")
    statuses = [one["status"] for one in chat.broadcasts("presence_updated")]
    assert statuses == ["offline", "busy", "offline"]


def test_the_list_of_online_users_fits_into_a_message(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"pérson-{number:03}" for number in range(250)]
    for name in names:
        address = Address(CHAT.path, Wire.SOCKETIO, name)
        rooms.Member.of(CHAT.path, address, stage.EXPIRES_AT, name).save()
    chat.tab("anna", "a1")

    def listed() -> list[dict[str, object]]:
        chat.send("a1", "presence:get_online_users")
        answer: list[dict[str, object]] = chat.answer("a1")
        return answer

    assert sorted(str(one["userId"]) for one in listed()) == ["anna", *names]
    monkeypatch.setattr(presence, "LIST_BYTES", 10_000)
    text = json.dumps(listed(), ensure_ascii=False, separators=(",", ":")).encode()
    assert 9_700 < len(text) <= 10_000


def test_a_private_channel_is_for_its_members(chat: Chat) -> None:
    chat.channel("p", private=True, members="anna bert")
    for person in ("anna", "bert", "carl"):
        chat.tab(person, person)
        chat.send(person, "join_channel", "p")
    assert chat.errors("carl") == [channel_rows.UNKNOWN_CHANNEL]
    chat.channel("p", private=True, members="anna", at=NOW_MS - 1)  # an older report
    assert channel_rows.participant("channel#p", "bert").tabs
    chat.channel("p", private=True, members="anna", at=NOW_MS + 1)
    assert not channel_rows.participant("channel#p", "bert").tabs
    assert channel_rows.participant("channel#p", "anna").tabs
    assert [one["userId"] for one in chat.broadcasts("user_left")] == ["bert"]


def users_left(chat: Chat) -> list[str]:
    return [one["userId"] for one in chat.broadcasts("user_left")]


def test_of_two_reports_within_a_second_the_later_arrival_counts(chat: Chat) -> None:
    """EventBridge knows seconds; ``POST /events`` knows milliseconds. They are not comparable."""
    second = NOW_MS // 1000 * 1000
    for number, (first, then) in enumerate([(0, 0), (900, 0), (0, 900), (900, 900)]):
        channel = f"p{number}"
        for tab, person in ((f"a{number}", "anna"), (f"b{number}", "bert")):
            chat.tab(person, tab)
        chat.channel(channel, private=True, members="anna bert", at=second + first)
        chat.send(f"b{number}", "join_channel", channel)
        chat.channel(channel, private=True, members="anna", at=second + then)
        assert [one for one in chat.broadcasts("user_left") if one["channelId"] == channel]
        # The earlier report is delivered again, and then the later one.
        for members, at in (("anna bert", first), ("anna", then)):
            chat.channel(channel, private=True, members=members, at=second + at)
            row = channel_rows.channel(channel_rows.room_of(channel))
            assert row
            assert row.members == {"anna"}
        assert len(users_left(chat)) == number + 1


def test_a_member_who_is_removed_within_the_second_of_a_report_cannot_join(chat: Chat) -> None:
    """The join has read the channel as it was before."""
    chat.tab("bert", "b1")
    chat.channel("p", private=True, members="anna bert")
    room = channel_rows.room_of("p")
    before = channel_rows.channel(room)
    assert before
    chat.channel("p", private=True, members="anna")
    address = Address(CHAT.path, Wire.SOCKETIO, "b1")
    row = channel_rows.participant(room, "bert")
    member = rooms.Member.of(room, address, stage.EXPIRES_AT, "bert", form='"p"', joined_ms=NOW_MS)
    joined = Broadcast(CHAT.path, room, "user_joined", {}, room)
    with pytest.raises(TransactionRefused):
        transact(channel_store._join_writes(before, row, member, address, joined))


@pytest.mark.parametrize("moment", ["leave", "broadcast"])
def test_a_removed_member_is_put_out_though_the_process_dies(
    chat: Chat, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    def die(*_: object, **__: object) -> None:
        raise Died

    for tab in ("b1", "b2"):
        chat.tab("bert", tab)
        chat.send(tab, "join_channel", 1)
    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(channel_store if moment == "leave" else chat.fakes.tasks, moment, die)
            with suppress(Died):
                chat.channel(1, private=True, members="anna", at=NOW_MS + 5)
    for _ in range(2):
        chat.channel(1, private=True, members="anna", at=NOW_MS + 5)
        assert inside() == []
        assert users_left(chat) == ["bert"]


def test_made_private_between_reading_the_channel_and_joining_it(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat.tab("anna", "a1")
    private = partial(chat.channel, 1, private=True, members="bert", at=NOW_MS + 1)
    monkeypatch.setattr(channel_store, "transact", Overtaken(transact, private))
    chat.send("a1", "join_channel", 1)
    assert chat.errors("a1") == [channel_rows.UNKNOWN_CHANNEL]
    assert inside() == []
    assert not chat.broadcasts("user_joined")


def test_made_private_while_a_person_joins(chat: Chat, race: Race) -> None:
    """A person who is not a member is either refused or removed."""
    chat.tab("anna", "a1")
    for number in range(1, 9):
        race(
            partial(chat.send, "a1", "join_channel", 1, frame=200 + number),
            partial(chat.channel, 1, private=True, members="bert", at=NOW_MS + number),
        )
        assert inside() == []
        chat.channel(1, at=NOW_MS + number)


def test_leaving_the_namespace_leaves_the_channels(chat: Chat) -> None:
    from functions.socketio import main

    chat.tab("anna", "a1")
    chat.send("a1", "join_channel", 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main, "ports", lambda: chat.fakes.ports)
        main.leave(Arrival("a1", "m", NOW_MS), CHAT.path)
    assert [one["reason"] for one in chat.broadcasts("user_left")] == ["disconnect"]
    row = connections.get("a1")
    assert row is not None
    assert not row.rooms
    assert not rooms.connections_by_person(CHAT.path)


def test_hooks_see_the_rooms_of_a_connection(chat: Chat) -> None:
    seen = []
    product = Product("p", namespaces=[CHAT])
    product.on_leave(CHAT.path)(lambda _, connection, session: seen.append(connection.rooms))
    chat.tab("anna", "a1")
    chat.send("a1", "join_channel", 1)
    from shared.pipeline import departure

    departure.end_connection(Registry([product]), chat.fakes.ports, "a1")
    assert seen == [{ROOM}]
