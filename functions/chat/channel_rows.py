"""The rows of channels and of the people in them.

The chat table keeps the items of a topic together. The topic of a channel has one row for the
channel and one for each person who is or was in it. The topic of a person has their status.
"""

from __future__ import annotations

from typing import Any

import msgspec
from pynamodb.attributes import (
    BooleanAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)

from functions.chat.events import ChannelId
from shared.aws.retry import attempts, until_restored
from shared.aws.tables import Table, TableName
from shared.errors import Refusal
from shared.ids import compose
from shared.pipeline.context import Context

ROOM = compose("channel", "")
"""The prefix of a channel's topic, which is also the name of its room."""

CHANNEL_ITEM = "about"
PERSON = compose("person", "")
"""The range key of a channel's own row, and the prefix of those of its people."""

UNKNOWN_CHANNEL = "Channel not found"
NOT_JOINED = "Join the channel first"


class Channel(Table):
    """A channel as the team's backend has reported it.

    private: whether only ``members`` may join; otherwise ``members`` has no meaning.
    members: ids of people.
    changed_at: when the backend says that the channel became so, epoch milliseconds.
    created_at: the ``changed_at`` of the first report that was stored.
    report: identifies the report.
    overtaken: the earlier reports of the same second. They may be delivered again.
    """

    class Meta:
        table_name = TableName("chat")

    topic = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    name = UnicodeAttribute()
    description = UnicodeAttribute(null=True)
    private = BooleanAttribute(default=False)
    members = UnicodeSetAttribute(null=True)
    changed_at = NumberAttribute(attr_name="changedAt")
    created_at = NumberAttribute(attr_name="createdAt", null=True)
    report = UnicodeAttribute(null=True)
    overtaken: Any = UnicodeSetAttribute(null=True)

    def lets_in(self, person_id: str) -> bool:
        """Return whether a person may join."""
        return not self.private or person_id in (self.members or ())


class Participant(Table):
    """A person who is or was in a channel. Times are epoch milliseconds.

    tabs: the person's connections that have joined the channel, as ``Address.member``.
    read_up_to: the id of a message; the person has read this message and all older ones.
    announced: the broadcast that announces the last change, as JSON. ``stream`` sends it.
    """

    class Meta:
        table_name = TableName("chat")

    topic = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    tabs: Any = UnicodeSetAttribute(null=True)
    read_up_to = UnicodeAttribute(attr_name="readUpTo", null=True)
    announced = UnicodeAttribute(null=True)

    @property
    def person_id(self) -> str:
        """The id of the person."""
        return self.item.removeprefix(PERSON)


def room_of(channel_id: ChannelId) -> str:
    """Return the room of a channel. ``1``, ``1.0`` and ``"1"`` are the same channel."""
    if isinstance(channel_id, float) and channel_id.is_integer():
        channel_id = int(channel_id)
    return f"{ROOM}{channel_id}"


def channel_id_of(form: str) -> ChannelId:
    """Return the channel's id as a client wrote it."""
    channel_id: ChannelId = msgspec.json.decode(form)
    return channel_id


def channel(room: str) -> Channel | None:
    """Return the channel, strongly consistent. Returns None if it does not exist."""
    try:
        return Channel.get(room, CHANNEL_ITEM, consistent_read=True)
    except Channel.DoesNotExist:
        return None


def lets_in(room: str, person_id: str) -> bool:
    """Return whether a person may be in a channel."""
    row = channel(room)
    return row is not None and row.lets_in(person_id)


def participant(room: str, person_id: str) -> Participant:
    """Return the row, strongly consistent. Returns an empty one if the person was never there."""
    try:
        return Participant.get(room, PERSON + person_id, consistent_read=True)
    except Participant.DoesNotExist:
        return Participant(room, PERSON + person_id)


def participants(room: str) -> list[Participant]:
    """Return the rows of all people who are or were in a channel, strongly consistent."""
    return list(Participant.query(room, Participant.item.startswith(PERSON), consistent_read=True))


def comes_back(context: Context, room: str) -> bool:
    """Return whether this tab has lost its connection, and its place in the channel has not been
    moved to the new one yet."""
    return context.session.restoring and room in (context.connection.rooms or ())


def require_participant(context: Context, room: str) -> Participant:
    """Return the row of the user, who has joined the channel with any tab.

    Raises ``Refusal`` if the user has no tab there. The frames of one connection run in any order,
    so this waits a moment for a join that was sent just before, and for a tab that comes back.
    """
    for _ in until_restored() if comes_back(context, room) else attempts():
        row = participant(room, context.session.person_id)
        if row.tabs:
            return row
    raise Refusal(NOT_JOINED)
