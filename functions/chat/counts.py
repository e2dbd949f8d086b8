"""The numbers of chat that admins see: who is online, and the messages and calls of the day.

``stream`` adds each change once, also if its batch is split or repeated
(``shared.aws.streams.apply_once``). Nothing corrects the number of people online from their rows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from functions.chat import call_rows
from functions.chat.presence import STATUS_ITEM
from functions.chat.product import chat
from shared import times
from shared.aws import numbers, streams
from shared.aws.numbers import Numbers
from shared.aws.parallel import both
from shared.aws.streams import Mark, Row, apply_once
from shared.aws.tables import Transaction
from shared.ids import compose
from shared.pipeline.deployment import Access

LIVE = "chat"
ONLINE, MESSAGES, CALLS = "online", "messages", "calls"
_DAY_KEPT_SECONDS = 90 * 86_400


class ChatNumbers(msgspec.Struct, frozen=True, rename="camel"):
    """``online``: how many people are in chat. ``messagesToday``, ``callsToday``: how many messages
    have been sent and how many calls have begun today (UTC)."""

    online: int
    messages_today: int
    calls_today: int


class Counted(msgspec.Struct, frozen=True, rename="camel"):
    """A part of ``GET /admin/stats``."""

    chat: ChatNumbers


class Change(NamedTuple):
    """What a change of a row adds to the people online, and to the numbers of its day."""

    online: int = 0
    today: str = ""


@chat.counters(access=Access({"counts": "GetItem"}))
def counted(now_ms: int) -> Counted:
    """Return the numbers as a part of what admins see."""
    live, today = both(lambda: numbers.read(LIVE), lambda: numbers.read(_day(now_ms)))
    return Counted(
        ChatNumbers(
            online=live.get(ONLINE, 0),
            messages_today=today.get(MESSAGES, 0),
            calls_today=today.get(CALLS, 0),
        )
    )


def add(records: Sequence[dict[str, Any]]) -> None:
    """Add what the records of a stream come to. Idempotent for each record."""
    changes = [(streams.mark(record), change_of(record)) for record in records]
    apply_once(LIVE, [one for one in changes if any(one[1])], _add_items)


def change_of(record: dict[str, Any]) -> Change:
    """Return what a record of a stream of chat adds."""
    before, after = streams.images(record)
    if streams.table(record) == "messages":
        return Change(today=MESSAGES) if before is None else Change()
    row = after or before or {}
    if row["item"]["S"] == STATUS_ITEM:
        return Change(online=_is_online(after) - _is_online(before))
    begins = before is None and row["topic"]["S"] == call_rows.LIST
    return Change(today=CALLS) if begins else Change()


def _is_online(row: Row) -> bool:
    return row is not None and "goneAt" not in row


def _add_items(transaction: Transaction, changes: list[tuple[Mark, Change]]) -> None:
    online = sum(change.online for _, change in changes)
    days: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for mark, change in changes:
        if change.today:
            days[_day(mark.second * 1000)][change.today] += 1
    if online:
        transaction.update(LIVE, Numbers(LIVE), actions=numbers.additions({ONLINE: online}))
    expires_at = Numbers.expires_at.set(changes[-1][0].second + _DAY_KEPT_SECONDS)
    for day, sums in days.items():
        transaction.update(day, Numbers(day), actions=[*numbers.additions(sums), expires_at])


def _day(now_ms: int) -> str:
    """Return the name of the row of a UTC day."""
    return compose(LIVE, times.day(now_ms))
