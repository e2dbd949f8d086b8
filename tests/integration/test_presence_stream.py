"""What the batches of the tables' streams change: counts and announcements."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from functions.calls.presence import counts, stream
from functions.calls.presence.intervals import Intervals
from local.accounts import save as save_account
from shared import times
from shared.aws import numbers
from shared.aws.lambda_entry import Event
from shared.identity.accounts import Account
from shared.ports import Broadcast
from shared.realtime import pace, rooms
from shared.settings import Settings
from tests.conftest import UseSettings
from tests.fakes import NOW_MS, Fakes
from tests.integration import stage
from tests.integration.clients import Clients

ONLINE = {"connections": {"SS": ["s:c1"]}}
RINGING = ONLINE | {"call": {"M": {"status": {"S": "RINGING"}}}}
ON_CALL = ONLINE | {"call": {"M": {"status": {"S": "ACCEPTED"}}}}

Image = dict[str, Any] | None


@pytest.fixture(autouse=True)
def ports(tables: Settings, fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "ports", lambda: fakes.ports)
    monkeypatch.setattr(stream, "INTERVALS", Intervals())

    def sleep(seconds: float) -> None:
        fakes.clock.now += round(seconds * 1_000)

    monkeypatch.setattr(time, "sleep", sleep)


def change(table: str, key: str, before: Image, after: Image) -> dict[str, Any]:
    images = {"OldImage": before, "NewImage": after}
    return {
        "eventID": uuid.uuid4().hex,
        "eventSourceARN": f"arn:aws:dynamodb:us-east-1:0:table/{table}/stream/2026",
        "dynamodb": {
            "ApproximateCreationDateTime": NOW_MS / 1000,
            "Keys": {"person": {"S": key}},
        }
        | {name: image for name, image in images.items() if image is not None},
    }


def deliver(*records: dict[str, Any]) -> None:
    event: Event = {"Records": list(records), "requestContext": {"requestId": "r"}}
    stream.handler(event, None)


def counted() -> dict[str, int]:
    """Return all numbers that are not zero, of the present and of the day."""
    found = numbers.read(counts.LIVE) | numbers.read(times.day(NOW_MS))
    return {name: number for name, number in found.items() if number and name != "expiresAt"}


def test_people_connections_and_calls_are_counted(tables: Settings) -> None:
    deliver(
        change(tables.tables["people"], "/user#ulla", None, ONLINE),
        change(tables.tables["people"], "/user#uma", None, ONLINE),
        change(tables.tables["people"], "/telecaller#tina", None, ONLINE),
        change(tables.tables["people"], "/telecaller#tina", ONLINE, RINGING),
        change(tables.tables["people"], "/admin#ada", None, ONLINE),
    )
    deliver(change(tables.tables["connections"], "c1", None, {"wire": {"S": "s"}}))
    deliver(change(tables.tables["calls"], "1", None, {"status": {"S": "MISSED"}}))
    assert counted() == {
        "onlineUsers": 2,
        "onlineTelecallers": 1,
        "ringing": 1,
        "connections": 1,
        "missed": 1,
    }
    deliver(change(tables.tables["people"], "/telecaller#tina", RINGING, ON_CALL))
    deliver(
        change(tables.tables["people"], "/user#uma", ONLINE, {}),
        change(tables.tables["connections"], "c1", {"wire": {"S": "s"}}, None),
    )
    assert counted() == {
        "onlineUsers": 1,
        "onlineTelecallers": 1,
        "accepted": 1,
        "missed": 1,
    }


def test_a_change_of_a_finished_call_s_record_is_not_counted(tables: Settings) -> None:
    missed = {"status": {"S": "MISSED"}}
    deliver(
        change(tables.tables["calls"], "1", missed, missed | {"seen": {"BOOL": True}}),
        change(tables.tables["calls"], "1", missed, None),
    )
    assert counted() == {}


def test_a_batch_that_is_delivered_again_later_counts_once(tables: Settings, fakes: Fakes) -> None:
    batch = [
        change(tables.tables["people"], "/user#ulla", None, ONLINE),
        change(tables.tables["calls"], "1", None, {"status": {"S": "MISSED"}}),
    ]
    for later in (0, 1_500, 86_400_000):
        fakes.clock.now = NOW_MS + later
        deliver(*batch)
    assert counted() == {"onlineUsers": 1, "missed": 1}


def splits(batch: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield what Lambda may hand in while a batch fails again and again: the batch, its halves,
    the halves' halves, and at last the whole batch with one record more in front."""
    yield batch
    if len(batch) > 1:
        middle = len(batch) // 2
        yield from splits(batch[:middle])
        yield from splits(batch[middle:])


