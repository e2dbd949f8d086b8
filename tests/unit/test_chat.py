"""The pure parts of chat."""

from __future__ import annotations

import pytest

from functions.broadcast.main import LogOfRoom, posts
from functions.chat import channel_rows
from functions.chat.events import ChannelId
from functions.chat.namespaces import CHAT
from functions.chat.state import TRANSITIONS, Status, Trigger, after
from functions.products import REGISTRY
from shared.pipeline.context import Arrival
from shared.ports import Broadcast
from shared.realtime.rooms import Occupant
from shared.realtime.sessions import Session
from tests.conftest import UseSettings

TO_THE_SERVER = {
    "authenticate", "join_channel", "leave_channel", "chat:send_message", "message_read",
    "chat:typing", "update_presence", "file_uploaded", "system_broadcast", "channel_updated",
    "call:invite", "call:accept", "call:reject", "call:end", "call:ice_candidate",
    "presence:set_status", "presence:get_online_users",
}  # fmt: skip


def test_every_event_of_the_spec_has_a_row() -> None:
    rows = {event for namespace, event in REGISTRY.handlers if namespace == CHAT.path}
    assert rows == TO_THE_SERVER


def test_only_authenticating_needs_no_session() -> None:
    assert [row.event for row in REGISTRY.handlers.values() if row.open] == ["authenticate"]


@pytest.mark.parametrize(
    ("channel_id", "room"),
    [(1, "channel#1"), ("1", "channel#1"), (1.0, "channel#1"), (1.5, "channel#1.5"),
     ("general", "channel#general"), (-0.0, "channel#0"), (10**30, f"channel#{10**30}")],
)  # fmt: skip
def test_a_channel_has_one_room(channel_id: ChannelId, room: str) -> None:
    assert channel_rows.room_of(channel_id) == room


def test_every_member_gets_its_own_form(use_settings: UseSettings) -> None:
    use_settings()
    message = Broadcast("/", "channel#1", "e", {"c": 1, "x": 2}, "g", own_form="c")
    forms = {"one": "1", "two": '"1"', "three": "1"}
    found = posts(
        message,
        [Occupant(name, "s", form=form) for name, form in forms.items()],
        LogOfRoom(message),
    )
    assert list(found) == [
        ("one", '42["e",{"c":1,"x":2}]'),
        ("two", '42["e",{"c":"1","x":2}]'),
        ("three", '42["e",{"c":1,"x":2}]'),
    ]


def test_payloads_are_unchanged_without_forms(use_settings: UseSettings) -> None:
    use_settings()
    message = Broadcast("/", "", "e", {"a": 1}, "g")
    found = posts(message, [Occupant("one", "s", form='"1"')], LogOfRoom(message))
    assert list(found) == [("one", '42["e",{"a":1}]')]


def test_ids_of_frames_sort_by_arrival() -> None:
    early, late = Arrival("b", "2", 999), Arrival("a", "1", 1_000)
    assert early.id < late.id
    assert len(early.id) == 24
    assert early.id == Arrival("b", "2", 999).id != Arrival("b", "3", 999).id


def test_admins_have_every_permission() -> None:
    agent = Session("/", "s", "p", "AGENT", "P", permissions=frozenset({"chat.access"}))
    assert agent.may("chat.access")
    assert not agent.may("call.audio")
    assert Session("/", "s", "p", "ADMIN", "P").may("call.audio")


def test_a_call_ends_once() -> None:
    final = {Status.REJECTED, Status.CANCELLED, Status.MISSED, Status.COMPLETED}
    assert {after(status, trigger) for status in final for trigger in Trigger} == {None}
    assert {status for status, _ in TRANSITIONS} == {Status.RINGING, Status.ACCEPTED}
    for trigger in Trigger:
        assert after(Status.RINGING, trigger) is not None
    assert after(Status.ACCEPTED, Trigger.TIMEOUT) is None
