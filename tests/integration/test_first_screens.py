"""What an app's first screen asks for: telecallers, channels, bookings, and calls that go on."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from functions.bookings.state import Status
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.presence import stream
from functions.calls.state import Trigger
from functions.chat import call_rows
from functions.http import main
from local.accounts import save
from shared.calling.ring import CalledPerson
from shared.identity import accounts
from shared.identity.accounts import Account
from shared.realtime import people
from shared.settings import settings
from tests.fakes import NOW_MS, Fakes
from tests.integration import stage
from tests.integration.booking_stage import assigned, created, report
from tests.integration.chat import Chat
from tests.integration.test_http import ADMIN, Http
from tests.integration.test_presence_stream import change, deliver

ULLA = ("ulla", USER.role)
ANNA = ("anna", ADMIN[1])
CARLA = ("carla", "CUSTOMER")
PEDRO = ("pedro", "PARTNER")


@pytest.fixture
def http(tables: object, fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> Http:
    for module in (main, stream):
        monkeypatch.setattr(module, "ports", lambda: fakes.ports)
    return Http(fakes)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the requests to DynamoDB that read several rows, by operation."""
    counted: Counter[str] = Counter()

    def count(operation: str) -> None:
        real = getattr(TableConnection, operation)

        def counting(*arguments: Any, **named: Any) -> Any:
            counted[operation] += 1
            return real(*arguments, **named)

        monkeypatch.setattr(TableConnection, operation, counting)

    for operation in ("query", "batch_get_item", "scan"):
        count(operation)
    return counted


def items(http: Http, path: str, who: tuple[str, str], **query: str) -> list[Any]:
    """Return the items of the first page."""
    status, body = http.get(path, who, **query)
    assert status == 200, body
    found: list[Any] = body["items"]
    return found


def pages(http: Http, path: str, who: tuple[str, str], limit: int, **query: str) -> list[list[Any]]:
    """Return the items of each page."""
    found: list[list[Any]] = []
    while len(found) < 30:
        status, body = http.get(path, who, limit=str(limit), **query)
        assert status == 200, body
        found.append(body["items"])
        if body["cursor"] is None:
            return found
        query["cursor"] = body["cursor"]
    raise AssertionError("the pages never end")


def telecaller(id_: str, approval: Any = "APPROVED", status: Any = "ACTIVE") -> None:
    account = Account(
        id=id_,
        role=TELECALLER.role,
        name=id_.title(),
        approval_status=approval,
        account_status=status,
    )
    save(account)


def let_stream_follow(id_: str, before: CalledPerson) -> None:
    """Hand the change of a telecaller's row to the function that follows the stream."""
    after = people.get(TELECALLER.path, id_, CalledPerson)
    table, key = settings().tables["people"], people.key(TELECALLER.path, id_)
    deliver(change(table, key, before.serialize(), after.serialize()))


def come_online(id_: str) -> None:
    before = people.get(TELECALLER.path, id_, CalledPerson)
    stage.online(id_)
    let_stream_follow(id_, before)


def go_offline(id_: str) -> None:
    before = people.get(TELECALLER.path, id_, CalledPerson)
    people.Person(before.person).save()
    let_stream_follow(id_, before)


def ids(found: list[Any]) -> list[str]:
    return [one["_id"] for one in found]


def test_users_see_the_telecallers_whom_they_may_call(http: Http) -> None:
    for id_ in ("t1", "t2"):
        telecaller(id_)
    telecaller("pending", approval="PENDING")
    telecaller("suspended", status="SUSPENDED")
    save(Account(id="ulla", role=USER.role, name="Ulla", approval_status="APPROVED"))
    come_online("t1")
    for who in (ULLA, ADMIN):
        found = items(http, "/telecallers", who)
        assert [(one["_id"], one["presence"]) for one in found] == [
            ("t2", "OFFLINE"),
            ("t1", "ONLINE"),
        ]
        assert list(found[0]) == ["_id", "name", "profile", "language", "about", "presence"]
    for who in (("t1", "TELECALLER"), CARLA, PEDRO, ("x", "STAFF")):
        assert http.get("/telecallers", who) == (403, "Access denied")


