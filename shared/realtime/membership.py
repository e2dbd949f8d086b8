"""Joining and leaving rooms, as a session of a connection.

Each is one transaction over the row of the member and the connection's row, which lists what to
leave when the session ends.
"""

from __future__ import annotations

from collections.abc import Callable

from shared.aws.tables import Transaction, TransactionRefused, transact
from shared.realtime import connections, rooms
from shared.realtime.address import Address
from shared.realtime.connections import Connection, Session
from shared.realtime.rooms import Member


def enter(address: Address, expires_at: int) -> bool:
    """Make a session without a person reachable with all sessions of its namespace. Returns False,
    and writes nothing, if the connection has left meanwhile. Idempotent."""

    def add_items(transaction: Transaction) -> None:
        transaction.check(
            "connection",
            Connection(address.connection_id),
            condition=connections.is_live(address.namespace),
        )
        transaction.put("member", Member.of(address.namespace, address, expires_at))

    return _done(add_items)


def join(address: Address, session: Session, room: str, expires_at: int) -> bool:
    """Let a session into a room. Returns False, and writes nothing, if the session has ended
    meanwhile. Idempotent."""
    member = Member.of(
        rooms.key(session.namespace, room),
        address,
        expires_at,
        session.person_id or None,
        sid=session.sid,
    )

    def add_items(transaction: Transaction) -> None:
        transaction.put("member", member)
        transaction.update(
            "connection",
            Connection(address.connection_id),
            actions=[Connection.rooms.add({_entry(session, room)})],
            condition=connections.has(session),
        )

    return _done(add_items)


def leave(address: Address, session: Session, room: str) -> bool:
    """Take a session out of a room. Returns False, and writes nothing, if the session has ended
    meanwhile. Idempotent."""

    def add_items(transaction: Transaction) -> None:
        key = rooms.shard(rooms.key(session.namespace, room), address.connection_id)
        transaction.delete("member", Member(key, address.connection_id))
        transaction.update(
            "connection",
            Connection(address.connection_id),
            actions=[Connection.rooms.delete({_entry(session, room)})],
            condition=connections.has(session),
        )

    return _done(add_items)


def leave_all(connection: Connection, session: Session) -> list[str]:
    """Take a session that has ended out of all its rooms. Returns what the connection's row lists
    of them, for ``connections.forget_session``. Idempotent.

    The row is to be read after nothing more could join with this session. A member that joined
    with a later session of the connection stays.
    """
    joined = connection.rooms_of(session)
    for room in joined:
        key = rooms.shard(rooms.key(session.namespace, room), connection.connection_id)
        Member(key, connection.connection_id).delete_if(
            Member.sid.does_not_exist() | (Member.sid == session.sid)
        )
    return list(joined.values())


def _entry(session: Session, room: str) -> str:
    return f"{session.namespace} {session.sid} {room}"


def _done(add_items: Callable[[Transaction], None]) -> bool:
    try:
        transact(add_items)
    except TransactionRefused:
        return False
    return True
