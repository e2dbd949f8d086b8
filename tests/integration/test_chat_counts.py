"""The numbers of chat that admins see, from the streams of chat."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from functions.chat import counts
from functions.chat.counts import ChatNumbers
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