def test_telecallers_are_found_by_their_presence(http: Http) -> None:
    for id_ in ("t1", "t2", "t3"):
        telecaller(id_)
    for id_ in ("t1", "t2"):
        come_online(id_)
    stage.online("ulla", USER.path)
    stage.start("1", "ulla", "t2")
    before = people.get(TELECALLER.path, "t2", CalledPerson)
    assert ids(items(http, "/telecallers", ULLA, presence="ONLINE")) == ["t2", "t1"]
    stage.accept("t2", "1")
    let_stream_follow("t2", before)
    assert ids(items(http, "/telecallers", ULLA, presence="ONLINE")) == ["t1"]
    assert ids(items(http, "/telecallers", ULLA, presence="ON_CALL")) == ["t2"]
    assert ids(items(http, "/telecallers", ULLA, presence="OFFLINE")) == ["t3"]
    go_offline("t1")
    assert items(http, "/telecallers", ULLA, presence="ONLINE") == []
    for wrong in ("", "online", "RINGING", "x" * 3_000):
        answer = http.get("/telecallers", ULLA, presence=wrong)
        assert answer == (400, "presence: expected one of OFFLINE, ONLINE, ON_CALL")


def test_a_list_shows_what_users_have_been_told(http: Http) -> None:
    """A telecaller who is back before it is announced that they are gone has never been gone."""
    telecaller("t1")
    come_online("t1")
    people.Person(people.key(TELECALLER.path, "t1")).save()  # gone, but not yet in the stream
    (shown,) = items(http, "/telecallers", ULLA)
    assert shown["presence"] == "ONLINE"
    assert items(http, "/telecallers", ULLA, presence="ONLINE") == [shown]


def test_a_telecaller_without_approval_is_not_shown(http: Http) -> None:
    telecaller("t1")
    come_online("t1")
    telecaller("t1", approval="REJECTED")
    for presence in ({}, {"presence": "ONLINE"}):
        assert items(http, "/telecallers", ULLA, **presence) == []


@pytest.mark.parametrize("presence", ["ONLINE", None])
def test_telecallers_come_in_pages_of_a_few_reads(
    http: Http, reads: Counter[str], presence: str | None
) -> None:
    names = [f"t{number}" for number in range(5)]
    for id_ in names:
        telecaller(id_)
        come_online(id_)
    reads.clear()
    query = {"presence": presence} if presence else {}
    found = pages(http, "/telecallers", ULLA, 2, **query)
    assert [ids(page) for page in found] == [["t4", "t3"], ["t2", "t1"], ["t0"]]
    assert reads["scan"] == 0
    assert reads["query"] == len(found)
    assert reads["batch_get_item"] <= 2 * len(found)


def test_an_account_that_is_reported_again_is_listed_as_it_is_then(http: Http) -> None:
    reported = Account(id="t1", role=TELECALLER.role, name="Tina", approval_status="APPROVED")
    accounts.upsert(reported, NOW_MS, [TELECALLER.path])
    assert ids(items(http, "/telecallers", ULLA)) == ["t1"]
    rejected = Account(id="t1", role=TELECALLER.role, name="Tina", approval_status="REJECTED")
    accounts.upsert(rejected, NOW_MS + 1, [TELECALLER.path])
    assert items(http, "/telecallers", ULLA) == []


def test_a_person_sees_the_channels_they_may_join(http: Http) -> None:
    chat = Chat(http.fakes)
    chat.channel(1, at=NOW_MS)
    chat.channel("own", private=True, members="anna bert", at=NOW_MS + 1)
    chat.channel("closed", private=True, members="bert", at=NOW_MS + 2)
    assert [one["channelId"] for one in items(http, "/channels", ANNA)] == ["own", 1]
    assert items(http, "/channels", ANNA)[0] == {
        "channelId": "own",
        "name": "Channel own",
        "description": None,
        "private": True,
        "unread": 0,
        "lastMessage": None,
    }
    chat.channel("own", private=True, members="bert", at=NOW_MS + 3)
    chat.channel(1, private=True, members="bert", at=NOW_MS + 3)
    assert items(http, "/channels", ANNA) == []
    chat.channel("closed", at=NOW_MS + 4)
    assert [one["channelId"] for one in items(http, "/channels", ANNA)] == ["closed"]
    bert = items(http, "/channels", ("bert", "ADMIN"))
    assert [one["channelId"] for one in bert] == ["closed", "own", 1]
    assert http.get("/channels", ULLA) == (403, "Access denied")


