"""The ends of sessions and connections, and their consequences.

All ways into and out of a session; names without a module are in this one:

=============================  ========================  ===========================================
Way in                         When                      What it does
=============================  ========================  ===========================================
admission.authenticate         a client wants to join    return the session of its token, or refuse
admission.without_person       it joins without a token  return a session without a person
connections.create             ``$connect``, or a        write the row, perhaps with sessions
                               client polls on
session_store.add_session      CONNECT is accepted       write the session into the row
admission.begin_session        the client knows of it    make it reachable, or await authentication
session_store.replace_session  it authenticates later    give the session its person (``LATER``)
=============================  ========================  ===========================================
Way out                        When                      What it does
=============================  ========================  ===========================================
end_session                    a client leaves           do the next three steps in order
session_store.mark_ended       first step                move the session into the row's ``ended``
run_consequences               second step               leave rooms and person, run products' hooks
session_store.forget_session   last step                 take the session out of ``ended``
finish_ended_sessions          a step has failed         do the last two steps for all of ``ended``
expel                          the backend ends it       send ``41``, then end session or connection
end_connection                 a connection is gone,     do the next two steps and all consequences
                               its client too
lose_connection                a connection is gone,     do the first of them, and the other one
                               unexpectedly              when the client has not come back in time
lifecycle.mark_leaving         first step                let nothing more be added to the row
begin_grace                    the sweep closes a        expect the client back, as lose_connection
                               connection that is old    does
finish_connection              last step                 run all consequences, and delete the row
=============================  ========================  ===========================================

A session that has not authenticated in time has no consequences: ``mark_ended`` alone ends it.

Frames run in any order, so a client's last words may be handled after its goodbye. The first step
notes when the goodbye arrived, and the second waits for a moment. Until then, ``dispatch`` serves
what arrived before the goodbye as if the session went on. What the backend ends has no last words.

After an unexpected end, the consequences wait for ``reconnect_grace_seconds``. Nothing has to be
called off when the client comes back: its new connection is one more of the person, so the person
has not left when the consequences of the old one run. A message of the queue of deadlines runs
them, or the sweep. A clean goodbye acts at once: ``41``, ``1``, or a normal close of the WebSocket.

Rooms are joined and left with ``shared.realtime.membership`` while the session goes on.

Other functions have all this run in the disconnect function, with the methods of ``ports.Tasks``:
``context.disconnect`` expels, the sweep finishes what has been left undone, and a post or the sweep
finds a connection gone.

Every step may run again: ``$disconnect`` is best effort, a failed post reports the same
connection, and an asynchronous invocation may be delivered twice.
"""

from __future__ import annotations

import time

from shared.aws import mailboxes
from shared.pipeline import rate_limits, returning
from shared.pipeline.context import Background
from shared.pipeline.registry import Registry
from shared.ports import Ports
from shared.protocol import socketio
from shared.realtime import (
    connections,
    lifecycle,
    membership,
    people,
    recovery,
    rooms,
    session_store,
)
from shared.realtime.address import Wire
from shared.realtime.connections import Connection
from shared.realtime.people import Person
from shared.realtime.sessions import Ended, Session
from shared.settings import settings


def end_connection(
    registry: Registry,
    ports: Ports,
    connection_id: str,
    left_ms: int = 0,
    *,
    unless_closed: bool = False,
    lost: bool = False,
) -> None:
    """Run all consequences of a connection that is gone, and delete its row. Idempotent.

    left_ms: when the connection ended, epoch ms; 0 if the backend ends it.
    unless_closed: do nothing if the backend has closed the connection for the client to come back.
    lost: whether the connection ended unexpectedly, so that its sessions can be recovered.
    """
    connection = lifecycle.mark_leaving(
        connection_id, left_ms, unless_closed=unless_closed, lost=lost
    )
    if connection is not None:
        _await_last_words(ports, int(connection.left_ms or 0))
        finish_connection(registry, ports, connection)


def lose_connection(registry: Registry, ports: Ports, connection_id: str, left_ms: int) -> None:
    """Run all consequences of a connection that is gone, unless its client comes back in time.

    Does nothing if the connection is leaving already. If no session would come back, everything
    runs at once.

    left_ms: when the connection ended, epoch ms.
    """
    if not settings().reconnect_grace_seconds:
        end_connection(registry, ports, connection_id, left_ms, lost=True)
        return
    connection = begin_grace(ports, connection_id, left_ms)
    if connection is None:
        return
    if not _has_settled(connection):
        finish_connection(registry, ports, connection)
        return
    finish_ended_sessions(registry, ports, connection)
    if mailboxes.polls(connection_id):
        ports.connections.close(connection_id)


