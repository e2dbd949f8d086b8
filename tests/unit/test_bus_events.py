"""Which events for a team's own systems the changes of rows make."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from functions.bookings import bus as bookings
from functions.bookings.rows import Booking
from functions.bookings.rows import Message as BookingMessage
from functions.calls import bus as calls
from functions.calls.rows import CurrentCall, PartyRow
from functions.calls.store import mark_of_end
from functions.chat import bus as chat
from functions.chat.call_rows import CallRow, ChatCall
from functions.chat.channel_rows import room_of
from functions.chat.history import Message
from functions.chat.presence import Status
from functions.products import REGISTRY
from shared.aws.bus_events import Happened
from shared.aws.streams import Row
from shared.aws.tables import Table
from shared.calling.call_records import CallRecord
from shared.ids import compose
from shared.realtime.untold import Mark

TINA, ULLA = "/telecaller#tina", "/user#ulla"
OF_CALL = {
    "product": "calls",
    "callId": "c1",
    "callType": "AUDIO",
    "userId": "ulla",
    "telecallerId": "tina",
    "startedAt": "1970-01-01T00:00:01.000Z",
}
ONLINE = {"w:1"}


def image(row: Table | None) -> Row:
    return None if row is None else row.serialize()


def found(happened: Iterable[Happened]) -> list[tuple[str, dict[str, Any], float | None]]:
    return [(one.event.type, msgspec.to_builtins(one.event), one.at_ms) for one in happened]


def types(happened: Iterable[Happened]) -> list[str]:
    return [one.event.type for one in happened]


def call(status: str | None, **values: Any) -> CurrentCall:
    return CurrentCall(
        id="c1",
        type="AUDIO",
        status=status,
        peer_id="ulla",
        peer_name="Ulla",
        started_at=1_000,
        **values,
    )


def telecaller(status: str | None = None, untold: set[str] | None = None, **values: Any) -> Row:
    row = PartyRow(TINA, untold=untold, members=ONLINE)
    if status:
        row.call = call(status, **values)
    return image(row)


def record(status: str, **values: Any) -> CallRecord:
    return CallRecord(
        "ulla",
        "c1",
        callee_id="tina",
        call_type="AUDIO",
        status=status,
        started_at=1_000,
        ended_at=9_000,
        **values,
    )


def test_a_call_rings_is_answered_and_leaves_the_row() -> None:
    free, rings = telecaller(), telecaller("RINGING")
    accepted = telecaller("ACCEPTED", accepted_at=2_000)
    assert found(calls.of_telecaller(free, rings)) == [("call.ringing", OF_CALL, 1_000)]
    answered = OF_CALL | {"acceptedAt": "1970-01-01T00:00:02.000Z"}
    on_call = {"telecallerId": "tina", "presence": "ON_CALL", "product": "calls"}
    assert found(calls.of_telecaller(rings, accepted)) == [
        ("call.answered", answered, 2_000),
        ("presence.changed", on_call, None),
    ]
    end = {mark_of_end(record("COMPLETED", accepted_at=2_000)).text}
    assert found(calls.of_telecaller(accepted, telecaller(untold=end))) == [
        ("presence.changed", on_call | {"presence": "ONLINE"}, None)
    ]
    assert types(calls.of_telecaller(accepted, accepted)) == []


def test_a_ring_that_comes_to_nothing_changes_no_presence() -> None:
    end = {mark_of_end(record("REJECTED")).text}
    assert types(calls.of_telecaller(telecaller("RINGING"), telecaller(untold=end))) == []


@pytest.mark.parametrize(
    "marks", [set(), {Mark(1, "c0", "COMPLETED#ulla").text}, {Mark(1, "c1", "late").text}]
)
def test_a_call_that_is_withdrawn_is_cancelled(marks: set[str]) -> None:
    """Marks of another call, or that were there before, are no end of this one."""
    rings = telecaller("RINGING", untold=marks or None)
    ended = OF_CALL | {"endedAt": "1970-01-01T00:00:01.000Z", "endedBy": None}
    found_now = found(calls.of_telecaller(rings, telecaller(untold=marks or None)))
    assert found_now == [("call.cancelled", ended, 1_000)]


def test_a_telecaller_comes_and_goes() -> None:
    gone = image(PartyRow(TINA))
    for before, after, presence in (
        (None, telecaller(), "ONLINE"),
        (telecaller(), gone, "OFFLINE"),
        (telecaller(), None, "OFFLINE"),
    ):
        ((type_, data, _),) = found(calls.of_telecaller(before, after))
        assert (type_, data["presence"]) == ("presence.changed", presence)
    assert types(calls.of_telecaller(None, gone)) == []


def test_a_call_of_chat_is_nothing_to_calls() -> None:
    assert types(calls.of_record(None, image(record("MISSED", product="chat")))) == []


def test_only_some_rows_of_people_and_of_chat_have_events() -> None:
    keys = {
        TINA: [calls.of_telecaller],
        ULLA: [],
        "/#anna": [],
        "call#c1": [chat.of_call],
    }
    for key, wanted in keys.items():
        hooks = [one for one in REGISTRY.bus_hooks if one.follows("people", {"person": {"S": key}})]
        assert [one.events_of for one in hooks] == wanted
    for item, count in (("status", 1), ("channel", 0)):
        row = {"topic": {"S": "person#anna"}, "item": {"S": item}}
        assert sum(one.follows("chat", row) for one in REGISTRY.bus_hooks) == count


@pytest.mark.parametrize(
    ("status", "type_"),
    [("MISSED", "call.missed"), ("REJECTED", "call.rejected"), ("CANCELLED", "call.cancelled")],
)
def test_a_call_ends_unanswered(status: str, type_: str) -> None:
    over = OF_CALL | {"endedAt": "1970-01-01T00:00:09.000Z", "endedBy": "tina"}
    made = image(record(status, ender_id="tina", trigger="reject"))
    assert found(calls.of_record(None, made)) == [(type_, over, 9_000)]


@pytest.mark.parametrize(
    ("trigger", "reason"), [("balance", "BALANCE"), ("end", None), (None, None)]
)
def test_a_call_ends_that_was_answered(trigger: str | None, reason: str | None) -> None:
    made = record("COMPLETED", accepted_at=2_000, duration_seconds=7, coins=10, trigger=trigger)
    over = OF_CALL | {
        "acceptedAt": "1970-01-01T00:00:02.000Z",
        "endedAt": "1970-01-01T00:00:09.000Z",
        "durationSeconds": 7,
        "coins": 10,
        "endedBy": None,
        "reason": reason,
    }
    assert found(calls.of_record(None, image(made))) == [("call.ended", over, 9_000)]


def chat_call(status: str, **values: Any) -> Row:
    about: dict[str, Any] = {"caller_id": "ulla", "callee_id": "tina", "caller_tab": "w:1"}
    row = ChatCall(id="c1", type="audio", status=status, started_at=1_000, **about, **values)
    return image(CallRow("call#c1", call=row))


def test_calls_of_chat() -> None:
    of_call = OF_CALL | {"product": "chat", "callType": "audio"}
    rings, accepted = chat_call("RINGING"), chat_call("ACCEPTED", accepted_at=2_000)
    assert found(chat.of_call(None, rings)) == [("call.ringing", of_call, 1_000)]
    assert types(chat.of_call(rings, rings)) == []
    assert types(chat.of_call(rings, accepted)) == ["call.answered"]
    assert types(chat.of_call(accepted, chat_call("COMPLETED", accepted_at=2_000))) == []
    assert types(chat.of_call(accepted, None)) == []
    assert types(chat.of_record(None, image(record("MISSED", product="chat")))) == ["call.missed"]
    assert types(chat.of_record(None, image(record("MISSED")))) == []


@pytest.mark.parametrize(
    ("channel", "text"), [("sales", "sales"), (1, "1"), ("a\ufffe", "a\ufffe")]
)
def test_a_message_is_published_without_its_text(channel: str | int, text: str) -> None:
    row = Message(
        room_of(channel),
        "m1",
        form="",
        user_id="anna",
        user_name="Anna",
        text="secret",
        type="text",
        sent_at=1_000,
    )
    data = {
        "messageId": "m1",
        "channelId": text,
        "senderId": "anna",
        "messageType": "text",
        "replyToId": None,
        "product": "chat",
    }
    assert found(chat.of_message(None, image(row))) == [("message.sent", data, 1_000)]


def status(value: str, **values: Any) -> Row:
    return image(Status(compose("person", "anna"), "status", status=value, name="Anna", **values))


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        (None, status("online"), None),
        (None, status("away", set_at=1_000), ("away", "status_change")),
        (status("online"), status("away", set_at=1_000), ("away", "status_change")),
        (status("away"), status("offline", gone_at=2_000), ("offline", "disconnect")),
        (status("offline", gone_at=2_000), status("online"), ("online", "status_change")),
        (status("online"), status("online", expires_at=9), None),
        (status("online"), None, None),
        (None, {"topic": {"S": "channel#1"}, "item": {"S": "about"}}, None),
    ],
)
def test_presence_in_chat(before: Row, after: Row, changed: tuple[str, str] | None) -> None:
    made = found(chat.of_status(before, after))
    if changed is None:
        assert made == []
        return
    value, reason = changed
    data = {"userId": "anna", "status": value, "reason": reason, "product": "chat"}
    assert made == [("presence.changed", data, None)]


def booking(at_ms: int, value: str = "PENDING", **values: Any) -> Row:
    row = Booking("b1", booking_number="B-1", customer_id="cora", service="Cleaning", **values)
    row.scheduled_at, row.address, row.amount = "2026-01-20T10:00:00Z", "Home 1", 12.5
    row.status, row.updated_at = value, at_ms
    return image(row)


def test_a_booking_is_created_and_changes() -> None:
    early = image(Booking("b1", early=[{}]))
    data = {
        "bookingId": "b1",
        "bookingNumber": "B-1",
        "customerId": "cora",
        "partnerId": None,
        "service": "Cleaning",
        "scheduledAt": "2026-01-20T10:00:00Z",
        "amount": 12.5,
        "status": "PENDING",
    }
    for before in (None, early):
        assert found(bookings.of_booking(before, booking(1))) == [("booking.created", data, 1)]
    after = booking(2, "PARTNER_ASSIGNED", partner_id="paul")
    now = data | {"partnerId": "paul", "status": "PARTNER_ASSIGNED", "previousStatus": "PENDING"}
    assert found(bookings.of_booking(booking(1), after)) == [("booking.updated", now, 2)]
    for unseen in (booking(1), None, early):
        assert types(bookings.of_booking(booking(1), unseen)) == []


def test_a_message_about_a_booking_is_published_without_its_text() -> None:
    row = BookingMessage(
        "m1",
        sender_id="cora",
        recipient_id="paul",
        recipient_namespace="/partner",
        text="secret",
        created_at=1_000,
    )
    data = {
        "messageId": "m1",
        "senderId": "cora",
        "recipientId": "paul",
        "bookingId": None,
        "product": "bookings",
    }
    assert found(bookings.of_message(None, image(row))) == [("message.sent", data, 1_000)]


def test_every_event_of_a_table_is_declared_once_for_each_type() -> None:
    """An id is made of a record and a type. So a record makes at most one event of each type."""
    assert len(REGISTRY.bus_events) == len(set(REGISTRY.bus_events))
    by_product: dict[tuple[str, str], int] = {}
    for event in REGISTRY.bus_events:
        key = event.__module__, event.type
        by_product[key] = by_product.get(key, 0) + 1
    assert set(by_product.values()) == {1}
