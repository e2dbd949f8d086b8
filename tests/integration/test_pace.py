"""Presence and typing of one person are told once a second at most, and the last state always."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from functions.deadline.main import handler
from shared.aws.event_order import Frame, claim_paced, claim_postponed, postpone_claim
from shared.protocol import json
from tests.conftest import UseSettings
from tests.fakes import NOW_MS, Fakes
from tests.integration.chat import Chat, announcing
from tests.integration.conftest import Race
from tests.integration.engines import Engine
from tests.integration.postponed import run_postponed

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


STATUSES = ["away", "busy", "offline", "online", "away", "busy"]


def told(chat: Chat) -> list[str]:
    return [one["status"] for one in chat.broadcasts("presence_updated")]


def deliver(fakes: Fakes, *, times: int = 1) -> int:
    """Deliver what has been put off, as the queue of deadlines does. Returns how much it was."""
    seconds = run_postponed(fakes, times=times)
    assert set(seconds) <= {1}
    return len(seconds)


def test_the_first_change_is_told_at_once_and_costs_no_more(chat: Chat, fakes: Fakes) -> None:
    for second, status in enumerate(STATUSES):
        chat.send("a1", "presence:set_status", status, frame=100 + second * EVERY_MS)
    assert told(chat) == STATUSES
    assert deliver(fakes) == 0


def test_a_change_that_comes_too_soon_is_told_later_though_its_process_is_gone(
    chat: Chat, fakes: Fakes
) -> None:
    chat.send("a1", "presence:set_status", "away", frame=100)
    texts = {"status": "busy", "statusMessage": "Lunch", "customStatus": None}
    chat.send("a1", "update_presence", texts, frame=400)
    assert told(chat) == ["away"]
    assert deliver(fakes, times=2) == 1
    assert told(chat) == ["away", "busy"]
    assert chat.broadcasts("presence_updated")[-1]["statusMessage"] == "Lunch"


def test_of_many_changes_at_once_the_last_is_told(chat: Chat, fakes: Fakes, race: Race) -> None:
    race(
        *(
            partial(chat.send, "a1", "presence:set_status", status, frame=100 + number)
            for number, status in enumerate(STATUSES)
        )
    )
    deliver(fakes)
    assert told(chat)[-1] == STATUSES[-1]
    assert len(told(chat)) <= 2


def test_a_change_whose_process_died_before_it_waited_does_not_stop_an_older_one(
    tables: object,
) -> None:
    first, second, third = (Frame(f"m{number}", NOW_MS + number, 2**31) for number in range(3))
    waiting: list[Frame] = []

    def dies(_: int) -> None:
        waiting.append(third)
        raise SystemExit

    assert claim_paced("k", first)
    assert not claim_paced("k", second)
    postpone_claim("k", second, lambda _: waiting.append(second))
    assert not claim_paced("k", third)
    with pytest.raises(SystemExit):
        postpone_claim("k", third, dies)
    told = [claim_postponed("k", frame, NOW_MS + EVERY_MS) for frame in waiting]
    assert told == [True, True]


def test_typing_in_a_channel_is_told_in_the_same_way(chat: Chat, fakes: Fakes, race: Race) -> None:
    frames = [
        partial(chat.send, "a1", "chat:typing", {"channelId": 1, "isTyping": typing}, frame=frame)
        for frame, typing in ((100, True), (101, False), (102, True), (103, False))
    ]
    race(*frames)
    deliver(fakes, times=2)
    found = [one["isTyping"] for one in chat.broadcasts("chat:user_typing")]
    assert found[-1] is False
    assert len(found) <= 2


def test_the_same_frame_is_told_once(tables: object) -> None:
    def claim(number: int) -> bool:
        return claim_paced("k", Frame(f"m{number}", NOW_MS + number, 2**31))

    assert [claim(0), claim(0), claim(5)] == [True, False, False]
    assert claim_postponed("k", Frame("m5", NOW_MS + 5, 2**31), NOW_MS + EVERY_MS)
    assert [claim(5), claim(0)] == [False, False]


def test_a_longer_pace_is_waited_for(chat: Chat, fakes: Fakes, use_settings: UseSettings) -> None:
    use_settings(told_every_ms=1_500)
    for number, status in enumerate(("away", "busy")):
        chat.send("a1", "presence:set_status", status, frame=100 + number)
    assert [seconds for _, _, seconds in fakes.tasks.postponed] == [2]


def test_the_queue_s_function_runs_what_has_been_put_off(
    chat: Chat, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.deadline.main.ports", lambda: fakes.ports)
    for number, status in enumerate(("away", "busy")):
        chat.send("a1", "presence:set_status", status, frame=100 + number)
    ((name, payload, _),) = fakes.tasks.postponed
    body = json.dumps({"hook": name, "payload": payload})
    record = {"messageId": "m", "body": body, "messageAttributes": {}}
    assert handler({"Records": [record]}, None) == {"batchItemFailures": []}
    assert told(chat) == ["away", "busy"]


def test_people_and_channels_do_not_share_a_pace(chat: Chat, fakes: Fakes) -> None:
    chat.channel(2)
    chat.send("a1", "join_channel", 2)
    chat.tab("bert", "b1")
    chat.send("a1", "presence:set_status", "busy")
    chat.send("b1", "presence:set_status", "busy")
    for channel in (1, 2):
        chat.send("a1", "chat:typing", {"channelId": channel, "isTyping": True})
    assert deliver(fakes) == 0
