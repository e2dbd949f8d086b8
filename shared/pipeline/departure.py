"""Leaving: one namespace, or everything because the connection is gone.

Every step may run again: ``$disconnect`` is best effort, a failed post reports the same
connection, and an asynchronous invocation may be delivered twice.
"""

from __future__ import annotations

from shared.pipeline.context import Background
from shared.pipeline.registry import Registry
from shared.ports import Ports
from shared.protocol import socketio
from shared.realtime import connections, people, rooms
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
        leave(registry, ports, connection, connections.session_of(text))
        connections.forget_session(connection.connection_id, text)


def expel(
    registry: Registry, ports: Ports, connection_id: str, namespace: str, person_id: str
) -> None:
    """Put a person's session out of a namespace, and the connection out where it has no other.

    A Socket.IO client is told first: one whose connection just ends comes back at once. A session
    that is out already may not have been left to the end."""
    connection = connections.get(connection_id)
    if connection is None:
        return
    session = connection.session(namespace)
    if session is None or session.person_id != person_id:
        finish(registry, ports, connection)
        return
    if connection.wire == Wire.SOCKETIO:
        ports.connections.post(connection_id, socketio.disconnect_frame(namespace))
    if len(connection.all_sessions()) == 1:
        ports.connections.close(connection_id)
        depart(registry, ports, connection_id)
        return
    end(registry, ports, connection, namespace)


def leave(registry: Registry, ports: Ports, connection: Connection, session: Session) -> None:
    """End a session: the person loses a connection and, with the last one, what hangs on it.

    The row is to be read after nothing more could join with this session."""
    if not session.authenticated:
        return
    address = connection.address(session.namespace)
    for left in registry.connection_hooks.get(session.namespace, ()):
        left(Background.on(registry, ports), connection, session)
    if registry.namespaces[session.namespace].everybody:
        rooms.remove(session.namespace, address.connection_id)
    row = registry.person_rows.get(session.namespace, Person)
    person = people.leave(address, session.person_id, row)
    if person.online:
        return
    for hook in registry.leave_hooks.get(session.namespace, ()):
        hook(Background.on(registry, ports), person)
