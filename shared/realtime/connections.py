"""One row per connection, from ``$connect`` until all consequences of its end have run.

The row is the truth about a connection: a session exists if it is in the row, and nothing can be
added to a row that is leaving. ``$disconnect`` may come late, twice or never. So every row is due
at some time: the sweep then finds out whether the connection is still open.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from shared.ids import compose
from shared.protocol import json
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

PAGE = 100
"""The most that one BatchGetItem reads."""


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
        return next((found for found in sessions if found.namespace == namespace), None)

    def lost_session(self, namespace: str) -> Session | None:
        """Return the session in a namespace if the client might still come back to it.

        Returns None if there is no such session, or the connection is not lost.
        """
        sessions = self.all_sessions() if self.lost else ()
        return next((found for found in sessions if found.namespace == namespace), None)

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
        return next((found for found in sessions if found.namespace == namespace), None)

    def occupant(self, namespace: str) -> Session | None:
        """Return the session in a namespace, or one that has ended and is still in ``ended``.

        Returns None if there is neither.
        """
        ended = (Ended.of(text).session for text in self.ended or ())
        left = (found for found in ended if found.namespace == namespace)
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
        prefix = compose(session.namespace, session.sid, "")
        return {
            entry.removeprefix(prefix): entry
            for entry in sorted(self.rooms or ())
            if entry.startswith(prefix)
        }

    def data_of(self, session: Session) -> dict[str, Any]:
        """Return the values that a session keeps, by name."""
        prefix = compose(session.sid, "")
        return {
            name.removeprefix(prefix): msgspec.json.decode(text)
            for name, text in self.data.as_dict().items()
            if name.startswith(prefix)
        }

    def address(self, session: Session) -> Address:
        """Return the address of a session of this connection."""
        if not session.recovery:
            return Address(session.namespace, Wire(self.wire), self.connection_id)
        return Address(session.namespace, Wire.RECOVERY, self.connection_id, session.sid)


def create(connection: Connection) -> None:
    """Write the row of a connection that ``$connect`` accepts."""
    shard = zlib.crc32(connection.connection_id.encode()) % settings().due_shards
    connection.due_shard = str(shard)
    connection.save()


def get(connection_id: str) -> Connection | None:
    """Return the row of a connection, read strongly consistently.

    Returns None if there is no such connection.
    """
    try:
        return Connection.get(connection_id, consistent_read=True)
    except Connection.DoesNotExist:
        return None


def is_live(namespace: str | None = None) -> Condition:
    """Return the condition that a row is there, is not leaving, and has a session in ``namespace``.

    With None, the condition says nothing about sessions.
    """
    condition: Condition = Connection.connection_id.exists() & Connection.leaving.does_not_exist()
    if namespace is not None:
        condition &= Connection.sessions[namespace].exists()
    return condition


def mark_opened(connection_id: str) -> Connection | None:
    """Claim the sending of the open packet, and return the row.

    Returns None if it has been claimed before, or the connection is gone or leaving.
    """
    return _update(
        connection_id,
        [Connection.opened.set(True)],
        is_live() & Connection.opened.does_not_exist(),
    )


def add_session(
    connection_id: str, session: Session, due_at: int | None = AT_ONCE, *, joining: bool = False
) -> bool:
    """Write a session into its connection's row.

    Returns False, and writes nothing, if the connection is gone or leaving, or has a session in the
    namespace already.

    due_at: when the sweep looks at the connection next, epoch seconds. None leaves it as it is.
    joining: whether the session becomes reachable later, with ``joined``.
    """
    slot = Connection.sessions[session.namespace]
    actions = [slot.set(json.dumps(session))]
    if due_at is not None:
        actions.append(Connection.due_at.set(due_at))
    if joining:
        actions.append(Connection.joining.add({session.namespace}))
    return _update(connection_id, actions, is_live() & slot.does_not_exist()) is not None


def joined(namespace: str, due_at: int | None) -> list[Action]:
    """Return what changes in the row when the session in a namespace becomes reachable.

    It belongs into the transaction that makes the session reachable. There it costs as much as a
    mere check of the row.

    due_at: when the sweep looks at the connection next, epoch seconds. None leaves it as it is.
    """
    actions: list[Action] = [Connection.joining.delete({namespace})]
    if due_at is not None:
        actions.append(Connection.due_at.set(due_at))
    return actions


def replace_session(connection_id: str, before: Session, after: Session, due_at: int) -> bool:
    """Replace a session by the session that has a person.

    Returns False, and writes nothing, if the session is no longer as it was ``before``. The session
    becomes reachable with ``joined``.

    due_at: when the sweep looks at the connection next, epoch seconds.
    """
    slot = Connection.sessions[before.namespace]
    actions = [
        slot.set(json.dumps(after)),
        Connection.due_at.set(due_at),
        Connection.joining.add({before.namespace}),
    ]
    return _update(connection_id, actions, is_live() & (slot == json.dumps(before))) is not None


def update_session(connection: Connection, session: Session) -> bool:
    """Replace a session by itself with other fields of its person's account.

    Returns False, and writes nothing, if the session is another by now than in this copy of the
    row.
    """
    slot, text = Connection.sessions[session.namespace], connection.sessions[session.namespace]
    actions, condition = [slot.set(json.dumps(session))], is_live() & (slot == text)
    return _update(connection.connection_id, actions, condition) is not None


def mark_ended(connection: Connection, namespace: str, left_ms: int = 0) -> Connection | None:
    """End the session that ``connection`` has in a namespace.

    Returns the row as it is then. Returns None, and writes nothing, if the session is another by
    now than in this copy of the row.

    A session that has a person, or needs none, is kept in ``ended``, and its data too, until its
    consequences have run. The row is due at once, so that the next sweep finishes the consequences
    if they fail on the way.

    left_ms: when the client's goodbye arrived, epoch ms; 0 if the backend ends the session.
    """
    slot, text = Connection.sessions[namespace], connection.sessions.as_dict()[namespace]
    session = session_of(text)
    actions = [slot.remove(), Connection.joining.delete({namespace})]
    if session.settled:
        ended = f"{left_ms or ''}{text}"
        actions += [Connection.ended.add({ended}), Connection.due_at.set(AT_ONCE)]
    else:
        actions += _without_data(connection, session)
    return _update(connection.connection_id, actions, is_live() & (slot == text))


def forget_session(connection: Connection, text: str, rooms: Iterable[str] = ()) -> None:
    """Delete an ended session and its data from the row, after all its consequences have run.

    Idempotent.

    text: the session's entry in ``ended``.
    rooms: the entries in the row's ``rooms`` that are deleted too.
    """
    actions = [Connection.ended.delete({text})]
    actions += _without_data(connection, Ended.of(text).session)
    if left := set(rooms):
        actions.append(Connection.rooms.delete(left))
    _update(connection.connection_id, actions, Connection.connection_id.exists())


def has(session: Session) -> Condition:
    """Return the condition that a row is there, is not leaving, and still has this session."""
    condition: Condition = is_live() & Connection.sessions[session.namespace].contains(session.sid)
    return condition


def save_data(connection: Connection, session: Session, values: Mapping[str, str]) -> bool:
    """Keep values for a session, and bring ``connection`` up to date.

    Returns False, and keeps nothing, if the session has ended.

    values: JSON texts by name.
    """
    actions = [
        Connection.data[compose(session.sid, name)].set(text) for name, text in values.items()
    ]
    try:
        return connection.update_if(actions, has(session))
    except UpdateError as error:
        if error.cause_response_code != "ValidationException":
            raise
    # The row was written before the attribute was introduced. DynamoDB sets a value in a map only
    # if the map exists.
    connection.update_if([Connection.data.set(Connection.data | {})], has(session))
    return connection.update_if(actions, has(session))


def _without_data(connection: Connection, session: Session) -> list[Action]:
    """Return the part of an update that deletes what a session keeps."""
    of_session = compose(session.sid, "")
    names = [name for name in connection.data.as_dict() if name.startswith(of_session)]
    return [Connection.data[name].remove() for name in names]


def forget_room(connection_id: str, room: str) -> None:
    """Delete an entry in the row's ``rooms``, after all consequences of leaving. Idempotent."""
    _update(connection_id, [Connection.rooms.delete({room})], Connection.connection_id.exists())


