"""One row per connection, from ``$connect`` until all consequences of its end have run.

The row is the truth about a connection: a session exists if it is in the row, and nothing can be
added to a row that is leaving. ``$disconnect`` may come late, twice or never. So every row is due
at some time: the sweep then finds out whether the connection is still open.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import msgspec
from pynamodb.attributes import (
    BooleanAttribute,
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from shared.aws.tables import Table, TableName
from shared.protocol.engineio import LEGACY
from shared.protocol.errors import InvalidPacket
from shared.realtime.address import Address, Wire
from shared.realtime.sessions import Ended, Session, session_of
from shared.settings import settings

AT_ONCE = 0
"""A time that is always due."""

JOINING_SECONDS = 30
"""How long a session may take from its place in the row until other sessions can reach it. It is
longer than any function may take that lets a client join. A session that takes longer never will:
its function has died."""


class Upgrading(Exception):
    """The connection is a WebSocket whose row is not, or not yet, the one that has the sessions."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection.connection_id)
        self.connection = connection


class DueIndex(GlobalSecondaryIndex["Connection"]):
    """The connections by the time at which they are due.

    They are spread over shards, because every connection is written to this index, and a partition
    takes 1,000 writes a second. The index holds keys only, so that changes of other attributes cost
    nothing here.
    """

    class Meta:
        index_name = "due"
        projection = KeysOnlyProjection()

    due_shard = UnicodeAttribute(hash_key=True, attr_name="dueShard")
    due_at = NumberAttribute(range_key=True, attr_name="dueAt")


