"""What a product has done when clients come and go, and when other things happen without them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from shared.pipeline.declarations import (
    BackendEventHandler,
    Declarations,
    Hook,
    LaterHook,
    ReturnHook,
    RingTimeout,
)
from shared.pipeline.deployment import Access
from shared.realtime.missed import Check, OvertakenBy

if TYPE_CHECKING:
    from shared.aws.tables import Table
    from shared.pipeline.context import Background, Context
    from shared.pipeline.returning import Seat
    from shared.pipeline.sweep import Sweep
    from shared.ports import Ports
    from shared.realtime.connections import Connection
    from shared.realtime.people import Person
    from shared.realtime.sessions import Session

P = TypeVar("P")
AnyRow = TypeVar("AnyRow", bound="Table")
AnyPerson = TypeVar("AnyPerson", bound="Person")
ConnectHook = Callable[["Context", dict[str, Any]], None]
ConnectionHook = Callable[["Background", "Connection", "Session"], None]
LeaveHook = Callable[["Background", AnyPerson], None]
RingHook = Callable[["Background", AnyRow, str], None]
BackendHandle = Callable[["Background", P, int], None]
SweepHook = Callable[["Sweep"], None]
ReturnHandle = Callable[["Background", "Connection", "Session", "Seat"], None]
LogIn = Callable[["Ports", object], "Session | None"]


class Hooks(Declarations):
    """The hooks that a product registers; ``Product`` says in a line what each is for."""

    def on_connect(
        self, namespace: str, *, access: Access | None = None
    ) -> Callable[[ConnectHook], ConnectHook]:
        """Register what happens when a client has joined a namespace.

        The hook is called with the context of the session, and with what the client sent when it
        joined: ``auth`` of the CONNECT packet, the query of a 2.x client (in ``/`` without its
        token, which is not kept), or an empty object for a native connection. By then the client
        has received CONNECT, and other sessions can reach the session. The client's first events
        may be handled before the hook. In a namespace with ``Login.LATER``, the session has not
        authenticated by then (``context.session.authenticated``).

        The hook runs at least once, because an invocation may be repeated. If it raises an
        exception, the exception is logged, and the client receives the namespace's error event,
        with the text of a ``Refusal``, and stays connected.
        """

        def register(hook: ConnectHook) -> ConnectHook:
            self._allow(Hook.CONNECT, access)
            self.connect_hooks.setdefault(namespace, []).append(hook)
            return hook

        return register

    def on_leave(
        self, namespace: str, *, access: Access | None = None
    ) -> Callable[[ConnectionHook], ConnectionHook]:
        """Register what happens when any connection leaves a namespace.

        The hook is called with the connection's row as it is then, and with the session that has
        ended. It runs at least once, and before the connection is removed from the row of its
        person. ``connection.rooms_of(session)`` has the rooms that the session was in. The hook is
        not called for sessions that have not authenticated in a namespace with ``Login.LATER``.
        """

        def register(hook: ConnectionHook) -> ConnectionHook:
            self._allow(Hook.LEAVE, access)
            self.connection_hooks[namespace] = hook
            return hook

        return register

    def on_return(
        self,
        namespace: str,
        *,
        rooms: str,
        allowed: Callable[[Session, str], bool],
        arrived: Callable[[Background, Session], None],
        access: Access | None = None,
    ) -> Callable[[ReturnHandle], ReturnHandle]:
        """Register what happens when a session is recovered that has been in rooms of the product.

        Rooms that are joined with ``context.join`` need no hook. A product that keeps rooms of its
        own joins them here again, with the session's new connection, and leaves them with the
        former ones (``seat.former``). Other people are told nothing of that.

        rooms: how the product's own entries in the ``rooms`` of a connection's row begin.
        allowed: whether a session may still be in such a room, by its entry. If not, it receives
            nothing of what was sent to the room meanwhile, and the hook only leaves the room.
        arrived: what happens when the session can be reached again.
        """

        def register(handle: ReturnHandle) -> ReturnHandle:
            self._allow(Hook.RETURN, access)
            self.return_hooks[namespace] = ReturnHook(rooms, allowed, handle, arrived)
            return handle

        return register

    def logs_in(self, namespace: str) -> Callable[[LogIn], LogIn]:
        """Register how a token authenticates a session that is recovered, with ``Login.LATER``.

        The function is called with the token of CONNECT. It returns a session of the token's
        person, or None if the person may not be there.
        """

        def register(log_in: LogIn) -> LogIn:
            self.logins[namespace] = log_in
            return log_in

        return register

    @overload
    def on_last_leave(
        self, *namespaces: str, access: Access | None = None
    ) -> Callable[[LeaveHook[Person]], LeaveHook[Person]]: ...
    @overload
    def on_last_leave(
        self, *namespaces: str, row: type[AnyPerson], access: Access | None = None
    ) -> Callable[[LeaveHook[AnyPerson]], LeaveHook[AnyPerson]]: ...
    def on_last_leave(
        self, *namespaces: str, row: type[Any] | None = None, access: Access | None = None
    ) -> Any:
        """Register what happens when a person's last connection in a namespace has gone.

        The hook is called with the person's row as it is then. It is not called for anonymous
        sessions, which have no person.

        row: the class of the person's row, if the hook needs attributes that ``Person`` does not
            have.
        """

        def register(hook: LeaveHook[Any]) -> LeaveHook[Any]:
            self._allow(Hook.LEAVE, access)
            for namespace in namespaces:
                self.leave_hooks.setdefault(namespace, []).append(hook)
                if row is not None:
                    self.person_rows.append((namespace, row))
            return hook

        return register

    def on_ring_timeout(
        self, prefix: str, *, row: type[AnyRow], access: Access | None = None
    ) -> Callable[[RingHook[AnyRow]], RingHook[AnyRow]]:
        """Register what happens to a call that is not answered in time.

        The hook is called with the row on which the call rings, and with the call's id.

        prefix: the hook is called for calls on rows whose key has this prefix; see
            ``shared.calling.ring``.
        row: the class of the row.
        """

        def register(hook: RingHook[AnyRow]) -> RingHook[AnyRow]:
            self._allow(Hook.RING_TIMEOUT, access)
            self.ring_timeouts[prefix] = RingTimeout(row, hook)
            return hook

        return register

    def on_backend(
        self, type_: str, *, payload: type[P], access: Access | None = None
    ) -> Callable[[BackendHandle[P]], BackendHandle[P]]:
        """Register the handler of the backend events of a type.

        The handler is called with the payload, and the time at which the event happened in epoch
        ms. It runs at least once for each event, in any order.
        """

        def register(handle: BackendHandle[P]) -> BackendHandle[P]:
            self._allow(Hook.BACKEND, access)
            self.backend_events[type_] = BackendEventHandler(type_, payload, handle)
            return handle

        return register

    def on_later(
        self, name: str, *, payload: type[P], access: Access | None = None
    ) -> Callable[[Callable[[Background, P], object]], Callable[[Background, P], object]]:
        """Register what ``Background.postpone`` puts off under a name.

        The hook is called with the payload, some seconds later. It is called again if it fails.
        """

        def register(
            handle: Callable[[Background, P], object],
        ) -> Callable[[Background, P], object]:
            self._allow(Hook.LATER, access)
            self.later_hooks[name] = LaterHook(payload, handle)
            return handle

        return register

    def on_missed(
        self, namespace: str, *events: str, row: type[AnyRow]
    ) -> Callable[[Callable[[AnyRow, Any], bool]], Callable[[AnyRow, Any], bool]]:
        """Register what says whether an event is still true when a client comes back.

        The function is called with the person's row and the event's payload. An event that is not
        true any more is not sent. It needs no rights, because the row has been read.
        """

        def register(holds: Callable[[AnyRow, Any], bool]) -> Callable[[AnyRow, Any], bool]:
            self.missed_checks |= {(namespace, event): Check(row, holds) for event in events}
            return holds

        return register

    def overtakes(
        self, namespace: str, *events: str, access: Access | None = None
    ) -> Callable[[OvertakenBy], OvertakenBy]:
        """Register what has overtaken an event that a lost client has missed.

        The function is called if a device of the person has joined since the loss: it may have
        received newer events already. It is called with the ports, the lost session and the event's
        payload, before the event is sent to that device and once more afterwards. It returns the
        newer event that all devices of the person have been sent or will be, or None if there is
        none. What is overtaken is not sent; what has been sent is followed by the newer event.

        A device that joins later receives what was missed in order, and the function is not called.
        """

        def register(overtaken_by: OvertakenBy) -> OvertakenBy:
            self._allow(Hook.MISSED, access)
            self.overtaking |= {(namespace, event): overtaken_by for event in events}
            return overtaken_by

        return register

    def on_sweep(self, *, access: Access | None = None) -> Callable[[SweepHook], SweepHook]:
        """Register what happens once a minute, whether or not anything else has happened."""

        def register(hook: SweepHook) -> SweepHook:
            self._allow(Hook.SWEEP, access)
            self.sweep_hooks.append(hook)
            return hook

        return register

    def _allow(self, hook: Hook, access: Access | None) -> None:
        self.accesses.append((hook, self.access if access is None else access))
