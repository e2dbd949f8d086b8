"""How changes of people's rows are counted, and which of them are announced."""

from __future__ import annotations

from typing import Any

import pytest

from functions.calls.presence import stream
from functions.calls.presence.changes import of_call, of_connection, of_person, presence
from functions.calls.presence.events import TelecallerDetails
from shared.identity.accounts import Account
from shared.ports import State
from tests.conftest import UseSettings
from tests.fakes import Fakes

Row = dict[str, Any] | None

AWAY: dict[str, Any] = {}
ONLINE = {"connections": {"SS": ["s:c1"]}}
TWO = {"connections": {"SS": ["s:c1", "n:c2"]}}
RINGING = ONLINE | {"call": {"M": {"status": {"S": "RINGING"}}}}
ON_CALL = ONLINE | {"call": {"M": {"status": {"S": "ACCEPTED"}}}}
LEFT_IN_CALL = {"call": {"M": {"status": {"S": "ACCEPTED"}}}}
USER_IN_CALL = ONLINE | {"call": {"M": {"id": {"S": "1"}}}}

TELECALLER_ZERO = {"onlineTelecallers": 0, "ringing": 0, "accepted": 0}


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (None, "OFFLINE"),
        (AWAY, "OFFLINE"),
        (LEFT_IN_CALL, "OFFLINE"),
        (ONLINE, "ONLINE"),
        (TWO, "ONLINE"),
        (RINGING, "ONLINE"),
        (USER_IN_CALL, "ONLINE"),
        (ON_CALL, "ON_CALL"),
    ],
)
def test_a_row_gives_the_presence_that_users_see(row: Row, state: str) -> None:
    assert presence(row) == state


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (None, ONLINE, 1),
        (AWAY, ONLINE, 1),
        (ONLINE, TWO, 0),
        (TWO, ONLINE, 0),
        (ONLINE, USER_IN_CALL, 0),
        (ONLINE, AWAY, -1),
        (USER_IN_CALL, None, -1),
        (AWAY, AWAY, 0),
    ],
)
def test_a_user_counts_once_from_the_first_connection_to_the_last(
    before: Row, after: Row, change: int
) -> None:
    assert of_person("/user", before, after) == {"onlineUsers": change}


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        (None, ONLINE, {"onlineTelecallers": 1}),
        (ONLINE, RINGING, {"ringing": 1}),
        (RINGING, ON_CALL, {"ringing": -1, "accepted": 1}),
        (RINGING, ONLINE, {"ringing": -1}),
        (ON_CALL, ONLINE, {"accepted": -1}),
        (ON_CALL, LEFT_IN_CALL, {"onlineTelecallers": -1}),
        (LEFT_IN_CALL, AWAY, {"accepted": -1}),
        (ON_CALL, AWAY, {"onlineTelecallers": -1, "accepted": -1}),
        (ON_CALL, RINGING, {"ringing": 1, "accepted": -1}),
        (ONLINE, TWO, {}),
    ],
)
def test_a_telecaller_counts_by_state(before: Row, after: Row, changes: dict[str, int]) -> None:
    assert of_person("/telecaller", before, after) == TELECALLER_ZERO | changes


def test_people_of_other_namespaces_are_not_counted() -> None:
    assert of_person("/admin", None, ONLINE) == {}


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [(None, {}, 1), ({}, None, -1), ({}, {}, 0), ({"a": 1}, {"a": 2}, 0)],
)
def test_a_connection_counts_while_its_row_is_there(before: Row, after: Row, change: int) -> None:
    assert of_connection(before, after) == {"connections": change}


@pytest.mark.parametrize("status", ["MISSED", "REJECTED", "CANCELLED"])
def test_a_finished_call_counts_by_its_status(status: str) -> None:
    assert of_call({"status": {"S": status}}) == {status.lower(): 1}


def test_an_answered_call_counts_by_how_long_it_rang_and_lasted() -> None:
    numbers = {"startedAt": 0, "acceptedAt": 6_999, "durationSeconds": 61, "coins": 20}
    record = {name: {"N": str(number)} for name, number in numbers.items()}
    added = of_call(record | {"status": {"S": "COMPLETED"}})
    assert added == {"completed": 1, "ring_8": 1, "seconds": 61, "coins": 20}
    assert of_call(record | {"status": {"S": "COMPLETED"}, "product": {"S": "chat"}}) == {}


PEOPLE = "test-people-table"


def change(
    before: Row, after: Row, *, person: str = "/telecaller#tina", table: str = PEOPLE
) -> dict[str, Any]:
    images = {"OldImage": before, "NewImage": after}
    return {
        "eventSourceARN": f"arn:aws:dynamodb:us-east-1:0:table/{table}/stream/2026",
        "dynamodb": {"Keys": {"person": {"S": person}}}
        | {name: image for name, image in images.items() if image is not None},
    }


