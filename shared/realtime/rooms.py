"""The connections in each room, for sending to many.

A room belongs to its namespace. Its key is composed of the namespace and the room's name. The room
of all sessions of a namespace has the namespace alone as its key.

The room of all sessions may have any number of members. So their rows are spread over partitions,
each of which takes 1,000 writes and returns 12 MB a second; a broadcast makes a query for each
partition. Any other room, for example a channel, or the connections that monitor, is one partition
and one query.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
"""

from __future__ import annotations

import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action

from shared.aws import bulk_queries
from shared.aws.bulk_queries import Query
from shared.aws.tables import Table, TableName
from shared.ids import SEPARATOR, compose
from shared.ports import Broadcast
from shared.realtime.address import Address, Wire, frame
from shared.realtime.arguments import Arguments
from shared.settings import settings

PAGE = 1_000
"""How many rows a query returns at a time, which limits the memory that a large room takes."""

MOST_BYTES = 1_024
"""The longest name of a room, in bytes. DynamoDB allows keys of twice the length."""


class Member(Table):
    """A connection in a room.

    room: the key of a partition of the room.
    connection_id: the connection.
    wire: the wire format of the session's address.
    sid: the session that has joined, in rooms that are joined with ``context.join``.
    person_id: the person of the session, or None.
    form: how this member receives the field of ``Broadcast.own_form``, as JSON.
    joined_ms: when the session asked to join, epoch ms, by the clock of ``Arrival.ms``.
    asked_ms: when it asked once more, being in the room already, and did so last.
    expires_at: when the connection ends at the latest, epoch seconds.
    """

    class Meta:
        table_name = TableName("rooms")

    room = UnicodeAttribute(hash_key=True)
    connection_id = UnicodeAttribute(range_key=True, attr_name="connectionId")
    wire = UnicodeAttribute()
    sid = UnicodeAttribute(null=True)
    person_id = UnicodeAttribute(attr_name="personId", null=True)
    form = UnicodeAttribute(null=True)
    joined_ms = NumberAttribute(attr_name="joinedMs", null=True)
    asked_ms = NumberAttribute(attr_name="askedMs", null=True)
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

        room: the room's key, without the number of a partition.
        sid: the session that joins, if the connection's row lists the room with this session.

        The other arguments are the fields of the row.
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
    """Return the key of a room, or with an empty name of the room of all sessions of the namespace.

    Raises ``ValueError`` if the name is too long.
    """
    if len(room.encode()) > MOST_BYTES:
        raise ValueError(f"The name of a room has {MOST_BYTES} bytes at most: {room[:40]}…")
    return compose(namespace, room) if room else namespace


def shards(room: str) -> list[str]:
    """Return the keys of the partitions of the room with this key."""
    return [compose(str(number), room) for number in range(_count(room))]


def shard(room: str, connection_id: str) -> str:
    """Return the key of the partition that holds a connection's row."""
    return compose(str(zlib.crc32(connection_id.encode()) % _count(room)), room)


def _count(room: str) -> int:
    return 1 if SEPARATOR in room else settings().room_shards


def remove(room: str, connection_id: str, kept_until: int | None = None) -> None:
    """Remove a connection from a room. Idempotent.

    kept_until: until when the connection's session can be recovered, epoch seconds. Until then it
        is marked as away instead.
    """
    if kept_until is not None:
        mark_away(room, connection_id, kept_until)
    else:
        Member(shard(room, connection_id), connection_id).delete()


def mark_away(room: str, connection_id: str, until: int | None = None) -> Member | None:
    """Mark a member's session as away: events to the room are logged for it. Idempotent.

    Returns the member's row. Returns None if there is none.

    until: when the session can no longer be recovered, epoch seconds; None for no change.
    """
    row = Member(shard(room, connection_id), connection_id)
    return row if row.update_if(away(until), Member.wire.exists()) else None


def away(until: int | None = None) -> list[Action]:
    """Return what changes in the row of a member whose session is away, as in ``mark_away``."""
    actions: list[Action] = [Member.wire.set(Wire.AWAY.value)]
    if until is not None:
        actions.append(Member.expires_at.set(until))
    return actions


class Occupant(msgspec.Struct, frozen=True):
    """A member of a room as an event to the room needs it. The fields are those of ``Member``."""

    connection_id: str
    wire: str
    person_id: str | None = None
    form: str | None = None
    joined_ms: int | None = None