def test_a_batch_that_is_split_and_handed_in_again_counts_once(
    tables: Settings, fakes: Fakes
) -> None:
    people, calls = tables.tables["people"], tables.tables["calls"]
    batch = [
        change(people, "/user#ulla", None, ONLINE),
        change(people, "/user#uma", None, ONLINE),
        change(calls, "1", None, {"status": {"S": "MISSED"}}),
        change(people, "/user#uma", ONLINE, {}),
        change(people, "/user#uma", {}, ONLINE),
        change(calls, "2", None, {"status": {"S": "REJECTED"}}),
        change(people, "/telecaller#tina", None, ONLINE),
    ]
    expected = {"onlineUsers": 2, "onlineTelecallers": 1, "missed": 1, "rejected": 1}
    for _ in range(2):
        for part in splits(batch):
            deliver(*part)
            assert counted() == expected
    other = change(people, "/user#ute", None, ONLINE)
    deliver(other, *batch[:3])
    deliver(*batch[2:], other)
    assert counted() == expected | {"onlineUsers": 3}


def test_a_call_counts_for_the_day_on_which_it_ended(tables: Settings, fakes: Fakes) -> None:
    """Also if it is handed in after midnight, in a batch with others."""
    call = change(tables.tables["calls"], "1", None, {"status": {"S": "MISSED"}})
    later = change(tables.tables["calls"], "2", None, {"status": {"S": "REJECTED"}})
    later["dynamodb"]["ApproximateCreationDateTime"] += 86_400
    deliver(call, later)
    assert counted() == {"missed": 1}
    assert counts.read(NOW_MS + 86_400_000)[1].rejected == 1


def test_two_batches_with_the_same_changes_both_count(tables: Settings) -> None:
    for _ in range(2):
        deliver(change(tables.tables["people"], "/user#ulla", None, ONLINE))
    assert counted() == {"onlineUsers": 2}


def test_a_telecaller_who_comes_online_is_announced_with_their_account(
    tables: Settings, fakes: Fakes
) -> None:
    save_account(
        Account(
            id="tina",
            role="TELECALLER",
            name="Tina",
            profile="avatar-3",
            language="hindi",
            about="Experienced.",
            coins=99,
        )
    )
    deliver(change(tables.tables["people"], "/telecaller#tina", {}, ONLINE))
    (broadcast,) = fakes.tasks.broadcasts
    assert (broadcast.namespace, broadcast.room) == ("/user", "")
    assert broadcast.event == "telecaller:presence-changed"
    assert broadcast.group == "telecaller#tina"
    payload = broadcast.payload
    assert payload.presence == "ONLINE"
    assert payload.telecaller_id == "tina"
    assert payload.telecaller.id == "tina"
    assert payload.telecaller.name == "Tina"
    assert payload.telecaller.profile == "avatar-3"
    assert payload.telecaller.language == "hindi"
    assert payload.telecaller.about == "Experienced."