def begin_grace(
    ports: Ports, connection_id: str, left_ms: int, *, closed: bool = False
) -> Connection | None:
    """Expect the client of a connection back: let it in, and put the consequences off until then.

    Returns the row. Returns None, and does nothing, if the connection is leaving already.

    Only a connection that has lasted lets its client in once more than the limit of its address
    allows. So a client that comes and goes all the time is limited as ever.

    left_ms: when the connection ended, epoch ms.
    closed: whether the backend is about to close the connection.
    """
    grace, now_ms = settings().reconnect_grace_seconds, ports.clock.now_ms()
    due_at = -(-now_ms // 1000) + grace
    connection = lifecycle.mark_lost(connection_id, left_ms, due_at, closed=closed)
    if connection is not None and _has_settled(connection):
        ports.tasks.await_return(connection_id, grace)
        if connection.network and now_ms - connection.opened_at * 1000 >= rate_limits.WINDOW_MS:
            rate_limits.expect_return(connection.network, now_ms)
    return connection


def _has_settled(connection: Connection) -> bool:
    """Return whether a connection has a session to which its client may come back."""
    return any(session.settled for session in connection.all_sessions())


def finish_connection(registry: Registry, ports: Ports, connection: Connection) -> None:
    """Run all consequences of a connection that is leaving, and delete its row. Idempotent.

    A client whose WebSocket is gone before the end of its upgrade goes on by polling.

    The row is deleted last: after a crash on the way, the sweep finds the row and finishes.
    """
    connection_id, left_ms = connection.connection_id, int(connection.left_ms or 0)
    finish_ended_sessions(registry, ports, connection)
    if connection.lost and any(session.recovery for session in connection.all_sessions()):
        connection = lifecycle.mark_departing(connection_id) or connection
    for session in connection.all_sessions():
        until = recovery.kept_until(connection, session)
        run_consequences(registry, ports, connection, session, until)
        if until is not None:
            entries = returning.entries_of(registry, connection, session)
            recovery.keep(connection, session, entries, until)
    connections.delete(connection_id)
    if mailboxes.polls(connection_id):
        ports.connections.close(connection_id)
    elif connection.upgrades and connection.upgraded:
        if connection.lost:
            lose_connection(registry, ports, connection.upgrades, left_ms)
        else:
            end_connection(registry, ports, connection.upgrades, left_ms, unless_closed=True)
    elif connection.upgrades:
        mailboxes.abandon_upgrade(connection.upgrades, connection_id)


def end_session(
    registry: Registry, ports: Ports, connection: Connection, namespace: str, left_ms: int = 0
) -> bool:
    """End the session that ``connection`` has in a namespace, and run its consequences.

    Returns False, and does nothing, if the session is another by now than in this copy of the row.

    left_ms: when the client's goodbye arrived, epoch ms; 0 if the backend ends the session.
    """
    left = session_store.mark_ended(connection, namespace, left_ms)
    if left is None:
        return False
    finish_ended_sessions(registry, ports, left)
    return True


def finish_ended_sessions(registry: Registry, ports: Ports, connection: Connection) -> None:
    """Run the consequences of the sessions in the row's ``ended``. Idempotent.

    A session is forgotten only after all its consequences have run.
    """
    for text in sorted(connection.ended or ()):
        session, left_ms = Ended.of(text)
        _await_last_words(ports, left_ms)
        left = run_consequences(registry, ports, connection, session)
        session_store.forget_session(connection, text, left)


def _await_last_words(ports: Ports, left_ms: int) -> None:
    """Wait until ``last_words_seconds`` after a goodbye, which arrived at ``left_ms``."""
    longest = settings().last_words_seconds
    left = left_ms / 1000 + longest - ports.clock.now_ms() / 1000
    if left > 0:
        time.sleep(min(left, longest))


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
    """End a session that the backend does not want any longer. Idempotent.

    person_id, sid: the session is ended only if it has this person, and this id; an empty text
        fits every session.
    close: whether the connection is closed as well. With None, it is closed if it has no other
        session. A native connection is always closed, because it has one session only.

    A Socket.IO client receives its ``41`` first: a client whose connection just ends comes back at
    once. If the session has ended already, its consequences are finished: an earlier attempt may
    have failed on the way.
    """
    connection = connections.get(connection_id)
    if connection is None:
        return
    session = connection.session(namespace) or connection.lost_session(namespace)
    if not session or person_id not in {"", session.person_id} or sid not in {"", session.sid}:
        finish_ended_sessions(registry, ports, connection)
        return
    if connection.lost:
        run_consequences(registry, ports, connection, session)
        if session.recovery:
            session_store.forget_lost(connection, session)
        return
    sessions = connection.all_sessions()
    if close is None or connection.wire != Wire.SOCKETIO:
        close = close or len(sessions) == 1
    if connection.wire == Wire.SOCKETIO:
        for one in sessions if close else [session]:
            ports.connections.post(connection_id, socketio.disconnect_frame(one.namespace))
    if close:
        ports.connections.close(connection_id)
        end_connection(registry, ports, connection_id)
        return
    if not end_session(registry, ports, connection, namespace):
        # The session has changed since the row was read, or has ended.
        expel(registry, ports, connection_id, namespace, person_id, sid=sid, close=False)


def run_consequences(
    registry: Registry,
    ports: Ports,
    connection: Connection,
    session: Session,
    kept_until: int | None = None,
) -> list[str]:
    """Take an ended session out of its rooms and from its person, and run the products' hooks.

    Idempotent. With the person's last connection, the hooks of ``on_last_leave`` run too. A session
    that has not authenticated has no consequences. Returns the session's rooms, as the connection's
    row lists them.

    ``connection`` must have been read after the session could no longer join anything.

    kept_until: until when the session can be recovered, epoch seconds. Its events are logged until
        then. None if it cannot be recovered.
    """
    if not session.settled:
        return []
    left = membership.leave_all(connection, session, kept_until)
    addresses = recovery.addresses(connection, session)
    for hook in registry.connection_hooks.get(session.namespace, ()):
        hook(Background.on(registry, ports), connection, session)
    if registry.namespaces[session.namespace].everybody:
        for address in addresses:
            rooms.remove(session.namespace, address.connection_id, kept_until)
    if session.anonymous:
        return left
    row = registry.person_rows.get(session.namespace, Person)
    address, *former = addresses
    person = people.leave(
        address,
        session.person_id,
        row,
        former=former,
        kept_until=kept_until,
        lost=bool(connection.lost),
    )
    if person.online:
        return left
    for last_hook in registry.leave_hooks.get(session.namespace, ()):
        last_hook(Background.on(registry, ports), person)
    return left
