"""Leaving: one namespace, or everything because the connection is gone.

Every step may run again: ``$disconnect`` is best effort, a failed post reports the same
connection, and an asynchronous invocation may be delivered twice.
"""

from __future__ import annotations

from shared.pipeline.context import Background
from shared.pipeline.registry import Registry
from shared.ports import Ports
from shared.protocol import socketio
from shared.realtime import connections, membership, people, rooms
from shared.realtime.address import Wire
from shared.realtime.connections import Connection, Session
from shared.realtime.people import Person


def depart(registry: Registry, ports: Ports, connection_id: str) -> None:
    """Run all consequences of a connection that is gone; its row goes last, so that a crash on
    the way leaves something to finish."""
    connection = connections.mark_leaving(connection_id)
    if connection is None:
        return
    finish(registry, ports, connection)
    for session in connection.all_sessions():
        leave(registry, ports, connection, session)
    connections.delete(connection_id)


def end(registry: Registry, ports: Ports, connection: Connection, namespace: str) -> bool:
    """End the session in a namespace that was read in the row, and leave it. False where it is
    another by now."""
    left = connections.end_session(connection, namespace)
    if left is None:
        return False
    finish(registry, ports, left)
    return True


def finish(registry: Registry, ports: Ports, connection: Connection) -> None:
    """Leave what has ended; each is forgotten only when all is done."""
    for text in sorted(connection.ended or ()):
        left = leave(registry, ports, connection, connections.session_of(text))
        connections.forget_session(connection.connection_id, text, left)


def expel(
    registry: Registry,
    ports: Ports,
    connection_id: str,
    namespace: str,
    person_id: str = "",
    *,
    sid: str = "",
    close: bool | None = None,
) -> None:
    """Put a session out of a namespace: the person's, or with ``sid`` this very one. ``close``:
    whether the connection is closed as well; None for if it has no other session. A native
    connection is always closed, because its session is its only one.

    A Socket.IO client gets its ``41`` first: a client whose connection just ends comes back at
    once. A session that is out already may not have been left to the end."""
    connection = connections.get(connection_id)
    if connection is None:
        return
    session = connection.session(namespace)
    if not session or person_id not in {"", session.person_id} or sid not in {"", session.sid}:
        finish(registry, ports, connection)
        return
    sessions = connection.all_sessions()
    if close is None or connection.wire != Wire.SOCKETIO:
        close = close or len(sessions) == 1
    if connection.wire == Wire.SOCKETIO:
        for one in sessions if close else [session]:
            ports.connections.post(connection_id, socketio.disconnect_frame(one.namespace))
    if close:
        ports.connections.close(connection_id)
        depart(registry, ports, connection_id)
        return
    end(registry, ports, connection, namespace)


def leave(registry: Registry, ports: Ports, connection: Connection, session: Session) -> list[str]:
    """End a session: it leaves its rooms, and its person loses a connection and, with the last one,
    what hangs on it. Returns the rooms, as the connection's row lists them.

    The row is to be read after nothing more could join with this session."""
    if not session.settled:
        return []
    left = membership.leave_all(connection, session)
    address = connection.address(session.namespace)
    for gone in registry.connection_hooks.get(session.namespace, ()):
        gone(Background.on(registry, ports), connection, session)
    if registry.namespaces[session.namespace].everybody:
        rooms.remove(session.namespace, address.connection_id)
    if session.anonymous:
        return left
    row = registry.person_rows.get(session.namespace, Person)
    person = people.leave(address, session.person_id, row)
    if person.online:
        return left
    for hook in registry.leave_hooks.get(session.namespace, ()):
        hook(Background.on(registry, ports), person)
    return left
