"""The numbers of chat that admins see, from the streams of chat."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from functions.chat import counts
from functions.chat.counts import ChatNumbers
from functions.products import REGISTRY
from shared.pipeline.sweep import Sweep
from shared.realtime.emitter import Emitter
from tests.fakes import NOW_MS, Fakes
from tests.integration.chat import Chat
from tests.integration.engines import Engine
from tests.integration.followed import following

MESSAGE = {"channelId": 1, "message": "Hello", "messageType": "text"}


@pytest.fixture
def records(tables: object, engine: Engine) -> Iterator[list[dict[str, Any]]]:
    """Return the records of the streams of chat as they come."""
    found: list[dict[str, Any]] = []
    with ExitStack() as stack:
        for table in ("chat", "messages"):
            stack.enter_context(following(engine, table, found.append))
        yield found


def test_people_messages_and_calls_are_counted_once(
    fakes: Fakes, records: list[dict[str, Any]]
) -> None:
    chat = Chat(fakes)
    chat.channel(1)
    for person in ("anna", "bert"):
        chat.tab(person, person)
        chat.send(person, "presence:set_status", "busy")
    chat.send("anna", "join_channel", 1)
    for frame in range(3):
        chat.send("anna", "chat:send_message", MESSAGE, frame=frame + 10)
    invite = {"targetUserId": "bert", "callType": "audio", "offer": 1}
    chat.send("anna", "call:invite", invite)
    chat.depart("bert")
    for _ in range(2):  # delivered twice
        for at in range(0, len(records), 2):
            counts.add(records[at : at + 2])
    assert counts.counted(NOW_MS).chat == ChatNumbers(1, 3, 1)
    assert counts.counted(NOW_MS + 86_400_000).chat == ChatNumbers(1, 0, 0)


@pytest.mark.usefixtures("tables")
def test_the_sweep_corrects_the_number_of_people_online(fakes: Fakes) -> None:
    """All changes are lost on their way through the stream."""
    chat = Chat(fakes)
    for person, tab in (("anna", "a1"), ("anna", "a2"), ("bert", "b1"), ("carl", "c1")):
        chat.tab(person, tab)
    chat.depart("c1")
    sweep = Sweep(REGISTRY, fakes.ports, Emitter(fakes.ports), time.monotonic() + 60)
    for expected in (0, 2, 2):
        fakes.clock.now += 5 * 60_000
        counts.repair(sweep)
        assert counts.counted(NOW_MS).chat.online == expected
