"""Room → connections, for sending to many.

A room belongs to its namespace: its key is ``<namespace> <room>``, and that of all sessions of a
namespace is the namespace alone, which contains no space.

All sessions of a namespace may be any number, so their rows are spread over partitions, each of
which takes 1,000 writes and hands out 12 MB a second; a broadcast is a query for each. Any other
room, a channel or the connections that monitor, is one partition and one query.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
"""

from __future__ import annotations

import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any

from pynamodb.attributes import Attribute, NumberAttribute, UnicodeAttribute

from shared.aws.parallel import together
from shared.aws.tables import Table, TableName
from shared.realtime.address import Address
from shared.settings import settings

PAGE = 1_000
"""Rows that a query hands over at once: what is in memory, however many there are."""

MOST_BYTES = 1_024
"""The longest name of a room; DynamoDB takes keys of twice the length."""


class Member(Table):
    """A connection in a room. ``sid``: the session that joined, in rooms that products join with
    ``context.join``."""

    class Meta:
        table_name = TableName("rooms")

    room = UnicodeAttribute(hash_key=True)
    connection_id = UnicodeAttribute(range_key=True, attr_name="connectionId")
    wire = UnicodeAttribute()
    sid = UnicodeAttribute(null=True)
    person_id = UnicodeAttribute(attr_name="personId", null=True)
    form = UnicodeAttribute(null=True)
    joined_ms = NumberAttribute(attr_name="joinedMs", null=True)
    expires_at = NumberAttribute(attr_name="expiresAt")

    @classmethod
    def of(
        cls,
        room: str,
        address: Address,
        expires_at: int,
        person_id: str | None = None,
        *,
        sid: str | None = None,
        form: str | None = None,
        joined_ms: int | None = None,
    ) -> Member:
        """Make the row of a member.

        room: the room's key.
        sid: the session that joins, if the connection's row lists the room with it.
        form: how this member writes what the room is about, as JSON.
        joined_ms: when it last asked to join, by the clock of arrivals.
        """
        return cls(
            shard(room, address.connection_id),
            address.connection_id,
            wire=address.wire.value,
            sid=sid,
            person_id=person_id,
            form=form,
            joined_ms=joined_ms,
            expires_at=expires_at,
        )


def key(namespace: str, room: str = "") -> str:
    """Return the key of a room of a namespace, or of all its sessions.

    Raises ``ValueError`` if the name is too long.
    """
    if len(room.encode()) > MOST_BYTES:
        raise ValueError(f"The name of a room has {MOST_BYTES} bytes at most: {room[:40]}…")
    return f"{namespace} {room}" if room else namespace


def shards(room: str) -> list[str]:
    """Return the keys of the partitions of the room with this key."""
    return [f"{room}#{number}" for number in range(_count(room))]


def shard(room: str, connection_id: str) -> str:
    """Return the partition that a connection's row is in."""
    return f"{room}#{zlib.crc32(connection_id.encode()) % _count(room)}"


def _count(room: str) -> int:
    return 1 if " " in room else settings().room_shards


def remove(room: str, connection_id: str) -> None:
    Member(shard(room, connection_id), connection_id).delete()


def members(key: str, *, page: int = PAGE, only: Sequence[Attribute[Any]] = ()) -> Iterator[Member]:
    """Everybody in one shard; a row whose time is over counts as gone. ``only``: what of the rows
    is wanted, where it is not all: what a row holds takes longer to read than to look up."""
    in_time = Member.expires_at > int(time.time())
    return Member.query(
        key,
        filter_condition=in_time,
        consistent_read=True,
        page_size=page,
        attributes_to_get=[attribute.attr_name for attribute in only] or None,
    )


def connections_by_person(room: str) -> Counter[str]:
    """How many connections each person in a room has in it."""
    everybody = _everybody(room, Member.person_id)
    return Counter(member.person_id for member in everybody if member.person_id)


def people(room: str) -> Iterator[str]:
    """The ids of the people in a room, each once: what has been seen is kept, about 150 bytes a
    person."""
    seen: set[str | None] = {None}
    for member in _everybody(room, Member.person_id):
        if member.person_id not in seen:
            seen.add(member.person_id)
            yield member.person_id


def _everybody(room: str, *only: Attribute[Any]) -> Iterator[Member]:
    """The first page of every shard at once, which is all there is of most rooms."""
    queries = [members(key, only=only) for key in shards(room)]
    begun = together([partial(next, query, None) for query in queries])
    for first, query in zip(begun, queries, strict=True):
        if first is not None:
            yield from chain([first], query)
