"""The sessions in the row of their connection: how they begin, change and end.

A session exists if it is in the row. The writes here are conditional, so that nothing is added to a
connection that is leaving, and nothing is taken from a session that is another by now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from shared.protocol import json
from shared.realtime.connections import AT_ONCE, Connection, is_live, update
from shared.realtime.sessions import Ended, Session, session_of


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
    return update(connection_id, actions, is_live() & slot.does_not_exist()) is not None


class Replaced(msgspec.Struct, frozen=True):
    """A session that has no person, and the same session with a person."""

    before: Session
    after: Session


def joined(namespace: str, due_at: int | None, replaces: Replaced | None = None) -> list[Action]:
    """Return what changes in the row when the session in a namespace becomes reachable.

    It belongs into the transaction that makes the session reachable. There it costs as much as a
    mere check of the row.

    due_at: when the sweep looks at the connection next, epoch seconds. None leaves it as it is.
    replaces: the session, if it is given its person at the same time.
    """
    actions: list[Action] = [Connection.joining.delete({namespace})]
    if due_at is not None:
        actions.append(Connection.due_at.set(due_at))
    if replaces is not None:
        actions.append(Connection.sessions[namespace].set(json.dumps(replaces.after)))
    return actions


def is_as_it_was(namespace: str, replaces: Replaced | None) -> Condition:
    """Return the condition that a session may become reachable as ``joined`` says."""
    if replaces is None:
        return is_live(namespace)
    condition: Condition = Connection.sessions[namespace] == json.dumps(replaces.before)
    condition &= is_live()
    return condition


def replace_session(connection_id: str, before: Session, after: Session, due_at: int) -> bool:
    """Replace a session by the session that has a person, and that becomes reachable later.

    Returns False, and writes nothing, if the session is no longer as it was ``before``.

    due_at: when the sweep looks at the connection next, epoch seconds.
    """
    slot = Connection.sessions[before.namespace]
    actions = [
        slot.set(json.dumps(after)),
        Connection.due_at.set(due_at),
        Connection.joining.add({before.namespace}),
    ]
    return update(connection_id, actions, is_live() & (slot == json.dumps(before))) is not None


def update_session(connection: Connection, session: Session) -> bool:
    """Replace a session by itself with other fields of its person's account.

    Returns False, and writes nothing, if the session is another by now than in this copy of the
    row.
    """
    slot, text = Connection.sessions[session.namespace], connection.sessions[session.namespace]
    actions, condition = [slot.set(json.dumps(session))], is_live() & (slot == text)
    return update(connection.connection_id, actions, condition) is not None


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
    return update(connection.connection_id, actions, is_live() & (slot == text))


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
    update(connection.connection_id, actions, Connection.connection_id.exists())


def forget_lost(connection: Connection, session: Session) -> None:
    """Delete a session of a lost connection from the row, so that it cannot be recovered."""
    slot = Connection.sessions[session.namespace]
    connection.update_if([slot.remove()], slot.contains(session.sid))


def forget_room(connection_id: str, room: str) -> None:
    """Delete an entry in the row's ``rooms``, after all consequences of leaving. Idempotent."""
    update(connection_id, [Connection.rooms.delete({room})], Connection.connection_id.exists())


def has(session: Session) -> Condition:
    """Return the condition that a row is there, is not leaving, and still has this session."""
    condition: Condition = is_live() & Connection.sessions[session.namespace].contains(session.sid)
    return condition


def save_data(connection: Connection, session: Session, values: Mapping[str, str]) -> bool:
    """Keep values for a session, and bring ``connection`` up to date.

    Returns False, and keeps nothing, if the session has ended.

    values: JSON texts by name.
    """
    actions = [Connection.data[session.data_key(name)].set(text) for name, text in values.items()]
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
    return [Connection.data[key].remove() for key in session.own_data(connection.data.as_dict())]
