"""A session that comes back after the loss of its connection, with ``shared.realtime.recovery``.

1. CONNECT brings the ``pid``: the session moves to the new connection, in one transaction, and
   CONNECT is answered. Other sessions do not reach it there yet (``claim``).
2. The opener brings it up to date (``restore``): it marks the session as away in its rooms, sends
   what has been logged, in order, until nothing more comes, lets other sessions reach the new
   connection, and sends what has been logged in between.

A function that has read an address before it was marked as away may log an event only a moment
later. So the log is read for ``restore_settle_seconds`` before the session can be reached, and
afterwards. What is logged then for a session that is away is sent, and nothing else: the rest has
been sent already.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import msgspec
from pynamodb.expressions.update import Action

from shared import times
from shared.aws.log import logger
from shared.aws.parallel import together
from shared.pipeline import account_changes, rate_limits
from shared.pipeline.context import Background
from shared.pipeline.registry import Registry
from shared.ports import Broadcast, Ports
from shared.realtime import connections, event_log, moving, recovery, rooms, session_store
from shared.realtime.address import Wire
from shared.realtime.connections import JOINING_SECONDS, Connection
from shared.realtime.event_log import LoggedEvent
from shared.realtime.namespaces import Login
from shared.realtime.rooms import Member
from shared.realtime.sessions import Recovery, Session
from shared.settings import settings

OVERLAP_MS = 10_000
"""By how much the clocks of two functions, and the offset and the write of an event, may differ."""

LOOKS_AFTERWARDS = (0.0, *[0.01] * 60, *[0.2] * 10)
"""The pauses before the looks for events that were logged while the session became reachable. The
first ones are short: such an event must not be overtaken by the next one, which is sent to the new
connection."""


_ROUNDS = 5
"""How often a session is looked for. It may be in another row by the time at which it is moved."""


class Seat(msgspec.Struct, frozen=True):
    """A session's place in a room.

    room: the name of the room, empty for all sessions of the namespace.
    entry: the room's entry in the ``rooms`` of the connection's row, empty if it has none.
    former: the rows of the former connections in the room.
    """

    room: str
    entry: str
    former: tuple[Member, ...]

    @property
    def form(self) -> str | None:
        """How the session receives the field of ``Broadcast.own_form``."""
        return next((one.form for one in self.former if one.form), None)

    @property
    def joined_ms(self) -> int:
        """When the session joined, epoch ms; 0 if that is when it began."""
        return max((int(one.joined_ms or 0) for one in self.former), default=0)


def claim(
    registry: Registry,
    ports: Ports,
    connection: Connection,
    session: Session,
    auth: Mapping[str, Any],
) -> Session | None:
    """Move the session that a client asks for again to its new connection.

    Returns the session, which cannot be reached yet. Returns None, and changes nothing, if there is
    no such session, it is another person's, or the client says nothing valid about itself.

    The handshake of a client that comes back does not count: its address may open one more, unless
    it has been let to when the connection was lost (``departure.begin_grace``).

    session: the new session that the client would have otherwise, with the account as it is now.
    auth: what the client sent with CONNECT.
    """
    pid, offset = auth.get("pid"), auth.get("offset")
    if not pid or not recovery.is_wanted(auth):
        return None
    if offset is not None and not event_log.is_offset(offset):
        return None
    now = ports.clock.now_ms() // 1000
    due_at = now + JOINING_SECONDS
    actions: list[Action] = [Connection.joining.add({session.namespace})]
    if connection.due_at > due_at:
        actions.append(Connection.due_at.set(due_at))
    known = _authenticated(registry, ports, session, auth.get("token"))
    for _ in range(_ROUNDS):
        lost = recovery.find(pid, session.namespace, now)
        if lost is None or known is None or lost.session.person_id != known.person_id:
            return None
        back = moving.returned(lost, known, offset or "")
        entries = {one for one in lost.rooms if _is_own(registry, lost.session, one)}
        if moving.move(lost, back, connection, actions, entries):
            break
    else:
        return None
    expected = connection.limited or lost.lasted_ms >= rate_limits.WINDOW_MS
    if connection.network and not expected and not connection.all_sessions():
        rate_limits.expect_return(connection.network, ports.clock.now_ms())
    if lost.alive and lost.alone:  # the client is back before anybody knew that it was gone
        ports.connections.close(lost.connection_id)
        ports.tasks.end_connection(lost.connection_id, goodbye=True)
    return back


def _authenticated(
    registry: Registry, ports: Ports, session: Session, token: object
) -> Session | None:
    """Return a new session with its person, also in a namespace with ``Login.LATER``.

    Returns None if the token is not valid there.
    """
    if registry.namespaces[session.namespace].login is not Login.LATER:
        return session
    log_in = registry.logins.get(session.namespace)
    known: Session | None = log_in(ports, token) if log_in else None
    if known is None:
        return None
    return msgspec.structs.replace(known, sid=session.sid, arrived_ms=session.arrived_ms)


def _is_own(registry: Registry, session: Session, entry: str) -> bool:
    """Return whether an entry of ``rooms`` is of a session: its own room, or one of its product."""
    hook = registry.return_hooks.get(session.namespace)
    own = session.room_entry()
    return entry.startswith(own) or (hook is not None and entry.startswith(hook.rooms))


def entries_of(registry: Registry, connection: Connection, session: Session) -> list[str]:
    """Return the entries in the row's ``rooms`` that a session takes along when it comes back."""
    return [one for one in sorted(connection.rooms or ()) if _is_own(registry, session, one)]