class Announced:
    """Passes records to ``announce`` and returns the presences that it has broadcast.

    accounts: the accounts that exist, by id.
    """

    def __init__(self, fakes: Fakes) -> None:
        self.fakes = fakes
        self.accounts: dict[str, Account] = {}

    def __call__(self, *records: dict[str, Any]) -> list[tuple[str, str]]:
        stream.announce(list(records))
        sent = self.fakes.tasks.broadcasts
        assert {broadcast.namespace for broadcast in sent} <= {"/user"}
        assert {broadcast.event for broadcast in sent} <= {"telecaller:presence-changed"}
        return [(broadcast.payload.telecaller_id, broadcast.payload.presence) for broadcast in sent]

    def details(self) -> list[TelecallerDetails | None]:
        return [broadcast.payload.telecaller for broadcast in self.fakes.tasks.broadcasts]


@pytest.fixture
def announced(use_settings: UseSettings, monkeypatch: pytest.MonkeyPatch) -> Announced:
    use_settings(tables={"people": PEOPLE, "connections": "c", "calls": "k"})
    fakes = Fakes()
    announced = Announced(fakes)
    monkeypatch.setattr(stream, "ports", lambda: fakes.ports)
    stream.INTERVALS.forget()
    monkeypatch.setattr("shared.identity.accounts.get", announced.accounts.get)
    monkeypatch.setattr("functions.calls.presence.directory.move", lambda *_: None)
    monkeypatch.setattr("shared.realtime.pace.new_state", lambda of, _: State(of, "1"))
    return announced


@pytest.mark.parametrize(
    ("before", "after", "state"),
    [
        (None, ONLINE, "ONLINE"),
        (ON_CALL, ONLINE, "ONLINE"),
        (RINGING, ON_CALL, "ON_CALL"),
        (ONLINE, AWAY, "OFFLINE"),
        (ON_CALL, LEFT_IN_CALL, "OFFLINE"),
        (RINGING, AWAY, "OFFLINE"),
    ],
)
def test_a_telecaller_whose_presence_changes_is_announced(
    announced: Announced, before: Row, after: Row, state: str
) -> None:
    assert announced(change(before, after)) == [("tina", state)]


@pytest.mark.parametrize(
    ("before", "after"),
    [(ONLINE, TWO), (ONLINE, RINGING), (RINGING, ONLINE), (LEFT_IN_CALL, AWAY), (None, AWAY)],
)
def test_a_change_that_keeps_the_presence_is_not_announced(
    announced: Announced, before: Row, after: Row
) -> None:
    assert announced(change(before, after)) == []


def test_a_batch_announces_the_last_state_once(announced: Announced) -> None:
    assert announced(change(None, ONLINE), change(ONLINE, RINGING), change(RINGING, ON_CALL)) == [
        ("tina", "ON_CALL")
    ]


def test_a_batch_that_ends_as_it_began_announces_nothing(announced: Announced) -> None:
    assert announced(change(ONLINE, AWAY), change(AWAY, ONLINE)) == []


def test_each_telecaller_of_a_batch_is_announced(announced: Announced) -> None:
    found = announced(
        change(None, ONLINE),
        change(ONLINE, AWAY, person="/telecaller#tara"),
        change(ONLINE, ON_CALL, person="/telecaller#a#b"),
    )
    assert sorted(found) == [("a#b", "ON_CALL"), ("tara", "OFFLINE"), ("tina", "ONLINE")]


def test_only_telecallers_are_announced(announced: Announced) -> None:
    connection = change(None, ONLINE, table="test-connections-table")
    connection["dynamodb"]["Keys"] = {"connectionId": {"S": "c1"}}
    assert announced(change(None, ONLINE, person="/user#ulla"), connection) == []


def test_the_details_of_a_telecaller_are_sent_only_with_online(announced: Announced) -> None:
    announced.accounts["tina"] = Account(
        id="tina", role="TELECALLER", name="Tina", profile="p", language="hindi", about="a"
    )
    announced(change(None, ONLINE))
    announced(change(ONLINE, ON_CALL))
    announced(change(ONLINE, AWAY))
    details = TelecallerDetails(id="tina", name="Tina", profile="p", language="hindi", about="a")
    assert announced.details() == [details, None, None]


def test_without_an_account_there_are_no_details(announced: Announced) -> None:
    announced(change(None, ONLINE))
    assert announced.details() == [None]


def test_announcements_of_one_telecaller_keep_their_order(announced: Announced) -> None:
    announced(change(None, ONLINE), change(None, ONLINE, person="/telecaller#tara"))
    assert [sent.group for sent in announced.fakes.tasks.broadcasts] == [
        "telecaller#tina",
        "telecaller#tara",
    ]
