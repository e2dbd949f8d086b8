"""Room → connections, for sending to many. Shards keep a room of any size within a partition's
throughput: a broadcast is one query per shard."""

from __future__ import annotations

import time
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import partial

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from shared.parallel import together
from shared.realtime.address import Address, Wire
from shared.settings import settings
from shared.tables import Table, TableName


class Member(Table):
    class Meta:
        table_name = TableName("rooms_table")

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
        asked to join, by the clock of arrivals."""
        return cls(
            shard(room, address.connection_id),
            address.connection_id,
            wire=address.wire.value,
            person_id=person_id,
            form=form,
            joined_ms=joined_ms,
            expires_at=expires_at,
        )


def shard(room: str, connection_id: str) -> str:
    return f"{room}#{zlib.crc32(connection_id.encode()) % settings().room_shards}"


def remove(room: str, connection_id: str) -> None:
    Member(shard(room, connection_id), connection_id).delete()


def members(room: str, namespace: str, skip_person: str | None = None) -> Iterator[Address]:
    """Everybody in a room but ``skip_person``, shard by shard; a row whose time is over counts as
    gone."""
    for address, _form in members_with_forms(room, namespace, skip_person):
        yield address


def members_with_forms(
    room: str, namespace: str, skip_person: str | None = None, by_ms: int | None = None
) -> Iterator[tuple[Address, str | None]]:
    """The same, each with its own form of what the room is about, where it has one; without those
    who joined later than ``by_ms``."""
    for member in _rows(room):
        late = by_ms is not None and (member.joined_ms or 0) > by_ms
        if not late and (skip_person is None or member.person_id != skip_person):
            yield Address(namespace, Wire(member.wire), member.connection_id), member.form


def connections_by_person(room: str) -> Counter[str]:
    """How many connections each person in a room has in it."""
    return Counter(member.person_id for member in _rows(room) if member.person_id)


def people(room: str) -> Iterator[str]:
    """The ids of the people in a room, each once: what has been seen is kept, about 150 bytes a
    person."""
    seen: set[str | None] = {None}
    for member in _rows(room):
        if member.person_id not in seen:
            seen.add(member.person_id)
            yield member.person_id


def _rows(room: str) -> Iterator[Member]:
    """The first page of every shard at once, which is all there is of most rooms."""
    in_time = Member.expires_at > int(time.time())
    shards = [
        Member.query(f"{room}#{number}", filter_condition=in_time, consistent_read=True)
        for number in range(settings().room_shards)
    ]
    begun = together([partial(next, shard, None) for shard in shards])
    for first, shard in zip(begun, shards, strict=True):
        if first is not None:
            yield first
            yield from shard