def test_a_channel_has_its_last_message_and_what_is_unread(http: Http) -> None:
    chat = Chat(http.fakes)
    chat.channel("a")
    chat.channel("b")
    for name in ("anna", "bert"):
        chat.tab(name, name)
        chat.send(name, "join_channel", "a")
    for text in ("one", "two", "three"):
        chat.send("bert", "chat:send_message", {"channelId": "a", "message": text})
    chat.send("anna", "chat:send_message", {"channelId": "a", "message": "four"})

    def shown(person_id: str) -> list[tuple[int, str | None]]:
        found = items(http, "/channels", (person_id, "ADMIN"))
        by_id = {one["channelId"]: one for one in found}
        last = [by_id[id_]["lastMessage"] for id_ in ("a", "b")]
        texts = [one and one["message"] for one in last]
        return list(zip([by_id[id_]["unread"] for id_ in ("a", "b")], texts, strict=True))

    assert shown("anna") == [(3, "four"), (0, None)]
    assert shown("bert") == [(1, "four"), (0, None)]
    _, body = http.get("/channels/a/messages", ANNA)
    first = body["items"][-1]["id"]
    assert body["unread"] == 3
    chat.send("anna", "message_read", {"channelId": "a", "messageId": first})
    assert shown("anna")[0] == (2, "four")
    chat.send("anna", "message_read", {"channelId": "a", "messageId": None})
    assert shown("anna")[0] == (0, "four")


def test_channels_come_in_pages_newest_first(http: Http) -> None:
    chat = Chat(http.fakes)
    for number in range(5):
        private = number % 2 == 1
        members = "anna" if private else ""
        chat.channel(f"c{number}", private=private, members=members, at=NOW_MS + number)
    chat.channel("c0", at=NOW_MS + 9)  # changed, not created anew
    found = pages(http, "/channels", ANNA, 2)
    assert [[one["channelId"] for one in page] for page in found] == [
        ["c4", "c3"],
        ["c2", "c1"],
        ["c0"],
    ]


def test_customers_and_partners_see_their_own_bookings(http: Http) -> None:
    for number, booking_id in enumerate(("b1", "b2", "b3")):
        report(http.fakes, "booking.created", NOW_MS + number, **created(booking_id))
    assigned(http.fakes, "b4", "pedro", customer_id="other")
    report(http.fakes, "booking.assigned", NOW_MS + 9, bookingId="b2", partnerId="pedro")
    assert [one["bookingId"] for one in items(http, "/bookings", CARLA)] == ["b3", "b2", "b1"]
    assert {one["bookingId"] for one in items(http, "/bookings", PEDRO)} == {"b4", "b2"}
    assert items(http, "/bookings", ("somebody", "CUSTOMER")) == []
    assert items(http, "/bookings", CARLA)[0] == http.get("/bookings/b3", CARLA)[1]
    for who in (ADMIN, ULLA, ("carla", "TELECALLER")):
        assert http.get("/bookings", who) == (403, "Access denied")


def test_bookings_are_found_by_their_status(http: Http) -> None:
    for number in range(4):
        report(http.fakes, "booking.created", NOW_MS + number, **created(f"b{number}"))
    for booking_id in ("b1", "b3"):
        report(http.fakes, "booking.assigned", bookingId=booking_id, partnerId="pedro")
    found = pages(http, "/bookings", CARLA, 1, status="PENDING")
    assert [[one["bookingId"] for one in page] for page in found] == [["b2"], ["b0"]]
    offered = items(http, "/bookings", PEDRO, status="PARTNER_ASSIGNED")
    assert [one["bookingId"] for one in offered] == ["b3", "b1"]
    assert items(http, "/bookings", CARLA, status="COMPLETED") == []
    for wrong in ("", "pending", "DONE"):
        status, text = http.get("/bookings", CARLA, status=wrong)
        assert (status, text) == (400, f"status: expected one of {', '.join(Status)}")


