"""What the streams of chat announce: the same as the handlers, also if these have died before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from functions.chat import channel_rows, pushes
from functions.chat.namespaces import CHAT
from functions.push import devices
from functions.push.devices import Device
from shared.protocol import json
from tests.conftest import UseSettings
from tests.fakes import NOW_MS, Fakes
from tests.integration.chat import Chat, announcing
from tests.integration.engines import Engine

ROOM = channel_rows.room_of(1)
MESSAGE = {"channelId": 1, "message": "Hello", "messageType": "text"}
READ = {"channelId": 1, "messageId": None}


@pytest.fixture
def chat(tables: object, engine: Engine, fakes: Fakes) -> Iterator[Chat]:
    with announcing(engine, fakes, "chat", "messages"):
        chat = Chat(fakes)
        chat.channel(1)
        for person in ("anna", "bert"):
            chat.tab(person, person)
        chat.send("anna", "join_channel", 1)
        yield chat


def test_a_message_is_announced_though_its_process_dies(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat.fakes.tasks, "broadcast", lambda *_: 1 / 0)
    chat.send("anna", "chat:send_message", MESSAGE)
    assert chat.errors("anna") == [], "the message is stored"
    assert len(chat.broadcasts("chat:new_message")) == 1


def test_a_message_is_announced_twice_and_delivered_once(chat: Chat) -> None:
    """SQS takes both for the same, and clients could not tell them apart."""
    chat.send("anna", "chat:send_message", MESSAGE)
    first, again = (one for one in chat.fakes.tasks.broadcasts if one.event == "chat:new_message")
    assert json.dumps(first) == json.dumps(again)
    assert first.once


def test_other_changes_are_announced_once_and_in_order(chat: Chat) -> None:
    chat.send("bert", "join_channel", 1)
    chat.send("bert", "message_read", READ)
    chat.send("bert", "message_read", READ, frame=1)  # older
    chat.send("bert", "leave_channel", 1)
    found = [one for one in chat.fakes.tasks.broadcasts if one.skip_person == "bert"]
    assert [one.event for one in found] == ["user_joined", "message_read_receipt", "user_left"]
    assert {one.group for one in found} == {ROOM}
    assert len({one.once for one in found}) == len(found)


def test_a_change_that_announces_nothing_repeats_nothing(chat: Chat) -> None:
    chat.tab("anna", "a2")
    before = len(chat.fakes.tasks.broadcasts)
    chat.send("a2", "join_channel", 1)
    assert len(chat.fakes.tasks.broadcasts) == before


@pytest.mark.parametrize("on", [True, False])
def test_members_of_a_private_channel_who_are_not_there_are_woken(
    chat: Chat, monkeypatch: pytest.MonkeyPatch, use_settings: UseSettings, on: bool
) -> None:
    monkeypatch.setattr(pushes, "ports", lambda: chat.fakes.ports)
    if on:
        use_settings(push_fcm_arn="arn:aws:sns:us-east-1:000000000000:app/GCM/phones")
    for person_id in ("anna", "bert", "carl", "otto"):
        id_ = devices.id_of("FCM", person_id)
        device = Device(id=id_, platform="FCM", endpoint="arn:e", registered_at=NOW_MS)
        devices.register(person_id, [CHAT.path], device)
    chat.channel(1, private=True, members="anna bert carl dora", at=NOW_MS + 1)
    chat.send("anna", "chat:send_message", MESSAGE)
    found = chat.fakes.tasks.pushed
    assert {one.person_id for one in found} == ({"carl"} if on else set())
    for one in found:
        assert (one.title, one.body) == ("Name of anna", "Hello")
        assert one.data["channelId"] == "1"
