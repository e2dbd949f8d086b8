"""One row per WebSocket connection, from ``$connect`` to the end of its departure.

The row is the truth about a connection: a session exists when it is in the row, and nothing can
be added to a row that is leaving. ``$disconnect`` may come late, twice or never.
"""

from __future__ import annotations

from typing import Any

import msgspec
from pynamodb.attributes import (
    BooleanAttribute,
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from shared.protocol import json
from shared.realtime.address import Address, Wire
from shared.tables import Table, TableName, condition_failed


class Session(msgspec.Struct, frozen=True, rename="camel"):
    """Who a connection is in one namespace; fixed for the life of the session.

    ``name`` and ``profile`` are the account's when the session began.
    """

    namespace: str
    sid: str
    person_id: str
    role: str
    name: str
    profile: str | None = None


class Connection(Table):
    """``credential`` is a token that came with the handshake: the admin cookie of an allowed
    origin, or the query of a 2.x client. ``sessions`` maps a namespace to its ``Session``."""

    class Meta:
        table_name = TableName("connections_table")

    connection_id = UnicodeAttribute(hash_key=True, attr_name="connectionId")
    wire = UnicodeAttribute()
    protocol = NumberAttribute(default=4)
    credential = UnicodeAttribute(null=True)
    opened = BooleanAttribute(null=True)
    leaving = BooleanAttribute(null=True)
    expires_at = NumberAttribute(attr_name="expiresAt")
    sessions: Any = MapAttribute(default=dict)

    def all_sessions(self) -> list[Session]:
        """The sessions, whatever is happening to the connection."""
        return [
            msgspec.json.decode(text, type=Session) for text in self.sessions.as_dict().values()
        ]

    def session(self, namespace: str | None) -> Session | None:
        """The session in ``namespace``, or the only one when None (a native connection's)."""
        if self.leaving:
            return None
        sessions = self.all_sessions()
        if namespace is None:
            return sessions[0] if len(sessions) == 1 else None
        return next((found for found in sessions if found.namespace == namespace), None)

    def address(self, namespace: str) -> Address:
        return Address(namespace, Wire(self.wire), self.connection_id)


def create(connection: Connection) -> None:
    """Write the row of a connection that ``$connect`` lets in."""
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


def add_session(connection_id: str, session: Session) -> bool:
    """Whether the session was added: not to a connection that is gone or already joined."""
    slot = Connection.sessions[session.namespace]
    added = _update(
        connection_id, [slot.set(json.dumps(session))], is_live() & slot.does_not_exist()
    )
    return added is not None


def remove_session(connection_id: str, namespace: str) -> None:
    _update(
        connection_id, [Connection.sessions[namespace].remove()], Connection.connection_id.exists()
    )


def mark_leaving(connection_id: str) -> Connection | None:
    """Let nothing more join. The row with the sessions to leave, None when it is gone."""
    return _update(connection_id, [Connection.leaving.set(True)], Connection.connection_id.exists())


def delete(connection_id: str) -> None:
    Connection(connection_id).delete()


def _update(connection_id: str, actions: list[Action], condition: Condition) -> Connection | None:
    row = Connection(connection_id)
    try:
        row.update(actions, condition=condition)
    except UpdateError as error:
        if condition_failed(error):
            return None
        raise
    return row