def test_bookings_of_one_moment_are_all_shown(http: Http, reads: Counter[str]) -> None:
    for number in range(5):
        report(http.fakes, "booking.created", NOW_MS, **created(f"b{number}"))
    reads.clear()
    found = pages(http, "/bookings", CARLA, 2)
    shown = [one["bookingId"] for page in found for one in page]
    assert sorted(shown) == [f"b{number}" for number in range(5)]
    assert reads == {"query": len(found), "batch_get_item": len(found)}


def test_a_partner_no_longer_sees_a_booking_of_another_partner(http: Http) -> None:
    assigned(http.fakes, "b", "pedro")
    report(http.fakes, "booking.assigned", NOW_MS + 5, bookingId="b", partnerId="paula")
    assert items(http, "/bookings", PEDRO) == []
    assert [one["partnerId"] for one in items(http, "/bookings", ("paula", "PARTNER"))] == ["paula"]


@pytest.mark.parametrize(
    "cursor", ["x", "31", "2062", "312", "3120FF", "7f", "313120" + "61" * 129]
)
def test_a_cursor_of_another_list_is_refused(http: Http, cursor: str) -> None:
    assert http.get("/bookings", CARLA, cursor=cursor) == (400, "cursor: not one of ours")


def test_the_history_begins_with_the_call_that_goes_on(http: Http) -> None:
    for id_, namespace in (("ulla", USER.path), ("tina", TELECALLER.path)):
        stage.online(id_, namespace)
    for call_id in ("01", "02"):
        stage.start(call_id, "ulla", "tina")
        stage.finish(stage.rows("tina", "ulla"), call_id, Trigger.REJECT)
    stage.start("03", "ulla", "tina")
    for who in (ULLA, ("tina", "TELECALLER")):
        first, *rest = items(http, "/calls", who)
        assert (first["callId"], first["status"]) == ("03", "RINGING")
        assert (first["userId"], first["telecallerId"]) == ("ulla", "tina")
        assert (first["acceptedAt"], first["endedAt"], first["durationSeconds"]) == (None, None, 0)
        assert [one["callId"] for one in rest] == ["02", "01"]
    stage.accept("tina", "03")
    http.fakes.clock.now = NOW_MS + 61_500
    first = items(http, "/calls", ADMIN, userId="ulla")[0]
    assert (first["status"], first["durationSeconds"], first["coins"]) == ("ACCEPTED", 61, 0)
    assert first["acceptedAt"] == "2026-01-19T10:30:00.000Z"
    for limit in (1, 2):
        found = pages(http, "/calls", ULLA, limit)
        assert [one["callId"] for page in found for one in page] == ["03", "02", "01"]
        assert {len(page) for page in found} <= {1, limit}


def test_chat_calls_that_go_on_are_in_the_history(http: Http) -> None:
    chat = Chat(http.fakes)
    for name in ("anna", "bert"):
        chat.tab(name, name)
    offer = {"targetUserId": "bert", "callType": "video", "offer": {}}
    chat.send("anna", "call:invite", offer)
    call_id = chat.answer("anna")["callId"]
    for who in (ANNA, ("bert", "ADMIN")):
        (first,) = items(http, "/calls", who)
        assert (first["callId"], first["product"], first["status"]) == (call_id, "chat", "RINGING")
        assert (first["userId"], first["telecallerId"]) == ("anna", "bert")
    chat.send("bert", "call:accept", {"callId": call_id, "answer": {}})
    assert items(http, "/calls", ANNA)[0]["status"] == "ACCEPTED"
    chat.send("anna", "call:end", {"callId": call_id})
    (only,) = items(http, "/calls", ANNA)
    assert (only["status"], only["endedAt"] is None) == ("COMPLETED", False)
    assert call_rows.get(call_id) is None
