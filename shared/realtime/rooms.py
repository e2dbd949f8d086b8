"""Room → connections, for sending to many.

Everybody in a namespace may be any number, so their rows are spread over partitions, each of which
takes 1,000 writes and hands out 12 MB a second; a broadcast is a query for each. Any other room, a
channel or those who monitor, is one partition and one query.
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


class Member(Table):
    class Meta:
        table_name = TableName("rooms")

    room = UnicodeAttribute(hash_key=True)
    connection_id = UnicodeAttribute(range_key=True, attr_name="connectionId")
    wire = UnicodeAttribute()
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
        form: str | None = None,
        joined_ms: int | None = None,
    ) -> Member:
        """``form``: how this member writes what the room is about, as JSON. ``joined_ms``: when it
        last asked to join, by the clock of arrivals."""
        return cls(
            shard(room, address.connection_id),
            address.connection_id,
            wire=address.wire.value,
            person_id=person_id,
            form=form,
            joined_ms=joined_ms,
            expires_at=expires_at,
        )


def shards(room: str) -> list[str]:
    """The keys of a room's partitions."""
    return [f"{room}#{number}" for number in range(_count(room))]


def shard(room: str, connection_id: str) -> str:
    """The one that a connection's row is in."""
    return f"{room}#{zlib.crc32(connection_id.encode()) % _count(room)}"


def _count(room: str) -> int:
    return settings().room_shards if room.startswith("/") and " " not in room else 1


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
