"""How a session that its client asks for again moves to its new connection.

``move`` takes the session from the row or the record that has it. ``begin`` claims the work of
bringing it up to date, ``move_seat`` moves its place in a room, and ``arrive`` makes it reachable.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from pynamodb.expressions.update import Action

from shared.aws.tables import Transaction, TransactionRefused, is_still, transact, transact_if
from shared.protocol import json
from shared.realtime import connections, people, rooms, session_store
from shared.realtime.address import Address
from shared.realtime.connections import Connection
from shared.realtime.people import Person
from shared.realtime.recovery import Lost, SessionRecord
from shared.realtime.rooms import Member
from shared.realtime.sessions import Recovery, Session
from shared.settings import settings

MOST_FORMER = 8
"""How many earlier connections of a session are known, the last ones."""

_ROUNDS = 8


def move(
    lost: Lost, session: Session, connection: Connection, actions: list[Action], entries: set[str]
) -> bool:
    """Move a lost session to a new connection, which cannot be reached yet.

    Returns False, and writes nothing, if the session or the connection is not as it was read: for
    example because another client has been faster.

    session: the session as it is from now on.
    actions: what else changes in the row of the connection.
    entries: the entries in ``rooms`` that the session takes along.
    """
    slot = Connection.sessions[session.namespace]
    actions = [
        *actions,
        slot.set(json.dumps(session)),
        Connection.restoring.add({session.namespace}),
        *(Connection.data[name].set(text) for name, text in session.own_data(lost.data).items()),
    ]
    if entries:
        actions.append(Connection.rooms.add(entries))

    def add_items(transaction: Transaction) -> None:
        transaction.update(
            "connection",
            Connection(connection.connection_id),
            actions=actions,
            condition=connections.is_live() & slot.does_not_exist(),
        )
        (_take_from_record if lost.kept else _take_from_row)(transaction, lost, connection)

    return transact_if(add_items)


def _take_from_record(transaction: Transaction, lost: Lost, connection: Connection) -> None:
    """Take a lost session out of its record, which says from now on which connection has it."""
    transaction.update(
        "lost",
        SessionRecord.of(lost.session.sid),
        actions=[
            SessionRecord.connection_id.set(connection.connection_id),
            SessionRecord.session.remove(),
            SessionRecord.rooms.remove(),
            SessionRecord.data.remove(),
            SessionRecord.expires_at.set(_record_expires_at(connection)),
        ],
        condition=SessionRecord.session == lost.text,
    )


def _take_from_row(transaction: Transaction, lost: Lost, connection: Connection) -> None:
    """Take a lost session out of its connection's row, and record which connection has it now."""
    transaction.put("record", _record_of(lost.session, connection.connection_id, connection))
    slot = Connection.sessions[lost.session.namespace]
    transaction.update(
        "lost",
        Connection(lost.connection_id),
        actions=[slot.remove(), Connection.joining.delete({lost.session.namespace})],
        condition=(slot == lost.text) & Connection.departing.does_not_exist(),
    )


def _record_of(session: Session, connection_id: str, connection: Connection) -> SessionRecord:
    """Return the record that a session is in the row of the connection ``connection_id``.

    connection: the connection with whose end the session is lost at the latest.
    """
    return SessionRecord.of(
        session.sid, connection_id=connection_id, expires_at=_record_expires_at(connection)
    )


def _record_expires_at(connection: Connection) -> int:
    """Return when a session of a connection can no longer be recovered, epoch seconds."""
    return int(connection.expires_at) + settings().recovery_seconds


def returned(lost: Lost, session: Session, offset: str) -> Session:
    """Return a lost session as it comes back.

    session: the new session of the client, with the account as it is now.
    offset: the offset of the last event that the client has received, or empty.
    """
    before = lost.session.recovery
    assert isinstance(before, Recovery)  # noqa: S101 - ``find`` has checked it
    recovery = msgspec.structs.replace(
        before,
        former=(*before.former, lost.connection_id)[-MOST_FORMER:],
        moving=(*before.moving, lost.connection_id)[-MOST_FORMER:],
        offset=max(offset, before.since),
        restoring=True,
    )
    return msgspec.structs.replace(session, sid=lost.session.sid, recovery=recovery)


