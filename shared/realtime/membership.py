"""Joining and leaving rooms, as a session of a connection.

To join or leave is one transaction over the row of the member and the connection's row, which lists
the rooms to leave when the session ends.
"""

from __future__ import annotations

from itertools import product

from shared.aws.tables import Transaction, transact_if
from shared.realtime import connections, recovery, rooms, session_store
from shared.realtime.address import Address
from shared.realtime.connections import Connection
from shared.realtime.rooms import Member
from shared.realtime.sessions import Session


def enter(address: Address, expires_at: int, due_at: int | None = None) -> bool:
    """Let a session without a person receive what is sent to all sessions of its namespace.

    Idempotent. Returns False, and writes nothing, if the connection has left the namespace
    meanwhile.

    expires_at: when the connection ends at the latest, epoch seconds.
    due_at: when the sweep looks at the connection next, epoch seconds. None leaves it as it is.
    """

    def add_items(transaction: Transaction) -> None:
        transaction.update(
            "connection",
            Connection(address.connection_id),
            actions=session_store.joined(address.namespace, due_at),
            condition=connections.is_live(address.namespace),
        )
        transaction.put("member", Member.of(address.namespace, address, expires_at))

    return transact_if(add_items)


def join(
    address: Address, session: Session, room: str, expires_at: int, joined_ms: int | None = None
) -> bool:
    """Let a session join a room. Idempotent.

    Returns False, and writes nothing, if the session has ended meanwhile.

    joined_ms: when the session asked for it, epoch ms, if it can be recovered.
    """
    member = Member.of(
        rooms.key(session.namespace, room),
        address,
        expires_at,
        session.person_id or None,
        sid=session.sid,
        joined_ms=joined_ms,
    )

    def add_items(transaction: Transaction) -> None:
        transaction.put("member", member)
        transaction.update(
            "connection",
            Connection(address.connection_id),
            actions=[Connection.rooms.add({session.room_entry(room)})],
            condition=session_store.has(session),
        )

    return transact_if(add_items)


def leave(address: Address, session: Session, room: str) -> bool:
    """Take a session out of a room. Idempotent.

    Returns False, and writes nothing, if the session has ended meanwhile.
    """

    def add_items(transaction: Transaction) -> None:
        key = rooms.shard(rooms.key(session.namespace, room), address.connection_id)
        transaction.delete("member", Member(key, address.connection_id))
        transaction.update(
            "connection",
            Connection(address.connection_id),
            actions=[Connection.rooms.delete({session.room_entry(room)})],
            condition=session_store.has(session),
        )

    return transact_if(add_items)


def leave_all(connection: Connection, session: Session, kept_until: int | None = None) -> list[str]:
    """Take a session that has ended out of all its rooms. Idempotent.

    Returns the entries of these rooms in the connection's row, which
    ``session_store.forget_session`` deletes.

    kept_until: until when the session can be recovered, epoch seconds. Until then it is marked as
        away in its rooms instead.

    ``connection`` must have been read after the session could no longer join anything. A member
    that has joined with a later session of the connection stays.
    """
    joined = connection.rooms_of(session)
    for room, one in product(joined, recovery.addresses(connection, session)):
        key = rooms.key(session.namespace, room)
        if kept_until is not None:
            rooms.mark_away(key, one.connection_id, kept_until)
            continue
        Member(rooms.shard(key, one.connection_id), one.connection_id).delete_if(
            Member.sid.does_not_exist() | (Member.sid == session.sid)
        )
    return list(joined.values())
