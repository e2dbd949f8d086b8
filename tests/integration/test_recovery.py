"""Sessions that are recovered after the loss of their connection."""

from __future__ import annotations

import json
import threading
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from functions.calls.namespaces import USER
from functions.chat import channel_rows
from functions.chat.namespaces import CHAT
from functions.disconnect import main as disconnect
from functions.opener import main as opener
from shared.aws.tables import Table
from shared.pipeline import returning
from shared.realtime import connections, event_log, moving, people, recovery, rooms
from shared.realtime.connections import Connection
from shared.realtime.emitter import Emitter
from shared.realtime.event_log import LoggedEvent
from shared.realtime.recovery import SessionRecord
from shared.settings import Settings
from tests.conftest import UseSettings
from tests.fakes import NOW_MS, Fakes
from tests.integration import recovering, stage
from tests.integration.chat import Chat
from tests.integration.conftest import Race
from tests.integration.recovering import (
    Numbered,
    Phone,
    chatter,
    come_back,
    deliver,
    lose,
    texts,
)
from tests.integration.stage import INVOCATION


@pytest.fixture(autouse=True)
def ports(tables: Settings, fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    recovering.install(fakes, monkeypatch)


def user(fakes: Fakes, person_id: str = "ulla", *, recovery: bool = True) -> Phone:
    phone = Phone(fakes, USER.path, person_id, "USER", recovery=recovery)
    phone.connect()
    return phone


def tell(fakes: Fakes, person_id: str, *numbers: int) -> None:
    """Send numbered events to a person's sessions, each as an event of its own."""
    for number in numbers:
        person = people.get(USER.path, person_id)
        Emitter(fakes.ports).tell(Numbered(number).to(person.addresses))


def tell_all(fakes: Fakes, *numbers: int) -> None:
    """Send numbered events to all users."""
    for number in numbers:
        fakes.tasks.broadcast(Numbered(number).to_everybody(USER.path, group="g"))
    deliver(fakes)


def test_a_client_that_does_not_ask_sees_and_costs_nothing(fakes: Fakes) -> None:
    phone = user(fakes, recovery=False)
    tell(fakes, "ulla", 1)
    tell_all(fakes, 2)
    phone.emit("unknown")
    frames = fakes.connections.to(phone.connection_id)
    sid = json.loads(frames[0].removeprefix("40/user,"))["sid"]
    assert frames == [
        f'40/user,{{"sid":"{sid}"}}',
        '42/user,["numbered",{"number":1}]',
        '42/user,["numbered",{"number":2}]',
        '42/user,["error",{"message":"Unknown event: unknown"}]',
    ]
    assert list(LoggedEvent.scan()) == []
    row = connections.get(phone.connection_id)
    assert row
    assert "recovery" not in row.sessions.as_dict()[USER.path]


def test_every_event_has_an_offset_and_is_logged_once(fakes: Fakes) -> None:
    phone, other = user(fakes), user(fakes, "otto")
    offsets = []
    for send in (partial(tell, fakes, "ulla", 1), partial(tell_all, fakes, 2)):
        send()
        phone.read()
        offsets.append(phone.offset)
    phone.emit("unknown")
    offsets.append(phone.offset)
    assert phone.names() == ["numbered", "numbered", "error"]
    assert offsets == sorted({str(one) for one in offsets})
    assert all(map(event_log.is_offset, offsets))
    assert other.names() == ["numbered"]
    logged = sorted((one.offset, one.log) for one in LoggedEvent.scan())
    mine, everybody = event_log.of_session(phone.sid), event_log.of_room(USER.path)
    assert logged == list(zip(offsets, [mine, everybody, mine], strict=True))


def test_the_secret_of_a_pid_is_not_stored(fakes: Fakes) -> None:
    phone = user(fakes)
    secret = phone.pid.rpartition(".")[2]
    assert len(secret) == 20
    rows: list[Table] = [*connections.Connection.scan(), *people.Person.scan()]
    assert secret not in str([row.serialize() for row in rows])


@pytest.mark.parametrize("noticed", ["not yet", "in the grace", "after it"])
def test_a_client_that_comes_back_has_missed_nothing(fakes: Fakes, noticed: str) -> None:
    phone = user(fakes)
    tell(fakes, "ulla", 1)
    tell_all(fakes, 2)
    sid, pid = phone.sid, phone.pid
    phone.read()
    assert [one[1]["number"] for one in phone.received] == [1, 2]
    old = phone.connection_id
    fakes.connections.gone.add(old)
    if noticed != "not yet":
        lose(phone, after_the_grace=noticed == "after it")
    for number in range(3, 9, 2):
        tell(fakes, "ulla", number)
        tell_all(fakes, number + 1)
    assert come_back(phone) == [3, 4, 5, 6, 7, 8]
    assert phone.recovered
    assert (phone.sid, phone.pid) == (sid, pid)
    tell(fakes, "ulla", 9)
    tell_all(fakes, 10)
    phone.read()
    assert [one[1]["number"] for one in phone.received] == list(range(1, 11))
    person = people.get(USER.path, "ulla")
    assert person.members == {f"r:{phone.connection_id}:{sid}"}
    assert not person.away
    assert [one.connection_id for one in stage.members_of(USER.path)] == [phone.connection_id]
    if noticed == "not yet":
        assert old in fakes.connections.closed
        disconnect.handler({"connectionId": old, "goodbye": True}, INVOCATION)
    else:
        disconnect.handler({"connectionId": old, "leaving": True}, INVOCATION)
    assert people.get(USER.path, "ulla").members == person.members
    assert connections.get(old) is None


def test_it_comes_back_again_and_again(fakes: Fakes) -> None:
    phone, expected = user(fakes), []
    for number in range(6):
        lose(phone, after_the_grace=number % 2 == 0)
        tell(fakes, "ulla", number)
        expected.append(number)
        assert come_back(phone) == [number]
        assert phone.recovered
    phone.read()
    assert [one[1]["number"] for one in phone.received] == expected


def test_without_an_offset_it_receives_all_since_its_session_began(fakes: Fakes) -> None:
    tell_all(fakes, 0)
    phone = user(fakes)
    lose(phone)
    tell(fakes, "ulla", 1)
    assert phone.offset is None
    assert come_back(phone) == [1]
    phone.offset = None
    lose(phone)
    assert come_back(phone) == [1]


@pytest.mark.parametrize(
    "wrong",
    ["secret", "person", "expired", "offset", "goodbye", "unknown", "twice", "closed"],
)
def test_what_cannot_be_recovered_is_a_new_session(fakes: Fakes, wrong: str) -> None:
    phone = user(fakes)
    tell(fakes, "ulla", 1)
    phone.read()
    sid, pid = phone.sid, phone.pid
    if wrong == "goodbye":
        phone.frame("41/user,")
    elif wrong == "closed":
        context = {"connectionId": phone.connection_id, "disconnectStatusCode": 1005}
        disconnect.handler({"requestContext": context}, INVOCATION)
    else:
        lose(phone)
    tell(fakes, "ulla", 2)
    match wrong:
        case "secret":
            phone.pid = f"{pid[:-1]}{'a' if pid[-1] != 'a' else 'b'}"
        case "person":
            phone.person_id = "otto"
        case "expired":
            fakes.clock.now += 121_000
            phone.ahead_ms = 121_000
        case "offset":
            phone.offset = "a text"
        case "unknown":
            phone.pid = "c.sid.secret"
        case "twice":
            other = Phone(fakes, USER.path, "ulla", "USER")
            other.pid, other.offset = phone.pid, phone.offset
            come_back(other)
            assert other.recovered
            lose(other)
            other.pid = phone.pid
            come_back(other)
            assert other.recovered, "the same client may"
            return
    given = phone.pid
    assert come_back(phone) == []
    assert not phone.recovered
    assert phone.pid not in {"", pid, given}
    assert phone.sid != sid
    tell(fakes, phone.person_id, 3)
    phone.read()
    assert phone.received[-1] == ["numbered", {"number": 3}]


@pytest.mark.parametrize("been_back", [False, True])
def test_it_comes_back_while_its_session_moves_to_its_record(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch, been_back: bool
) -> None:
    phone = user(fakes)
    if been_back:
        lose(phone)
        come_back(phone)
    lose(phone, after_the_grace=False)
    lost, read, look = phone.connection_id, SessionRecord.get, connections.get
    moved = threading.Event()

    def read_record(*key: Any, **options: Any) -> SessionRecord:
        try:
            return read(*key, **options)
        finally:
            if not moved.is_set():
                monkeypatch.setattr(SessionRecord, "get", read)
                disconnect.handler({"connectionId": lost, "leaving": True}, INVOCATION)
                moved.set()

    def read_row(connection_id: str) -> Connection | None:
        assert moved.wait(5)
        return look(connection_id)

    monkeypatch.setattr(SessionRecord, "get", read_record)
    with monkeypatch.context() as patched:
        patched.setattr(recovery, "connections", SimpleNamespace(get=read_row))
        assert recovery.find(phone.pid, USER.path, NOW_MS // 1000) is not None


def test_of_two_clients_with_one_pid_one_has_the_session(fakes: Fakes, race: Race) -> None:
    phone = user(fakes)
    lose(phone)
    tell(fakes, "ulla", 1)
    phones = [Phone(fakes, USER.path, "ulla", "USER") for _ in range(4)]
    for one in phones:
        one.pid, one.offset = phone.pid, phone.offset
    race(*(one.connect for one in phones))
    for connection_id, namespace in fakes.tasks.restored:
        opener.handler({"connectionId": connection_id, "namespace": namespace}, INVOCATION)
    for one in phones:
        one.read()
    assert any(one.recovered for one in phones), "a client that is later may take it over again"
    rows = [connections.get(one.connection_id) for one in phones]
    sids = [one.sid for row in rows if row for one in row.all_sessions()]
    assert sids.count(phone.sid) == 1
    members = people.get(USER.path, "ulla").members or ()
    assert sum(one.endswith(f":{phone.sid}") for one in members) == 1


@pytest.mark.parametrize("after_the_grace", [False, True])
def test_channels_are_joined_again_and_nobody_is_told(fakes: Fakes, after_the_grace: bool) -> None:
    chat = Chat(fakes)
    chat.channel("1")
    chat.channel("2", private=True, members="anna ben")
    anna, ben = chatter(fakes, "anna", "1", "2"), chatter(fakes, "ben", "1", "2")
    lose(anna, after_the_grace=after_the_grace)
    chat.channel("2", private=True, members="ben", at=NOW_MS + 1)
    for number, channel in enumerate("1212"):
        message = {"channelId": channel, "message": str(number), "messageType": "text"}
        ben.emit("chat:send_message", message)
    deliver(fakes)
    row = connections.get(anna.connection_id)
    come_back(anna)
    assert anna.recovered
    assert "authenticated" not in anna.names()[1:], "it goes on as the same person"
    assert texts(anna) == ["0", "2"]
    anna.emit("join_channel", "1")
    ben.emit("chat:send_message", {"channelId": "1", "message": "4", "messageType": "text"})
    anna.emit("chat:send_message", {"channelId": "1", "message": "5", "messageType": "text"})
    deliver(fakes)
    assert texts(anna) == ["0", "2", "4", "5"]
    tabs = channel_rows.participant(channel_rows.room_of("1"), "anna").tabs
    assert tabs == {f"r:{anna.connection_id}:{anna.sid}"}
    assert not channel_rows.participant(channel_rows.room_of("2"), "anna").tabs
    for channel in "12":
        key = rooms.key(CHAT.path, channel_rows.room_of(channel))
        members = {one.connection_id for one in stage.members_of(key)}
        assert members == {ben.connection_id, *([anna.connection_id] if channel == "1" else ())}
    assert row is None or row.lost


def test_a_message_of_a_client_that_comes_back_waits_for_its_place_in_the_channel(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch, use_settings: UseSettings
) -> None:
    use_settings(overtaken_wait_seconds=0.0)
    Chat(fakes).channel("1")
    anna = chatter(fakes, "anna", "1")
    lose(anna)
    look = channel_rows.participant
    restores = iter([opener.handler])

    def look_and_restore(room: str, person_id: str) -> channel_rows.Participant:
        found = look(room, person_id)
        for restore in restores:
            assert not found.tabs
            restore({"connectionId": anna.connection_id, "namespace": CHAT.path}, INVOCATION)
        return found

    monkeypatch.setattr(channel_rows, "participant", look_and_restore)
    anna.connect()
    anna.emit("chat:send_message", {"channelId": "1", "message": "1", "messageType": "text"})
    deliver(fakes)
    assert texts(anna) == ["1"]


def test_what_is_sent_while_it_comes_back_waits_for_its_turn(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events that are sent at every moment of the return arrive in order, and once."""
    phone = user(fakes)
    lose(phone)
    numbers = iter(range(1, 100))

    def interrupt(module: Any, name: str) -> None:
        inner = getattr(module, name)

        def during(*args: Any, **kwargs: Any) -> Any:
            tell(fakes, "ulla", next(numbers))
            tell_all(fakes, next(numbers))
            result = inner(*args, **kwargs)
            tell(fakes, "ulla", next(numbers))
            tell_all(fakes, next(numbers))
            return result

        monkeypatch.setattr(module, name, during)

    for module, name in (
        (moving, "move"),
        (moving, "begin"),
        (returning, "_leave_seats"),
        (returning, "_take_seats"),
        (moving, "arrive"),
    ):
        interrupt(module, name)
    received = come_back(phone)
    assert phone.recovered
    tell(fakes, "ulla", next(numbers))
    phone.read()
    received = [one[1]["number"] for one in phone.received]
    assert sorted(received) == list(range(1, next(numbers)))
    assert received[:16] == list(range(1, 17)), "until the moment at which it can be reached"


def test_an_answer_to_a_client_that_comes_back_waits_for_its_turn(fakes: Fakes) -> None:
    phone = user(fakes)
    lose(phone)
    tell(fakes, "ulla", 1)
    phone.connect()
    phone.frame('42/user,7["unknown"]')
    assert phone.names() == []
    assert not [one for one in fakes.connections.to(phone.connection_id) if one.startswith("43")]
    assert fakes.tasks.restored == [(phone.connection_id, USER.path)]
    opener.handler({"connectionId": phone.connection_id, "namespace": USER.path}, INVOCATION)
    assert phone.names() == ["numbered", "error"]
    assert fakes.connections.to(phone.connection_id)[-1].startswith("43/user,7")
    closed = list(fakes.connections.closed)
    opener.handler({"connectionId": phone.connection_id, "namespace": USER.path}, INVOCATION)
    assert fakes.connections.closed == closed, "it is up to date"


def test_a_return_that_dies_half_way_is_repeated_by_the_client(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = user(fakes)
    lose(phone)
    tell(fakes, "ulla", 1, 2)
    with monkeypatch.context() as patch:
        patch.setattr(moving, "arrive", dies)
        with pytest.raises(OSError, match="dies"):
            come_back(phone)
    phone.read()
    assert [one[1]["number"] for one in phone.received] == [1, 2]
    assert phone.connection_id in fakes.connections.closed
    lose(phone)
    tell(fakes, "ulla", 3)
    assert come_back(phone) == [3]
    assert phone.recovered
    assert people.get(USER.path, "ulla").members == {f"r:{phone.connection_id}:{phone.sid}"}


def test_a_client_that_is_torn_while_it_comes_back_comes_back(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first return ends between the read and the write of the second."""
    phone = user(fakes)
    lose(phone)
    phone.connect()
    ((connection_id, namespace),) = fakes.tasks.restored
    fakes.tasks.restored.clear()
    found = recovery.find

    def find(*args: Any) -> Any:
        lost = found(*args)
        opener.handler({"connectionId": connection_id, "namespace": namespace}, INVOCATION)
        return lost

    monkeypatch.setattr(recovery, "find", find)
    phone.connect()
    assert phone.recovered


def dies(*_: Any, **__: Any) -> None:
    raise OSError("dies")