def follow(client: Connection, websocket_id: str) -> None:
    """Note that the sessions of a polling client are in the row of its WebSocket from now on."""
    for session in client.all_sessions():
        if session.recovery:
            _record_of(session, websocket_id, client).save()


def begin(connection_id: str, namespace: str) -> Connection | None:
    """Claim the work of bringing a session that has come back up to date.

    Returns the row of its connection. Returns None if that has been claimed before, or the session
    has ended.
    """
    row = Connection(connection_id)
    condition = connections.is_live(namespace) & Connection.restoring.contains(namespace)
    held = row.update_if([Connection.restoring.delete({namespace})], condition)
    return row if held else None


def arrive(connection: Connection, session: Session, due_at: int, *, everybody: bool) -> bool:
    """Make a session that is up to date reachable on its new connection, and on no other.

    Returns False if the session has ended meanwhile.

    due_at: when the sweep looks at the connection next, epoch seconds.
    everybody: whether the namespace has a room of all its sessions.
    """
    before = session.recovery
    assert isinstance(before, Recovery)  # noqa: S101 - only such a session comes back
    after = msgspec.structs.replace(
        session, recovery=msgspec.structs.replace(before, moving=(), offset="", restoring=False)
    )
    namespace, address = session.namespace, connection.address(after)
    slot, text = Connection.sessions[namespace], connection.sessions.as_dict()[namespace]
    for _ in range(_ROUNDS):
        person = people.get(namespace, session.person_id) if session.person_id else None

        def add_items(transaction: Transaction, person: Person | None = person) -> None:
            transaction.update(
                "connection",
                Connection(connection.connection_id),
                actions=[*session_store.joined(namespace, due_at), slot.set(json.dumps(after))],
                condition=connections.is_live() & (slot == text),
            )
            if everybody:
                expires_at, person_id = int(connection.expires_at), session.person_id or None
                transaction.put("room", Member.of(namespace, address, expires_at, person_id))
                for one in before.moving:
                    transaction.delete("room", Member(rooms.shard(namespace, one), one))
            if person is not None:
                _move_member(transaction, person, address, before.moving)

        try:
            transact(add_items)
        except TransactionRefused as refused:
            if refused.failed("connection"):
                return False
        else:
            return True
    raise RuntimeError(f"{session.namespace} cannot be joined again")


def _move_member(
    transaction: Transaction, person: Person, address: Address, moving: Iterable[str]
) -> None:
    """Give a session on its person's row its new address, if the row is as it was read.

    moving: the connections under which other sessions still know the session.
    """
    former = {address._replace(connection_id=one).member for one in moving}
    members = set(person.members or ()) - former | {address.member}
    away = {one for one in person.away or () if not one.endswith(f":{address.sid}")}
    transaction.update(
        "person",
        Person(person.person),
        actions=[
            Person.members.set(members),
            Person.away.set(away) if away else Person.away.remove(),
        ],
        condition=is_still(Person.members, person.members) & is_still(Person.away, person.away),
    )


def move_seat(
    connection: Connection, session: Session, key: str, seat: Member | None, entry: str
) -> None:
    """Give the session's seat in a room to its new connection.

    key: the key of the room.
    seat: the row of the former connection. Returns without a change if there is none.
    entry: the room's entry in the row of the connection.
    """
    if seat is None:
        return
    address = connection.address(session)
    member = Member.of(
        key,
        address,
        int(connection.expires_at),
        session.person_id or None,
        sid=session.sid,
        form=seat.form,
        joined_ms=int(seat.joined_ms) if seat.joined_ms else None,
    )

    def add_items(transaction: Transaction) -> None:
        transaction.put("member", member)
        transaction.delete("former", Member(seat.room, seat.connection_id))
        transaction.check(
            "connection",
            Connection(connection.connection_id),
            condition=session_store.has(session) & Connection.rooms.contains(entry),
        )

    if not transact_if(add_items):
        seat.delete()