def mark_leaving(
    connection_id: str, left_ms: int = 0, *, unless_closed: bool = False, lost: bool = False
) -> Connection | None:
    """Mark a connection as leaving, so that nothing can be added to its row. Idempotent.

    Returns the row with the sessions that end now. Returns None if there is no such row. The row is
    due at once, so that the next sweep finishes if the consequences fail on the way.

    left_ms: when the connection ended, epoch ms; 0 if the backend ends it. The first mark counts.
    unless_closed: return None, and write nothing, if the backend has closed the connection.
    lost: whether the connection ended unexpectedly.
    """
    condition: Condition = Connection.connection_id.exists()
    if unless_closed:
        condition &= Connection.closed.does_not_exist()
    return _update(
        connection_id,
        [
            Connection.leaving.set(True),
            Connection.left_ms.set(Connection.left_ms | left_ms),
            Connection.lost.set(True) if lost else Connection.lost.remove(),
            Connection.due_at.set(AT_ONCE),
        ],
        condition,
    )


def mark_lost(
    connection_id: str, left_ms: int, due_at: int, *, closed: bool = False
) -> Connection | None:
    """Mark a connection as leaving whose client may come back.

    Returns the row as it is then. Returns None, and writes nothing, if there is no such row, or it
    is leaving already: the consequences are under way then.

    left_ms: when the connection ended, epoch ms.
    due_at: when the consequences run, epoch seconds; the sweep runs them if nothing else does.
    closed: whether the backend is about to close the connection.
    """
    actions = [
        Connection.leaving.set(True),
        Connection.lost.set(True),
        Connection.left_ms.set(left_ms),
        Connection.due_at.set(due_at),
    ]
    if closed:
        actions.append(Connection.closed.set(True))
    return _update(connection_id, actions, is_live())