class Connection(Table):
    """A connection: a WebSocket, or a client that polls.

    connection_id: API Gateway's id of the WebSocket, or one of ``shared.aws.mailboxes``.
    wire: the wire format, ``s`` for Socket.IO, ``n`` for native JSON.
    protocol: the version of the Engine.IO protocol.
    credential: what is kept of the token in the handshake's query, as 2.x clients send it: the JSON
        of a ``tokens.Kept``.
    cookie: what is kept of the token in the handshake's cookie, from an allowed origin, for the
        namespaces that accept a cookie.
    network: what the client's connections are counted by (``edge.network_of``).
    limited: whether the client's address has opened too many connections, so that every namespace
        refuses the client.
    failures: how many invalid tokens the client has sent.
    opened: whether a function has claimed the sending of the open packet.
    leaving: whether the connection has ended. Nothing can be added to the row then.
    left_ms: when it ended, epoch ms; 0 if the backend has ended it. Frames that arrived until then
        are still served, as long as the row is there.
    lost: whether it ended unexpectedly, so that the consequences wait for the client's return.
    closed: whether the backend has closed it, although the client is to come back. What
        ``$disconnect`` says of such an end is no word of the client.
    expires_at: when API Gateway will have closed the connection, epoch seconds.
    sessions: the sessions, each as the JSON of a ``Session`` under its namespace.
    joining: the namespaces whose session is in the row, but cannot be reached yet.
    restoring: the namespaces whose session has come back, and that no function has begun to bring
        up to date.
    departing: whether the consequences of the loss of sessions that can be recovered have begun.
    ended: the sessions that have ended, each as the same JSON behind the time of the goodbye
        (``Ended``), until all its consequences have run.
    rooms: what the connection has joined beside its namespaces, and leaves when it ends. An entry
        of ``context.join`` is composed of namespace, sid and room. A product may keep entries of
        its own, which do not begin with ``/``.
    data: what the sessions keep, as JSON under sid and name, composed.
    handshake: the query of a 2.x client's handshake without its token, as JSON.
    upgrades: the connection id of the polling client that upgrades to this WebSocket. The attribute
        is removed when this row takes the place of that client's row.
    upgraded: whether the client has upgraded, but its own row goes on, because it had joined a
        namespace before.
    due_shard: the shard of ``DueIndex`` that has the connection.
    due_at: when the sweep looks at the connection next, epoch seconds.
    pinged_at: when the sweep has last asked for a sign of life, epoch seconds.
    answered_at: when the last sign of life has come, epoch seconds.
    """

    class Meta:
        table_name = TableName("connections")

    connection_id = UnicodeAttribute(hash_key=True, attr_name="connectionId")
    wire = UnicodeAttribute()
    protocol = NumberAttribute(default=4)
    credential = UnicodeAttribute(null=True)
    cookie = UnicodeAttribute(null=True)
    network = UnicodeAttribute(null=True)
    limited = BooleanAttribute(null=True)
    failures = NumberAttribute(null=True)
    opened = BooleanAttribute(null=True)
    leaving = BooleanAttribute(null=True)
    left_ms = NumberAttribute(attr_name="leftMs", null=True)
    lost = BooleanAttribute(null=True)
    closed = BooleanAttribute(null=True)
    expires_at = NumberAttribute(attr_name="expiresAt")
    sessions: Any = MapAttribute(default=dict)
    joining: Any = UnicodeSetAttribute(null=True)
    restoring: Any = UnicodeSetAttribute(null=True)
    departing = BooleanAttribute(null=True)
    ended: Any = UnicodeSetAttribute(null=True)
    rooms: Any = UnicodeSetAttribute(null=True)
    data: Any = MapAttribute(default=dict)
    handshake = UnicodeAttribute(null=True)
    upgrades = UnicodeAttribute(null=True)
    upgraded = BooleanAttribute(null=True)
    due_shard = UnicodeAttribute(attr_name="dueShard", null=True)
    due_at = NumberAttribute(attr_name="dueAt", default=AT_ONCE)
    pinged_at = NumberAttribute(attr_name="pingedAt", null=True)
    answered_at = NumberAttribute(attr_name="answeredAt", null=True)
    due = DueIndex()

    @classmethod
    def of_text(cls, text: str) -> Connection:
        """Return the connection whose row ``text`` returns."""
        row: Connection = cls.from_raw_data(msgspec.json.decode(text))
        return row

    def text(self) -> str:
        """Return the row as JSON."""
        return msgspec.json.encode(self.serialize()).decode()

    @property
    def legacy(self) -> bool:
        """Whether the client speaks Engine.IO 3, and so is a Socket.IO 2.x client.

        A 2.x client sends the pings itself, is in ``/`` without asking, and reads a refusal as a
        bare string.
        """
        return int(self.protocol) == LEGACY

    @property
    def opened_at(self) -> int:
        """When the handshake came, epoch seconds."""
        return int(self.expires_at) - settings().connection_max_seconds

    def require_socketio(self) -> None:
        """Raise ``InvalidPacket`` if this is the connection of a native client."""
        if self.wire == Wire.NATIVE:
            raise InvalidPacket("a packet on a native connection")

    def require_settled(self) -> None:
        """Raise ``Upgrading`` if the sessions of the client are not in this row."""
        if self.upgrades:
            raise Upgrading(self)

    def all_sessions(self) -> list[Session]:
        """Return the sessions in the row, even if the connection is leaving."""
        return [session_of(text) for text in self.sessions.as_dict().values()]

    def session(self, namespace: str | None) -> Session | None:
        """Return the session in a namespace. With None, return a native connection's only session.

        Returns None if there is no such session, or if the connection is leaving.
        """
        if self.leaving:
            return None
        sessions = self.all_sessions()
        if namespace is None:
            return sessions[0] if len(sessions) == 1 else None
        return next((one for one in sessions if one.namespace == namespace), None)

    def left_session(self, namespace: str) -> Session | None:
        """Return the session in a namespace of a connection that is leaving, or None."""
        sessions = self.all_sessions() if self.leaving else ()
        return next((one for one in sessions if one.namespace == namespace), None)

    def lost_session(self, namespace: str) -> Session | None:
        """Return the session in a namespace if the client might still come back to it.

        Returns None if there is no such session, or the connection is not lost.
        """
        return self.left_session(namespace) if self.lost else None

    def sender(self, namespace: str | None, arrived_ms: int) -> Session | None:
        """Return the session that sent a frame, as ``session`` does.

        It may be a session that has ended, if the frame arrived before the client's goodbye.
        """
        if self.leaving and arrived_ms > int(self.left_ms or 0):
            return None
        sessions = self.all_sessions()
        if namespace is None:
            return sessions[0] if len(sessions) == 1 else None
        ended = map(Ended.of, self.ended or ())
        sessions += [one.session for one in ended if arrived_ms <= one.left_ms]
        return next((one for one in sessions if one.namespace == namespace), None)

    def occupant(self, namespace: str) -> Session | None:
        """Return the session in a namespace, or one that has ended and is still in ``ended``.

        Returns None if there is neither.
        """
        ended = (Ended.of(text).session for text in self.ended or ())
        left = (one for one in ended if one.namespace == namespace)
        return self.session(namespace) or next(left, None)

    def reachable(self, session: Session) -> bool:
        """Return whether other sessions can reach a session of this connection."""
        return session.settled and session.namespace not in (self.joining or ())

    def is_joining(self, now: int) -> bool:
        """Return whether a function still works on making a session reachable.

        now: the time in epoch seconds.
        """
        return any(
            session.arrived_ms // 1000 + JOINING_SECONDS > now
            for session in self.all_sessions()
            if session.settled and not self.reachable(session)
        )

    def rooms_of(self, session: Session) -> dict[str, str]:
        """Return the rooms that a session has joined, each with its entry in ``rooms``."""
        prefix = session.room_entry()
        return {
            entry.removeprefix(prefix): entry
            for entry in sorted(self.rooms or ())
            if entry.startswith(prefix)
        }

    def data_of(self, session: Session) -> dict[str, Any]:
        """Return the values that a session keeps, by name."""
        prefix = session.data_key()
        return {
            key.removeprefix(prefix): msgspec.json.decode(text)
            for key, text in session.own_data(self.data.as_dict()).items()
        }

    def address(self, session: Session) -> Address:
        """Return the address of a session of this connection."""
        if not session.recovery:
            return Address(session.namespace, Wire(self.wire), self.connection_id)
        return Address(session.namespace, Wire.RECOVERY, self.connection_id, session.sid)