def restore(registry: Registry, ports: Ports, connection_id: str, namespace: str) -> None:
    """Bring a session up to date that has come back, and let other sessions reach it.

    If this fails, or another invocation has begun to do so and has died, the connection is closed:
    the client comes back again, and says what it has received.
    """
    connection = moving.begin(connection_id, namespace)
    session = connection.session(namespace) if connection else None
    try:
        if connection is None or session is None:
            _give_up(ports, connection_id, namespace)
        elif isinstance(session.recovery, Recovery):
            _restore(registry, ports, connection, session)
    except Gone:
        ports.tasks.end_connection(connection_id)
    except Exception:
        _give_up(ports, connection_id, namespace)
        raise


def _restore(registry: Registry, ports: Ports, connection: Connection, session: Session) -> None:
    assert isinstance(session.recovery, Recovery)  # noqa: S101 - the caller has checked it
    namespace = session.namespace
    seats = _leave_seats(registry, ports, connection, session, session.recovery)
    backlog = Backlog(ports, connection, session, session.recovery, seats)
    backlog.settle()
    _take_seats(registry, ports, connection, session, seats)
    backlog.catch_up(only_skipped=True)
    due_at = ports.clock.now_ms() // 1000 + settings().ping_period_seconds
    everybody = registry.namespaces[namespace].everybody
    if not moving.arrive(connection, session, due_at, everybody=everybody):
        return
    if session.authenticated:
        account_changes.catch_up(registry, ports, connection.address(session), session)
    if hook := registry.return_hooks.get(namespace):
        hook.arrived(Background.on(registry, ports), session)
    for pause in LOOKS_AFTERWARDS:
        time.sleep(pause)
        backlog.catch_up(only_skipped=True)


def _give_up(ports: Ports, connection_id: str, namespace: str) -> None:
    """Close the connection of a session that is not up to date. Idempotent."""
    row = connections.get(connection_id)
    session = row.session(namespace) if row else None
    if session is not None and session.restoring:
        logger.warning("a session was not brought up to date")
        ports.connections.close(connection_id)
        ports.tasks.end_connection(connection_id)


def _leave_seats(
    registry: Registry, ports: Ports, connection: Connection, session: Session, state: Recovery
) -> list[Seat]:
    """Mark a session as away in all its rooms, and return its places there.

    The session leaves rooms of its product in which it may not be any more.
    """
    own, hook = session.room_entry(), registry.return_hooks.get(session.namespace)
    places = []
    for entry in entries_of(registry, connection, session):
        if entry.startswith(own):
            places.append((entry.removeprefix(own), entry))
        elif hook is not None and hook.allowed(session, entry):
            places.append((entry, entry))
        elif hook is not None:
            hook.handle(Background.on(registry, ports), connection, session, Seat(entry, entry, ()))
            session_store.forget_room(connection.connection_id, entry)
    if registry.namespaces[session.namespace].everybody:
        places.append(("", ""))
    return together(partial(_leave_seat, session, state, *one) for one in places)


def _leave_seat(session: Session, state: Recovery, room: str, entry: str) -> Seat:
    key = rooms.key(session.namespace, room)
    former = (rooms.mark_away(key, one) for one in state.moving)
    return Seat(room, entry, tuple(one for one in former if one is not None))


def _take_seats(
    registry: Registry, ports: Ports, connection: Connection, session: Session, seats: list[Seat]
) -> None:
    """Move a session's places in its rooms to its new connection."""
    hook = registry.return_hooks.get(session.namespace)

    def take(seat: Seat) -> None:
        if hook is not None and seat.entry.startswith(hook.rooms):
            hook.handle(Background.on(registry, ports), connection, session, seat)
        elif seat.entry:
            key = rooms.key(session.namespace, seat.room)
            for former in seat.former:
                moving.move_seat(connection, session, key, former, seat.entry)

    together(partial(take, seat) for seat in seats)


