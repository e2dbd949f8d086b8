"""The messages of a channel, read a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import msgspec

from functions.chat import channel_store
from functions.chat.channel_store import ByThread, Message, Participant
from functions.chat.events import NewMessage
from shared import times

MOST_UNREAD = 100
"""More are shown as this many: counting them all would read them all."""


def messages(
    room: str, limit: int, *, before: str | None = None, reply_to: str | None = None
) -> list[Message]:
    """At most ``limit``, newest first, older than ``before``; of a thread where ``reply_to``. A
    thread is read through an index, which may be some milliseconds behind."""
    if reply_to is not None:
        older: Any = None if before is None else ByThread.message_id < before
        thread = channel_store.thread_of(room, reply_to)
        rows = Message.by_thread.query(thread, older, scan_index_forward=False, limit=limit)
        return list(islice(rows, limit))
    older = None if before is None else Message.message_id < before
    return list(
        Message.query(room, older, scan_index_forward=False, limit=limit, consistent_read=True)
    )


def shown(message: Message) -> NewMessage:
    """A message as it was delivered."""
    return NewMessage(
        id=message.message_id,
        channel_id=channel_store.channel_id_of(message.form),
        user_id=message.user_id,
        user_display_name=message.user_name,
        message=message.text,
        message_type=message.type,
        reply_to_id=message.reply_to,
        timestamp=times.iso(message.sent_at),
    )


def with_readers(people: Sequence[Participant], message: Message) -> dict[str, Any]:
    """A message as it was delivered, and how many others have read it."""
    read_by = sum(
        1
        for reader in people
        if (reader.read_up_to or "") >= message.message_id and reader.person_id != message.user_id
    )
    found: dict[str, Any] = msgspec.to_builtins(shown(message))
    return found | {"readBy": read_by}


def unread(room: str, person_id: str, people: Sequence[Participant]) -> int:
    """How many messages of others somebody has not read, ``MOST_UNREAD`` at most."""
    read_up_to = next((one.read_up_to for one in people if one.person_id == person_id), None)
    newer: Any = None if read_up_to is None else Message.message_id > read_up_to
    found = Message.query(room, newer, scan_index_forward=False, limit=MOST_UNREAD)
    return sum(1 for message in found if message.user_id != person_id)
