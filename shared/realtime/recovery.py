"""Connection state recovery: which sessions can be recovered, and where they are.

https://socket.io/docs/v4/connection-state-recovery

A session stays in the row of its connection until the consequences of the connection's end have
run. From then on its record has it, until it expires or the session comes back. The record of a
session that has come back says which connection has it now: the ``pid`` names the first one.

While a session has no connection, its addresses are marked as away: in its rooms, and on the row of
its person. So whoever sends an event sees that the event is to be logged.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from pynamodb.attributes import MapAttribute, NumberAttribute, UnicodeAttribute, UnicodeSetAttribute

from shared.aws.parallel import both
from shared.aws.retry import looks
from shared.aws.tables import Table, TableName
from shared.ids import compose
from shared.ports import Ports
from shared.realtime import connections, event_log
from shared.realtime.address import Address, Wire
from shared.realtime.connections import Connection
from shared.realtime.sessions import Recovery, Session, session_of
from shared.settings import settings

DEPARTURE_SECONDS = 3.0
"""How long a client that comes back waits for the consequences of its loss, which are under way."""

_RECORD = "session"


class SessionRecord(Table):
    """Where a session with recovery is, if it is not in the row of its first connection.

    log: the key, made of the session's id.
    connection_id: the connection that has the session, or had it last.
    session: the session, as JSON, if its connection is gone.
    rooms: the session's entries in the ``rooms`` of its connection's row.
    data: the session's entries in the ``data`` of its connection's row.
    lasted_ms: how long the connection lasted, if it is gone.
    until: when the session can no longer be recovered, epoch seconds.
    """

    class Meta:
        table_name = TableName("recovery")

    log = UnicodeAttribute(hash_key=True)
    offset = UnicodeAttribute(range_key=True)
    connection_id = UnicodeAttribute(attr_name="connectionId")
    session = UnicodeAttribute(null=True)
    rooms: Any = UnicodeSetAttribute(null=True)
    data: Any = MapAttribute(null=True)
    lasted_ms: Any = NumberAttribute(attr_name="lastedMs", null=True)
    until = NumberAttribute(null=True)
    expires_at = NumberAttribute(attr_name="expiresAt")

    @classmethod
    def of(cls, sid: str, **values: Any) -> SessionRecord:
        """Return a new record of a session. Nothing is read or written."""
        return cls(_key(sid), _RECORD, **values)

    def is_over(self, now: int) -> bool:
        """Return whether the session that the record keeps can no longer be recovered.

        now: the time in epoch seconds.
        """
        return (self.until or 0) < now


class Lost(msgspec.Struct, frozen=True):
    """A session that its client asks for again.

    session: the session.
    text: the session's JSON, as the row that has it keeps it.
    connection_id: the connection that has the session, or had it last.
    rooms, data: see ``SessionRecord``.
    lasted_ms: how long the connection lasted; 0 if it is thought to be open.
    kept: whether the session is in its record, and not in the row of a connection.
    alive: whether the connection is thought to be open.
    alone: whether the connection has no other session.
    departing: whether the consequences of the session's loss are under way.
    """

    session: Session
    text: str
    connection_id: str
    rooms: frozenset[str]
    data: Mapping[str, str]
    lasted_ms: int
    kept: bool
    alive: bool = False
    alone: bool = False
    departing: bool = False


def is_wanted(auth: Mapping[str, Any]) -> bool:
    """Return whether a client asks for recovery with what it sends when it joins."""
    return auth.get("recovery") is True and settings().recovery_seconds > 0


def recoverable(ports: Ports, session: Session, connection_id: str) -> tuple[Session, str]:
    """Return a session that begins so that it can be recovered, and its ``pid``.

    The ``pid`` says where the session is found again, and has a secret, of which the session keeps
    a digest.
    """
    pid = f"{connection_id}.{session.sid}.{ports.ids.session_id()}"
    since = event_log.before(ports.clock.now_ms())
    recovery = Recovery(root=connection_id, digest=_digest(pid), since=since)
    return msgspec.structs.replace(session, recovery=recovery), pid


def _digest(pid: str) -> str:
    return hashlib.sha256(pid.encode()).hexdigest()[:32]


def find(pid: object, namespace: str, now: int) -> Lost | None:
    """Return the session that a client asks for with its ``pid``.

    Returns None if there is none that can be recovered, or the secret is wrong. Waits a moment if
    the consequences of the session's loss are under way.

    now: the time in epoch seconds.
    """
    if not isinstance(pid, str) or pid.count(".") != 2:
        return None
    root, sid, _ = pid.split(".")
    lost = None
    for _ in looks(DEPARTURE_SECONDS, settings().overtaken_pause_seconds):
        lost = _look(root, sid, namespace, now)
        if lost is None or not lost.departing:
            break
    recovery = lost.session.recovery if lost and lost.session.settled else None
    if not isinstance(recovery, Recovery):
        return None
    return lost if hmac.compare_digest(recovery.digest, _digest(pid)) else None


def _look(root: str, sid: str, namespace: str, now: int) -> Lost | None:
    """Return the session as its record or the row of its connection has it.

    Returns None if neither has it, or it cannot be recovered.

    The session may move to its record between the two reads. Then neither has it as it was read, so
    the record is read once more. It is written before the row is deleted.
    """
    record, row = both(lambda: _record(sid), lambda: connections.get(root))
    found = _by_record(record, namespace, sid, now) if record else _in_row(row, namespace, sid)
    if found is None and (record := _record(sid)):
        found = _by_record(record, namespace, sid, now)
    return found


def _by_record(record: SessionRecord, namespace: str, sid: str, now: int) -> Lost | None:
    """Return the session that a record keeps, or that is in the row that the record names."""
    if record.session:
        return None if record.is_over(now) else _in_record(record)
    return _in_row(connections.get(record.connection_id), namespace, sid)


def _in_record(record: SessionRecord) -> Lost:
    """Return the session that a record keeps."""
    return Lost(
        session_of(record.session),
        record.session,
        record.connection_id,
        frozenset(record.rooms or ()),
        record.data.as_dict() if record.data else {},
        int(record.lasted_ms or 0),
        kept=True,
    )


def _in_row(row: Connection | None, namespace: str, sid: str) -> Lost | None:
    """Return the session that the row of a connection has.

    Returns None if there is no row, the connection has another session, or it has ended so that its
    sessions cannot be recovered.
    """
    if row is None or (row.leaving and not row.lost):
        return None
    sessions = row.sessions.as_dict()
    text = sessions.get(namespace)
    session = session_of(text) if text else None
    if session is None or session.sid != sid:
        return None
    return Lost(
        session,
        text,
        row.connection_id,
        frozenset(row.rooms or ()),
        row.data.as_dict(),
        _lasted_ms(row),
        kept=False,
        alive=not row.leaving,
        alone=len(sessions) == 1,
        departing=bool(row.departing),
    )


def _lasted_ms(connection: Connection) -> int:
    """Return how long a connection lasted. Returns 0 if it is not lost."""
    left_ms = int(connection.left_ms or 0) if connection.lost else 0
    return max(left_ms - connection.opened_at * 1000, 0)


def _record(sid: str) -> SessionRecord | None:
    try:
        return SessionRecord.get(_key(sid), _RECORD, consistent_read=True)
    except SessionRecord.DoesNotExist:
        return None


def _key(sid: str) -> str:
    return compose("where", sid)


def returned(namespace: str, sid: str) -> Session | None:
    """Return a session that has come back, as the row of its connection has it.

    Returns None if it has not, or has no connection now.
    """
    record = _record(sid)
    row = connections.get(record.connection_id) if record and not record.session else None
    return row.session(namespace) if row else None


def current(address: Address, now: int) -> Address | None:
    """Return the address of a session as it is now, if it has another connection or none.

    Returns None if the session has ended, or cannot be recovered.

    address: an address that the session had.
    now: the time in epoch seconds.
    """
    record = _record(address.sid) if address.sid else None
    if record is None or (record.session and record.is_over(now)):
        return None
    if record.session:
        return address._replace(wire=Wire.AWAY)
    return address._replace(connection_id=record.connection_id)


def kept_until(connection: Connection, session: Session) -> int | None:
    """Return until when a session of a connection that is gone can be recovered, epoch seconds.

    Returns None if it cannot: the client has not asked for it, or has said goodbye.
    """
    if not connection.lost or not session.recovery or not session.settled:
        return None
    return int(connection.left_ms or 0) // 1000 + settings().recovery_seconds


def keep(connection: Connection, session: Session, entries: Iterable[str], until: int) -> None:
    """Keep a session in its record, after all consequences of its loss have run. Idempotent.

    Does nothing if the session has come back meanwhile.

    entries: the entries in ``rooms`` that the session takes along.
    """
    record = SessionRecord.of(
        session.sid,
        connection_id=connection.connection_id,
        session=connection.sessions.as_dict()[session.namespace],
        rooms=set(entries) or None,
        data=session.own_data(connection.data.as_dict()) or None,
        lasted_ms=_lasted_ms(connection),
        until=until,
        expires_at=until + settings().recovery_seconds,
    )
    at = SessionRecord.connection_id
    record.save_if(at.does_not_exist() | (at == connection.connection_id))


def addresses(connection: Connection, session: Session) -> list[Address]:
    """Return the addresses under which other sessions may know a session.

    They are several if the session has come back, and is not up to date yet.
    """
    own = connection.address(session)
    moving = session.recovery.moving if isinstance(session.recovery, Recovery) else ()
    return [own, *(own._replace(connection_id=one) for one in moving)]