class Backlog:
    """The events that a session has missed, and what has been sent of them."""

    def __init__(
        self,
        ports: Ports,
        connection: Connection,
        session: Session,
        state: Recovery,
        seats: Iterable[Seat],
    ) -> None:
        self._ports, self._connection, self._session = ports, connection, session
        self._former = {connection.connection_id, *state.former, *state.moving}
        self._rooms = {seat.room for seat in seats}
        self._torn = state.moving[-1]
        self._offset = state.offset
        self._after = event_log.before(times.of_sortable(state.offset) - OVERLAP_MS)
        self._sent: set[str] = set()
        self._logs: dict[str, Callable[[LoggedEvent, bool], str | None]] = {
            event_log.of_session(session.sid): self._own
        }
        for seat in seats:
            key = rooms.key(session.namespace, seat.room)
            shards = {rooms.shard(key, one) for one in self._former}
            for log in (key, *shards):
                self._logs[event_log.of_room(log)] = partial(self._of_room, seat)

    def settle(self) -> None:
        """Send the events that have been logged, until nothing more comes."""
        values, began = settings(), time.monotonic()
        until = began + values.restore_settle_seconds
        while True:
            came, now = self.catch_up(), time.monotonic()
            if came:
                quiet = max(until, now + values.restore_quiet_seconds)
                until = min(quiet, began + values.restore_most_seconds)
            if now >= until:
                return
            time.sleep(values.restore_pause_seconds)

    def catch_up(self, *, only_skipped: bool = False) -> int:
        """Send the events that have been logged since the last call, in order.

        Returns how many there were. Raises ``Gone`` if the client is gone again.

        only_skipped: send only what was logged while the session was away. The rest has been sent
            to the new connection already.
        """
        read_at = self._ports.clock.now_ms()
        found = dict(self._read(only_skipped=only_skipped))
        for offset in sorted(found):
            if not self._ports.connections.post(self._connection.connection_id, found[offset]):
                raise Gone(self._connection.connection_id)
        self._after = max(self._after, event_log.before(read_at - OVERLAP_MS))
        return len(found)

    def _read(self, *, only_skipped: bool) -> Iterator[tuple[str, str]]:
        """Yield the offset and the frame of each event that is to be sent now."""
        logs = list(self._logs)
        for log, events in zip(
            logs, together(partial(self._events, one) for one in logs), strict=True
        ):
            for event in events:
                if event.offset not in self._sent and self._is_missing(event):
                    self._sent.add(event.offset)
                    frame = self._logs[log](event, only_skipped)
                    if frame is not None:
                        yield event.offset, frame

    def _is_missing(self, event: LoggedEvent) -> bool:
        """Return whether the client may lack an event, by the offset that it has sent.

        An event with a lower offset is missing if a later event has overtaken it and reached the
        client just before the connection was lost.
        """
        return event.offset > self._offset or self._torn in (event.gone or ())

    def _shown(self, event: LoggedEvent) -> str:
        """Return the offset with which the client receives an event. It is never lower than the one
        that the client has sent, which would be forgotten."""
        return max(event.offset, self._offset)

    def _events(self, log: str) -> list[LoggedEvent]:
        return list(event_log.read(log, self._after))

    def _own(self, event: LoggedEvent, only_skipped: bool) -> str | None:
        """Return the frame of an event to the session, or None if it has been sent already."""
        posted = event.posted_to == self._connection.connection_id
        if only_skipped and posted:
            return None
        return event.frame.replace(event.offset, self._shown(event))

    def _of_room(self, seat: Seat, event: LoggedEvent, only_skipped: bool) -> str | None:
        """Return the frame of an event to a room, or None if the session does not receive it."""
        skipped = {*(event.away or ()), *(event.gone or ())}
        if only_skipped and not self._former & skipped:
            return None
        if self._connection.connection_id in (event.present or ()):
            return None
        message = event_log.message_of(event)
        if event.at_ms < seat.joined_ms or self._former & set(event.missed or ()):
            return None
        if not self._receives(message, seat):
            return None
        return rooms.frame_of(message, Wire.RECOVERY, seat.form, self._shown(event))

    def _receives(self, message: Broadcast, seat: Seat) -> bool:
        if message.skip_person is not None and message.skip_person == self._session.person_id:
            return False
        if message.by_ms is not None and seat.joined_ms > message.by_ms:
            return False
        if message.only and not self._former & set(message.only):
            return False
        left_out = set(message.skip_connections)
        return not self._former & left_out and not self._rooms & set(message.skip_rooms)


class Gone(Exception):
    """The client of a session that comes back is gone again."""
