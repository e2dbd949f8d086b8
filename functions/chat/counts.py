"""The numbers of chat that admins see: who is online, and the messages and calls of the day.

``stream`` adds each change once. The sweep corrects the number of people online
(``shared.aws.numbers``).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from functions.chat import call_rows
from functions.chat.namespaces import CHAT
from functions.chat.presence import STATUS_ITEM
from functions.chat.product import chat
from shared.aws import numbers, streams
from shared.aws.numbers import Change
from shared.aws.streams import Row
from shared.pipeline import recount
from shared.pipeline.deployment import Access
from shared.pipeline.sweep import Sweep
from shared.realtime import rooms

LIVE = "chat"
ONLINE, MESSAGES, CALLS = "online", "messages", "calls"


class ChatNumbers(msgspec.Struct, frozen=True, rename="camel"):
    """``online``: how many people are in chat. ``messagesToday``, ``callsToday``: how many messages
    have been sent and how many calls have begun today (UTC)."""

    online: int
    messages_today: int
    calls_today: int


class Counted(msgspec.Struct, frozen=True, rename="camel"):
    """A part of ``GET /admin/stats``."""

    chat: ChatNumbers


@chat.counters(access=Access({"counts": "GetItem"}))
def counted(now_ms: int) -> Counted:
    """Return the numbers as a part of what admins see."""
    live, today = numbers.read_with_day(LIVE, now_ms)
    return Counted(
        ChatNumbers(
            online=live.get(ONLINE, 0),
            messages_today=today.get(MESSAGES, 0),
            calls_today=today.get(CALLS, 0),
        )
    )


def add(records: Sequence[dict[str, Any]]) -> None:
    """Add what the records of a stream come to. Idempotent for each record."""
    numbers.add(LIVE, [(streams.mark(record), change_of(record)) for record in records])


def change_of(record: dict[str, Any]) -> Change:
    """Return what a record of a stream of chat adds."""
    before, after = streams.images(record)
    if streams.table(record) == "messages":
        return Change({}, {MESSAGES: int(before is None)})
    row = after or before or {}
    if row["item"]["S"] == STATUS_ITEM:
        return Change({ONLINE: _is_online(after) - _is_online(before)}, {})
    begins = before is None and row["topic"]["S"] == call_rows.LIST
    return Change({}, {CALLS: int(begins)})


def _is_online(row: Row) -> bool:
    return row is not None and "goneAt" not in row


@chat.on_sweep(access=Access({"counts": "GetItem UpdateItem", "rooms": "Query"}))
def repair(sweep: Sweep) -> None:
    """Count the people in chat and correct their number, if the last count is long enough ago."""
    recount.correct(sweep, LIVE, partial(_measure, sweep))


def _measure(sweep: Sweep) -> dict[str, int]:
    return {ONLINE: sum(1 for _ in recount.in_time(sweep, rooms.people(CHAT.path)))}