def create(connection: Connection) -> bool:
    """Write the row of a new connection. Returns False, and writes nothing, if there is one."""
    shard = zlib.crc32(connection.connection_id.encode()) % settings().due_shards
    connection.due_shard = str(shard)
    return connection.save_if(Connection.connection_id.does_not_exist())


def get(connection_id: str) -> Connection | None:
    """Return the row of a connection, read strongly consistently.

    Returns None if there is no such connection.
    """
    try:
        return Connection.get(connection_id, consistent_read=True)
    except Connection.DoesNotExist:
        return None


def session_at(address: Address) -> Session | None:
    """Return the session at an address, read strongly consistently.

    Returns None if it has ended, or its connection is gone or leaving.
    """
    connection = get(address.connection_id)
    return connection.session(address.namespace) if connection else None


def is_live(namespace: str | None = None) -> Condition:
    """Return the condition that a row is there, is not leaving, and has a session in ``namespace``.

    With None, the condition says nothing about sessions.
    """
    condition: Condition = Connection.connection_id.exists() & Connection.leaving.does_not_exist()
    if namespace is not None:
        condition &= Connection.sessions[namespace].exists()
    return condition


def delete(connection_id: str) -> None:
    """Delete the row of a connection. Idempotent."""
    Connection(connection_id).delete()


def update(
    connection_id: str, actions: Sequence[Action], condition: Condition
) -> Connection | None:
    """Change the row of a connection, and return it as it is then.

    Returns None, and writes nothing, if the condition does not hold.
    """
    row = Connection(connection_id)
    return row if row.update_if(actions, condition) else None
