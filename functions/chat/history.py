"""The messages of a channel, sorted by arrival, and reading them a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from functions.chat import channel_rows
from functions.chat.channel_rows import Participant
from functions.chat.events import ChannelId, NewMessage, SentType
from functions.chat.namespaces import CHAT
from functions.chat.product import ROOM_FIELD
from shared import times
from shared.aws.tables import TableName, WrittenOnce
from shared.ids import compose
from shared.ports import Broadcast

MOST_UNREAD = 100
"""The highest number of unread messages that is shown: counting all of them would read all."""


class ByThread(GlobalSecondaryIndex["Message"]):
    """The replies to a message, sorted by arrival."""

    class Meta:
        index_name = "thread"
        projection = AllProjection()

    thread = UnicodeAttribute(hash_key=True)
    message_id = UnicodeAttribute(range_key=True, attr_name="messageId")


class Message(WrittenOnce):
    """A message in a channel.

    channel: the channel's room.
    message_id: begins with the time of arrival, so that messages are sorted by arrival.
    form: the channel's id as the sender wrote it, in JSON.
    reply_to: the id of the message that this one replies to.
    thread: ``thread_of`` the channel and that message; absent unless the message is a reply.
    sent_at: when the frame arrived, epoch milliseconds.
    """

    class Meta:
        table_name = TableName("messages")

    channel = UnicodeAttribute(hash_key=True)
    message_id = UnicodeAttribute(range_key=True, attr_name="messageId")
    form = UnicodeAttribute()
    user_id = UnicodeAttribute(attr_name="userId")
    user_name = UnicodeAttribute(attr_name="userName")
    text = UnicodeAttribute()
    type = UnicodeAttribute()
    reply_to = UnicodeAttribute(attr_name="replyTo", null=True)
    thread = UnicodeAttribute(null=True)
    sent_at = NumberAttribute(attr_name="sentAt")

    by_thread = ByThread()


class ReadMessage(msgspec.Struct, frozen=True, rename="camel"):
    """A message as it was delivered. ``readBy``: how many others have read it."""

    id: str
    channel_id: ChannelId
    user_id: str
    user_display_name: str
    message: str
    message_type: SentType
    reply_to_id: str | None
    timestamp: str
    read_by: int


def messages(
    room: str, limit: int, *, before: str | None = None, reply_to: str | None = None
) -> list[Message]:
    """Return at most ``limit`` messages of a channel, newest first.

    before: only messages older than the one with this id.
    reply_to: only replies to the message with this id. They are read through an index, which may
        be some milliseconds behind.
    """
    if reply_to is not None:
        older: Any = None if before is None else ByThread.message_id < before
        thread = thread_of(room, reply_to)
        rows = Message.by_thread.query(thread, older, scan_index_forward=False, limit=limit)
        return list(islice(rows, limit))
    older = None if before is None else Message.message_id < before
    return list(
        Message.query(room, older, scan_index_forward=False, limit=limit, consistent_read=True)
    )


def event_of(message: Message) -> NewMessage:
    """Return the event with which a message is delivered."""
    return NewMessage(
        id=message.message_id,
        channel_id=channel_rows.channel_id_of(message.form),
        user_id=message.user_id,
        user_display_name=message.user_name,
        message=message.text,
        message_type=message.type,
        reply_to_id=message.reply_to,
        timestamp=times.iso(message.sent_at),
    )


def delivery_of(message: Message) -> Broadcast:
    """Return the broadcast with which a message is delivered. It is the same each time."""
    room = message.channel
    return event_of(message).to_room(
        CHAT.path, room, group=room, once=message.message_id, own_form=ROOM_FIELD
    )


def with_readers(people: Sequence[Participant], message: Message) -> ReadMessage:
    """Return a message as it was delivered, and how many others have read it.

    people: the participants of the channel.
    """
    read_by = sum(
        1
        for reader in people
        if (reader.read_up_to or "") >= message.message_id and reader.person_id != message.user_id
    )
    return ReadMessage(**msgspec.structs.asdict(event_of(message)), read_by=read_by)


def read_up_to(people: Sequence[Participant], person_id: str) -> str | None:
    """Return the id of the last message that a person has read, or None.

    people: the participants of the channel.
    """
    return next((one.read_up_to for one in people if one.person_id == person_id), None)


def unread(room: str, person_id: str, read_up_to: str | None) -> int:
    """Return how many messages of other people a person has not read, ``MOST_UNREAD`` at most.

    read_up_to: the id of the last message that the person has read, or None.
    """
    newer: Any = None if read_up_to is None else Message.message_id > read_up_to
    rows = Message.query(room, newer, scan_index_forward=False, limit=MOST_UNREAD)
    return sum(1 for message in rows if message.user_id != person_id)


def thread_of(room: str, message_id: str) -> str:
    """Return the key under which the index has the replies to a message."""
    return compose(message_id, room)


def has_message(room: str, message_id: str) -> bool:
    """Return whether a channel has a message, strongly consistent."""
    try:
        Message.get(room, message_id, consistent_read=True, attributes_to_get=["messageId"])
    except Message.DoesNotExist:
        return False
    return True
