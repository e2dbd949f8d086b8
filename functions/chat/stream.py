"""Follows the streams of chat, and announces what has been written.

A change of a person in a channel, or of a person's status, is announced here only. So people
receive these changes in the order in which they were written, whatever happens to the functions
that wrote them. A message is announced by its handler too, which is quicker. Here it is announced
again under the same id, in case that the handler has died before. SQS accepts an id once in five
minutes, so clients receive it once.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec

from functions.chat import counts, history, presence, pushes
from functions.chat.history import Message
from functions.chat.presence import STATUS_ITEM, Status
from shared.aws import streams
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, entry
from shared.aws.streams import Row
from shared.ports import Broadcast

MESSAGES = "messages"
"""The table of messages, as the product declares it. The other one is that of channels and people.
"""


@entry
def handler(event: Event) -> None:
    """Announce a batch of changes of one table, and count them.

    If this raises, Lambda delivers the changes again, and they have the same ids again.
    """
    now_ms = ports().clock.now_ms()
    found = partial(broadcasts, now_ms=now_ms)
    streams.announce(event["Records"], found, ports().tasks.broadcast)
    pushes.follow(event["Records"])
    counts.add(event["Records"])


def broadcasts(record: dict[str, Any], now_ms: int) -> Iterator[Broadcast]:
    """Yield what a change announces."""
    before, after = streams.images(record)
    if after is None:
        return
    if streams.table(record) == MESSAGES:
        yield history.delivery_of(Message.from_raw_data(dict(after)))
    elif after["item"]["S"] == STATUS_ITEM:
        row = Status.from_raw_data(dict(after))
        reason = presence.announced_change(_status(before), row)
        if reason:
            yield from presence.announcements(row, reason, once=record["eventID"], now_ms=now_ms)
    elif _announced(after) and _announced(before) != _announced(after):
        yield msgspec.json.decode(_announced(after), type=Broadcast)


def _status(row: Row) -> Status | None:
    return None if row is None else Status.from_raw_data(dict(row))


def _announced(row: Row) -> str:
    """Return the broadcast of a participant's row, as JSON, or an empty text."""
    text: str = (row or {}).get("announced", {}).get("S", "")
    return text
