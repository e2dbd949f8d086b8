"""Presence and typing of one person are told once a second at most, and the last state always."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import pytest

from functions.bookings import messages
from shared.aws.event_order import claim_paced
from tests.conftest import UseSettings
from tests.fakes import NOW_MS, Fakes
from tests.integration.chat import Chat, announcing
from tests.integration.conftest import Race
from tests.integration.engines import Engine

pytestmark = pytest.mark.usefixtures("tables")

EVERY_MS = 1_000


@pytest.fixture
def chat(tables: object, engine: Engine, fakes: Fakes) -> Iterator[Chat]:
    with announcing(engine, fakes, "chat"):
        chat = Chat(fakes)
        chat.channel(1)
        chat.tab("anna", "a1")
        chat.send("a1", "join_channel", 1)
        yield chat


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses that are made, in seconds. None takes time."""
    made: list[float] = []
    monkeypatch.setattr(time, "sleep", made.append)
    return made


STATUSES = ["away", "busy", "offline", "online", "away", "busy"]


def told(chat: Chat) -> list[str]:
    return [one["status"] for one in chat.broadcasts("presence_updated")]


def test_the_first_change_is_told_at_once_and_costs_no_more(
    chat: Chat, pauses: list[float]
) -> None:
    for second, status in enumerate(STATUSES):
        chat.send("a1", "presence:set_status", status, frame=100 + second * EVERY_MS)
    assert told(chat) == STATUSES
    assert pauses == []


def test_a_change_that_comes_too_soon_waits_for_its_time(chat: Chat, pauses: list[float]) -> None:
    for ms, status in ((0, "away"), (300, "busy"), (1_999, "online"), (2_999, "away")):
        chat.send("a1", "presence:set_status", status, frame=100 + ms)
    assert told(chat) == ["away", "busy", "online", "away"]
    assert pauses == [0.7, 0.001, 0.001]


def test_of_many_changes_at_once_the_last_is_told(
    chat: Chat, race: Race, use_settings: UseSettings
) -> None:
    use_settings(told_every_ms=1_500)
    frames = [
        partial(chat.send, "a1", "presence:set_status", status, frame=100 + number)
        for number, status in enumerate(STATUSES)
    ]
    begin = time.monotonic()
    race(*frames)
    assert told(chat)[-1] == STATUSES[-1]
    assert len(told(chat)) <= 2
    assert time.monotonic() - begin < 15, "they wait at the same time"


def test_typing_in_a_channel_is_told_in_the_same_way(chat: Chat, race: Race) -> None:
    frames = [
        partial(chat.send, "a1", "chat:typing", {"channelId": 1, "isTyping": typing}, frame=frame)
        for frame, typing in ((100, True), (101, False), (102, True), (103, False))
    ]
    race(*frames)
    found = [one["isTyping"] for one in chat.broadcasts("chat:user_typing")]
    assert found[-1] is False
    assert len(found) <= 2


def test_the_same_frame_is_told_once(tables: object, pauses: list[float]) -> None:
    claim = partial(claim_paced, "k", now_ms=NOW_MS, kept_seconds=messages.TYPING_KEPT_SECONDS)
    assert [claim(NOW_MS, "m1"), claim(NOW_MS, "m1")] == [True, False]
    assert [claim(NOW_MS + 5, "m2"), claim(NOW_MS + 5, "m2"), claim(NOW_MS, "m1")] == [
        True,
        False,
        False,
    ]
    assert pauses == [0.995]


def test_people_and_channels_do_not_share_a_pace(chat: Chat, pauses: list[float]) -> None:
    chat.channel(2)
    chat.send("a1", "join_channel", 2)
    chat.tab("bert", "b1")
    chat.send("a1", "presence:set_status", "busy")
    chat.send("b1", "presence:set_status", "busy")
    for channel in (1, 2):
        chat.send("a1", "chat:typing", {"channelId": channel, "isTyping": True})
    assert pauses == []