def test_each_announcement_overtakes_the_one_before(tables: Settings, fakes: Fakes) -> None:
    people = tables.tables["people"]
    deliver(change(people, "/telecaller#tina", {}, ONLINE))
    deliver(change(people, "/telecaller#theo", {}, ONLINE))
    deliver(change(people, "/telecaller#tina", RINGING, ON_CALL))
    states = [one.state for one in fakes.tasks.broadcasts]
    assert [pace.is_overtaken(state) for state in states if state] == [True, False, False]


def test_those_who_watch_hear_of_presence_alone_if_the_stack_says_so(
    tables: Settings, fakes: Fakes, clients: Clients, use_settings: UseSettings
) -> None:
    use_settings(presence_audience="watchers")
    for event in ("telecallers:watch", "telecallers:watch"):
        clients.send("u1", event)
    deliver(change(tables.tables["people"], "/telecaller#tina", {}, ONLINE))
    (broadcast,) = fakes.tasks.broadcasts
    room = rooms.key(broadcast.namespace, broadcast.room)
    assert [one.connection_id for one in stage.members_of(room)] == ["u1"]
    clients.send("u1", "telecallers:unwatch")
    assert stage.members_of(room) == []
    assert clients.acks("u1") == [None] * 3


def test_a_telecaller_who_comes_and_goes_is_announced_once_a_second(
    tables: Settings, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the batches are; and the other telecallers of a batch do not wait."""
    people, seen = tables.tables["people"], dict[str, list[int]]()
    send = fakes.tasks.broadcast

    def broadcast(message: Broadcast) -> None:
        seen.setdefault(message.payload.telecaller_id, []).append(fakes.clock.now)
        send(message)

    monkeypatch.setattr(fakes.tasks, "broadcast", broadcast)
    begin, comes = fakes.clock.now, (None, ONLINE)
    flaps = [
        change(people, "/telecaller#tina", *(comes if number % 2 else comes[::-1]))
        for number in range(30)
    ]
    for number, size in enumerate((1, 1, 2, 3, 5, 7, 11)):
        fakes.clock.now += 100
        other = change(people, f"/telecaller#other-{number}", None, ONLINE)
        expected = fakes.clock.now
        deliver(*(flaps.pop(0) for _ in range(size)), other)
        assert seen[f"other-{number}"] == [expected]
    mine = seen["tina"]
    assert min(later - at for at, later in pairwise(mine)) >= 1_000
    assert mine[0] == begin + 100
    fakes.clock.now += 1_000
    deliver(change(people, "/telecaller#tina", None, ONLINE))
    assert mine[-1] == fakes.clock.now, "after a quiet second nothing waits"


def test_a_record_that_cannot_be_announced_is_set_aside(
    tables: Settings,
    fakes: Fakes,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The records behind it are announced, and all of them are counted."""
    records = [
        change(tables.tables["people"], f"/telecaller#{name}", None, ONLINE)
        for name in ("tina", "poison", "theo")
    ]
    send = fakes.tasks.broadcast

    def refuse(error: Exception) -> None:
        def broadcast(message: Broadcast) -> None:
            if message.payload.telecaller_id == "poison":
                raise error
            send(message)

        monkeypatch.setattr(fakes.tasks, "broadcast", broadcast)

    def announced() -> list[str]:
        return [one.payload.telecaller_id for one in fakes.tasks.broadcasts]

    refuse(ClientError({"Error": {"Code": "InvalidMessageContents"}}, "SendMessage"))
    deliver(*records)
    assert announced() == ["tina", "theo"]
    assert counted() == {"onlineTelecallers": 3}
    (line,) = [one for one in caplog.records if one.message == "record set aside"]
    assert line.levelname == "ERROR"

    for lasting in (ValueError(), LookupError(), msgspec.ValidationError()):
        refuse(lasting)
        deliver(*records)
    for temporary in (
        ClientError({"Error": {"Code": "RequestThrottled"}}, "SendMessage"),
        EndpointConnectionError(endpoint_url="queue"),
        OSError(),
    ):
        refuse(temporary)
        with pytest.raises(type(temporary)):
            deliver(*records)
