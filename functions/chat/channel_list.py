"""The lists of channels: one of the public channels, and one of each person's private channels.

A row of a list is written when the team's backend reports the channel, and never for a message. A
row may be out of date, because the channel has become private or has lost a member. So its reader
looks at the channel's own row, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import islice

from pynamodb.attributes import UnicodeAttribute

from functions.chat.channel_rows import CHANNEL_ITEM, PERSON, Channel, Participant
from functions.chat.events import ChannelId
from shared.aws.parallel import both, together
from shared.aws.tables import Table, TableName
from shared.protocol import json

PUBLIC = "channels"
OF_PERSON = "channels#"
"""The topic of the list of public channels, and the prefix of those of the lists of persons."""


class ListRow(Table):
    """A channel in a list.

    item: when the channel was created, epoch milliseconds, and its room: the greatest is the
        newest.
    form: the channel's id as the backend wrote it, in JSON.
    """

    class Meta:
        table_name = TableName("chat")

    topic = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    form = UnicodeAttribute()

    @property
    def room(self) -> str:
        """The channel's room."""
        return self.item.partition(" ")[2]


def add(channel: Channel, channel_id: ChannelId) -> None:
    """Put a channel into the lists of those who may see it. Idempotent."""
    item = f"{int(channel.created_at or 0):013d} {channel.topic}"
    readers = [f"{OF_PERSON}{person_id}" for person_id in channel.members or ()]
    form = json.dumps(channel_id)
    rows = [ListRow(topic, item, form=form) for topic in (readers if channel.private else [PUBLIC])]
    writes = [row.save for row in rows]
    together([*writes, ListRow(PUBLIC, item).delete] if channel.private else writes)


def of_person(person_id: str, limit: int, before: str | None) -> list[ListRow]:
    """Return the public channels and the private channels of a person, newest first.

    limit: the most rows to return.
    before: the ``item`` of a row; only older channels are returned. With None, all are.
    """
    older = None if before is None else ListRow.item < before

    def read(topic: str) -> list[ListRow]:
        rows = ListRow.query(topic, older, scan_index_forward=False, limit=limit)
        return list(islice(rows, limit))

    lists = both(partial(read, PUBLIC), partial(read, f"{OF_PERSON}{person_id}"))
    rows = {row.item: row for one in lists for row in one}
    return [rows[item] for item in sorted(rows, reverse=True)][:limit]


def channels(rooms: Sequence[str]) -> dict[str, Channel]:
    """Return the channels that exist, by room."""
    rows = Channel.batch_get([(room, CHANNEL_ITEM) for room in rooms])
    return {row.topic: row for row in rows}


def read_up_to(rooms: Sequence[str], person_id: str) -> dict[str, str]:
    """Return the last message that a person has read, by room, where they have read any."""
    rows = Participant.batch_get([(room, PERSON + person_id) for room in rooms])
    return {row.topic: row.read_up_to for row in rows if row.read_up_to}
