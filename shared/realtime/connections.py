"""One row per WebSocket connection, from ``$connect`` to the end of its departure.

The row is the truth about a connection: a session exists when it is in the row, and nothing can
be added to a row that is leaving. ``$disconnect`` may come late, twice or never, so every row is
due at some time: the sweep then finds out whether anybody is still there.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec
from pynamodb.attributes import (
    BooleanAttribute,
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from shared.aws.tables import Table, TableName
from shared.protocol import json
from shared.realtime.address import Address, Wire
from shared.realtime.namespaces import ADMIN_ROLE
from shared.settings import settings

AT_ONCE = 0
"""A time that is always due."""

PAGE = 100
"""The most that one BatchGetItem reads."""


class Session(msgspec.Struct, frozen=True, rename="camel"):
    """Who a connection is in one namespace; fixed for the life of the session.

    ``name``, ``profile`` and ``permissions`` are the account's when the session began. In a
    namespace with ``Login.LATER`` it begins as nobody's, without a person, and becomes somebody's
    once. ``arrived_ms``: when the frame came that asked for it, 0 where the handshake did.
    ``anonymous``: in a namespace with ``Login.NONE``, the session never has a person.
    """

    namespace: str
    sid: str
    person_id: str
    role: str
    name: str
    profile: str | None = None
    permissions: frozenset[str] = frozenset()
    arrived_ms: int = 0
    anonymous: bool = False

    @property
    def authenticated(self) -> bool:
        """Whether the session has a person."""
        return bool(self.person_id)

    @property
    def settled(self) -> bool:
        """Whether the session stays: it has a person, or needs none."""
        return self.authenticated or self.anonymous

    def may(self, permission: str) -> bool:
        return self.role == ADMIN_ROLE or permission in self.permissions


class DueIndex(GlobalSecondaryIndex["Connection"]):
    """Connections by when they are due, spread over shards, because all of them are written here
    and a partition takes 1,000 writes a second. Keys only: what else changes costs nothing here."""

    class Meta:
        index_name = "due"
        projection = KeysOnlyProjection()

    due_shard = UnicodeAttribute(hash_key=True, attr_name="dueShard")
    due_at = NumberAttribute(range_key=True, attr_name="dueAt")


LEGACY = 3


class Connection(Table):
    """Tokens that came with the handshake: ``credential`` in the query, as 2.x clients do it;
    ``cookie`` from an allowed origin, for the namespaces that take one. ``limited``: its address
    has made too many, so no namespace lets it in. ``sessions`` maps a namespace to its ``Session``.

    ``ended``: sessions that are over, as they stood in ``sessions``, each until everything that
    follows from it has been done.

    ``rooms``: what it has joined beside its namespaces, for its departure. With ``context.join``:
    ``<namespace> <sid> <room>``; a product may keep entries of its own, not beginning with ``/``.

    ``data``: what the sessions keep, as JSON under ``<sid> <name>``. ``handshake``: the
    query of a 2.x client, as JSON.

    ``due_at``: when the sweep looks next; ``pinged_at``: when it last asked for a sign of life;
    ``answered_at``: when the last one came. All in epoch seconds."""

    class Meta:
        table_name = TableName("connections")

    connection_id = UnicodeAttribute(hash_key=True, attr_name="connectionId")
    wire = UnicodeAttribute()
    protocol = NumberAttribute(default=4)
    credential = UnicodeAttribute(null=True)
    cookie = UnicodeAttribute(null=True)
    limited = BooleanAttribute(null=True)
    opened = BooleanAttribute(null=True)
    leaving = BooleanAttribute(null=True)
    expires_at = NumberAttribute(attr_name="expiresAt")
    sessions: Any = MapAttribute(default=dict)
    ended: Any = UnicodeSetAttribute(null=True)
    rooms: Any = UnicodeSetAttribute(null=True)
    data: Any = MapAttribute(default=dict)
    handshake = UnicodeAttribute(null=True)
    due_shard = UnicodeAttribute(attr_name="dueShard", null=True)
    due_at = NumberAttribute(attr_name="dueAt", default=AT_ONCE)
    pinged_at = NumberAttribute(attr_name="pingedAt", null=True)
    answered_at = NumberAttribute(attr_name="answeredAt", null=True)
    due = DueIndex()

    @property
    def legacy(self) -> bool:
        """Engine.IO 3: a client of Socket.IO 2.x, which pings by itself, is in ``/`` without asking
        and reads a refusal as a bare string."""
        return int(self.protocol) == LEGACY

    def all_sessions(self) -> list[Session]:
        """The sessions, whatever is happening to the connection."""
        return [session_of(text) for text in self.sessions.as_dict().values()]

    def session(self, namespace: str | None) -> Session | None:
        """The session in ``namespace``, or the only one when None (a native connection's)."""
        if self.leaving:
            return None
        sessions = self.all_sessions()
        if namespace is None:
            return sessions[0] if len(sessions) == 1 else None
        return next((found for found in sessions if found.namespace == namespace), None)

    def occupant(self, namespace: str) -> Session | None:
        """The session in ``namespace``, or one that is over and has not been left yet."""
        ended = (session_of(text) for text in self.ended or ())
        left = (found for found in ended if found.namespace == namespace)
        return self.session(namespace) or next(left, None)

    def rooms_of(self, session: Session) -> dict[str, str]:
        """Return the rooms that a session has joined, each with its entry in ``rooms``."""
        prefix = f"{session.namespace} {session.sid} "
        return {
            entry.removeprefix(prefix): entry
            for entry in sorted(self.rooms or ())
            if entry.startswith(prefix)
        }

    def data_of(self, session: Session) -> dict[str, Any]:
        """Return what a session keeps, by name."""
        prefix = f"{session.sid} "
        return {
            name.removeprefix(prefix): msgspec.json.decode(text)
            for name, text in self.data.as_dict().items()
            if name.startswith(prefix)
        }

    def address(self, namespace: str) -> Address:
        return Address(namespace, Wire(self.wire), self.connection_id)


def session_of(text: str) -> Session:
    """A session as it stands in a row."""
    return msgspec.json.decode(text, type=Session)


def create(connection: Connection) -> None:
    """Write the row of a connection that ``$connect`` lets in."""
    shard = zlib.crc32(connection.connection_id.encode()) % settings().due_shards
    connection.due_shard = str(shard)
    connection.save()


def get(connection_id: str) -> Connection | None:
    """The row, strongly consistent, or None when there is no such connection."""
    try:
        return Connection.get(connection_id, consistent_read=True)
    except Connection.DoesNotExist:
        return None


def is_live(namespace: str | None = None) -> Condition:
    """The condition that a row is there, not leaving, and has a session in ``namespace``."""
    condition: Condition = Connection.connection_id.exists() & Connection.leaving.does_not_exist()
    if namespace is not None:
        condition &= Connection.sessions[namespace].exists()
    return condition


def mark_opened(connection_id: str) -> Connection | None:
    """Claim the sending of the open packet. None when it was sent, or the connection is gone."""
    return _update(
        connection_id,
        [Connection.opened.set(True)],
        is_live() & Connection.opened.does_not_exist(),
    )


def add_session(connection_id: str, session: Session, due_at: int = AT_ONCE) -> bool:
    """Whether the session was added: not to a connection that is gone or already joined."""
    slot = Connection.sessions[session.namespace]
    added = _update(
        connection_id,
        [slot.set(json.dumps(session)), Connection.due_at.set(due_at)],
        is_live() & slot.does_not_exist(),
    )
    return added is not None


def replace_session(connection_id: str, before: Session, after: Session, due_at: int) -> bool:
    """Make a session somebody's. False where it is no longer as it was ``before``."""
    slot = Connection.sessions[before.namespace]
    replaced = _update(
        connection_id,
        [slot.set(json.dumps(after)), Connection.due_at.set(due_at)],
        is_live() & (slot == json.dumps(before)),
    )
    return replaced is not None


def mark_ended(connection: Connection, namespace: str) -> Connection | None:
    """End the session that was read in the row, and drop its data. Returns the row as it is then,
    or None if the session is another by now.

    A session that had to be settled is kept until it has been left. The row is due at once: the
    next sweep finishes what does not get to its end."""
    slot, text = Connection.sessions[namespace], connection.sessions.as_dict()[namespace]
    session = session_of(text)
    actions = [slot.remove()]
    actions += [Connection.data[name].remove() for name in _data_names(connection, session)]
    if session.settled:
        actions += [Connection.ended.add({text}), Connection.due_at.set(AT_ONCE)]
    return _update(connection.connection_id, actions, is_live() & (slot == text))


def forget_session(connection_id: str, text: str, rooms: Iterable[str] = ()) -> None:
    """Drop a session that has ended and been left, with every consequence; and its ``rooms``."""
    actions = [Connection.ended.delete({text})]
    if left := set(rooms):
        actions.append(Connection.rooms.delete(left))
    _update(connection_id, actions, Connection.connection_id.exists())


def has(session: Session) -> Condition:
    """Return the condition that a row is there, not leaving, and still has this very session."""
    condition: Condition = is_live() & Connection.sessions[session.namespace].contains(session.sid)
    return condition


def save_data(connection: Connection, session: Session, values: Mapping[str, str]) -> bool:
    """Keep values, as JSON, for a session; the row is then as it is now. Returns False, and keeps
    nothing, if the session has ended."""
    actions = [Connection.data[f"{session.sid} {name}"].set(text) for name, text in values.items()]
    try:
        return connection.update_if(actions, has(session))
    except UpdateError as error:
        if error.cause_response_code != "ValidationException":
            raise
    # The row is older than the attribute, in which nothing can be set before it exists.
    connection.update_if([Connection.data.set(Connection.data | {})], has(session))
    return connection.update_if(actions, has(session))


def _data_names(connection: Connection, session: Session) -> list[str]:
    return [name for name in connection.data.as_dict() if name.startswith(f"{session.sid} ")]


def forget_room(connection_id: str, room: str) -> None:
    """The connection has left a room, with every consequence."""
    _update(connection_id, [Connection.rooms.delete({room})], Connection.connection_id.exists())


def mark_leaving(connection_id: str) -> Connection | None:
    """Let nothing more join. The row with the sessions to leave, None when it is gone. It is due at
    once: the next sweep finishes a departure that does not get to its end."""
    return _update(
        connection_id,
        [Connection.leaving.set(True), Connection.due_at.set(AT_ONCE)],
        Connection.connection_id.exists(),
    )


def due(shard: int, now: int) -> Iterator[list[Connection]]:
    """The rows of a shard that are due, the longest due first, in pages. The index is a moment
    late; the rows are as they are."""
    found = Connection.due.query(str(shard), Connection.due_at <= now, page_size=PAGE)
    while keys := [row.connection_id for row in islice(found, PAGE)]:
        yield list(Connection.batch_get(keys, consistent_read=True))


def count() -> int:
    """How many connections there are, leaving ones too."""
    return sum(Connection.due.count(str(shard)) for shard in range(settings().due_shards))


def mark_pinged(connection_id: str, *, pinged_at: int, due_at: int) -> None:
    """Expect an answer to the ping of ``pinged_at`` until ``due_at``."""
    _update(
        connection_id,
        [Connection.pinged_at.set(pinged_at), Connection.due_at.set(due_at)],
        is_live(),
    )


def mark_answered(connection_id: str, now: int) -> str | None:
    """A sign of life came; on which wire, None when the connection is gone. Not under the condition
    that one is expected: the answer may be here before the sweep has written down that it asked.
    """
    row = _update(connection_id, [Connection.answered_at.set(now)], is_live())
    return row.wire if row else None


def postpone(connection_id: str, due_at: int) -> None:
    """Look again at ``due_at``."""
    _update(connection_id, [Connection.due_at.set(due_at)], Connection.connection_id.exists())


def delete(connection_id: str) -> None:
    Connection(connection_id).delete()


def _update(connection_id: str, actions: list[Action], condition: Condition) -> Connection | None:
    row = Connection(connection_id)
    return row if row.update_if(actions, condition) else None