def forget_lost(connection: Connection, session: Session) -> None:
    """Delete a session of a lost connection from the row, so that it cannot be recovered."""
    slot = Connection.sessions[session.namespace]
    connection.update_if([slot.remove()], slot.contains(session.sid))


def mark_departing(connection_id: str) -> Connection | None:
    """Note that the consequences of the loss of sessions that can be recovered begin. Idempotent.

    Returns the row, with the sessions that have not come back. Returns None if there is no row.
    """
    return _update(
        connection_id, [Connection.departing.set(True)], Connection.connection_id.exists()
    )


def due(shard: int, now: int) -> Iterator[list[Connection]]:
    """Yield the rows of a shard that are due, in pages. The row that is due longest comes first.

    The index is a moment late, so rows may be missing, or due no longer. The rows themselves are
    read strongly consistently.

    now: the time in epoch seconds.
    """
    found = Connection.due.query(str(shard), Connection.due_at <= now, page_size=PAGE)
    while keys := [row.connection_id for row in islice(found, PAGE)]:
        yield list(Connection.batch_get(keys, consistent_read=True))


def count() -> int:
    """Return how many connections there are, including those that are leaving."""
    return sum(Connection.due.count(str(shard)) for shard in range(settings().due_shards))


def mark_pinged(connection_id: str, *, pinged_at: int, due_at: int) -> None:
    """Expect an answer to the ping of ``pinged_at`` until ``due_at``, both in epoch seconds."""
    _update(
        connection_id,
        [Connection.pinged_at.set(pinged_at), Connection.due_at.set(due_at)],
        is_live(),
    )


def mark_answered(connection_id: str, now: int) -> Connection | None:
    """Record a sign of life of the client, and return the connection's row.

    Returns None if the connection is gone or leaving. It is recorded even if no answer is expected:
    the answer may arrive before the sweep has recorded its ping.

    now: the time in epoch seconds.
    """
    return _update(connection_id, [Connection.answered_at.set(now)], is_live())


def mark_limited(connection_id: str) -> None:
    """Let every namespace refuse a client whose address has opened too many connections."""
    _update(connection_id, [Connection.limited.set(True)], is_live())


def take_over(websocket: Connection) -> Connection | None:
    """Let a WebSocket's row take the place of the row of the polling client that upgrades to it.

    The client's sessions, which nobody can reach yet, are in the WebSocket's row then, and what
    came with its first request. Returns the client's row as it was. Returns None if the client or
    its WebSocket is gone or leaving.
    """
    client = get(websocket.upgrades)
    if client is None or client.leaving:
        return None
    actions: list[Action] = [Connection.upgrades.remove(), Connection.sessions.set(client.sessions)]
    names = ["credential", "cookie", "network", "limited", "failures", "joining"]
    if client.restoring:  # what a session takes along that has come back
        names += ["restoring", "rooms", "data"]
    actions += [
        getattr(Connection, name).set(value)
        for name in names
        if (value := getattr(client, name)) is not None
    ]
    taken = _update(websocket.connection_id, actions, is_live() & Connection.upgrades.exists())
    if taken is None:
        return None
    delete(client.connection_id)
    return client


def mark_upgraded(connection: Connection) -> bool:
    """Note that the client of a WebSocket has upgraded, while its sessions stay in their row.

    The sweep looks at that row, and at this one only when its time is over. Returns False if the
    WebSocket is gone or leaving.
    """
    actions = [Connection.upgraded.set(True), Connection.due_at.set(int(connection.expires_at))]
    return _update(connection.connection_id, actions, is_live()) is not None


def count_failure(connection_id: str) -> int:
    """Count an invalid token of a client, and return how many it has sent."""
    row = _update(connection_id, [Connection.failures.add(1)], is_live())
    return int(row.failures or 0) if row else 0


def postpone(connection_id: str, due_at: int) -> None:
    """Make a connection due at ``due_at``, epoch seconds. Do nothing if the connection is gone."""
    _update(connection_id, [Connection.due_at.set(due_at)], Connection.connection_id.exists())


def delete(connection_id: str) -> None:
    """Delete the row of a connection. Idempotent."""
    Connection(connection_id).delete()


def _update(
    connection_id: str, actions: Sequence[Action], condition: Condition
) -> Connection | None:
    row = Connection(connection_id)
    return row if row.update_if(actions, condition) else None