def members(keys: Sequence[str], *, page: int = PAGE) -> list[Iterator[Occupant]]:
    """Return the members in each of these partitions, without those whose time is over.

    Reads the first pages of all partitions at the same time, and each further page when it is
    needed.

    page: how many rows are read at a time.
    """
    queries = [_query(key, Limit=page) for key in keys]
    return [
        _occupants(query, first)
        for query, first in zip(queries, bulk_queries.pages(queries, _Page), strict=True)
    ]


def all_members(room: str) -> Iterator[Occupant]:
    """Yield the members of the room with this key."""
    return chain.from_iterable(members(shards(room)))


def some_members(room: str, connection_ids: Sequence[str]) -> Iterator[Occupant]:
    """Yield the members of the room with this key that have one of these connections."""
    queries = [_query(shard(room, one), one) for one in connection_ids]
    for page in bulk_queries.pages(queries, _Page):
        yield from map(_occupant, page.items)


def _query(key: str, connection_id: str | None = None, **more: Any) -> Query:
    """Return the query of a partition, or of one connection in it, read strongly consistently."""
    values = {":room": {"S": key}, ":now": {"N": str(int(time.time()))}}
    condition = "room = :room"
    if connection_id is not None:
        values[":connection"] = {"S": connection_id}
        condition += " AND connectionId = :connection"
    return {
        "TableName": Member.Meta.table_name,
        "KeyConditionExpression": condition,
        "FilterExpression": "expiresAt > :now",
        "ProjectionExpression": ", ".join(_Row.__struct_encode_fields__),
        "ExpressionAttributeValues": values,
        "ConsistentRead": True,
        **more,
    }


class _Row(msgspec.Struct, rename="camel"):
    """The row of a member in the form in which DynamoDB answers, as much as is asked for."""

    connection_id: _Text
    wire: _Text
    person_id: _Text | None = None
    form: _Text | None = None
    joined_ms: _Number | None = None


class _Text(msgspec.Struct):
    value: str = msgspec.field(name="S")


class _Number(msgspec.Struct):
    value: str = msgspec.field(name="N")


class _Page(msgspec.Struct):
    """A page of a partition. last: the key after which the next page begins, if there is one."""

    items: list[_Row] = msgspec.field(name="Items")
    last: Any = msgspec.field(name="LastEvaluatedKey", default=None)


def _occupants(query: Query, page: _Page) -> Iterator[Occupant]:
    """Yield the members on a page and on those after it, each read when it is needed."""
    yield from map(_occupant, page.items)
    while page.last:
        (page,) = bulk_queries.pages([query | {"ExclusiveStartKey": page.last}], _Page)
        yield from map(_occupant, page.items)


def _occupant(row: _Row) -> Occupant:
    return Occupant(
        row.connection_id.value,
        row.wire.value,
        row.person_id.value if row.person_id else None,
        row.form.value if row.form else None,
        int(row.joined_ms.value) if row.joined_ms else None,
    )


def connections_by_person(room: str) -> Counter[str]:
    """Return how many connections each person in a room has there, by the person's id."""
    return Counter(
        member.person_id
        for member in all_members(room)
        if member.person_id and member.wire != Wire.AWAY
    )


def people(room: str) -> Iterator[str]:
    """Yield the ids of the persons in a room, each once.

    The ids that have been yielded are kept in memory, about 150 bytes for each person.
    """
    seen: set[str] = set()
    for member in all_members(room):
        person_id = member.person_id
        if person_id is not None and person_id not in seen and member.wire != Wire.AWAY:
            seen.add(person_id)
            yield person_id


def frame_of(message: Broadcast, wire: str, form: str | None, offset: str = "") -> str:
    """Return the frame of a broadcast in a wire format.

    form: the JSON that the field ``message.own_form`` has for this member, or None.
    offset: the event's offset, for sessions with recovery.
    """
    payload = message.payload
    if message.own_form and form is not None:
        payload = {**payload, message.own_form: msgspec.json.decode(form)}
    if message.several:
        payload = Arguments(payload)
    format_ = Wire(wire)
    recovers = format_ in (Wire.RECOVERY, Wire.AWAY)
    address = Address(message.namespace, format_, "")
    return frame(address, message.event, payload, offset if recovers else "")
