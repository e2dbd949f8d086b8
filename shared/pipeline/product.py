"""A product's declaration, from which its events are dispatched, routed, validated and documented.

A product declares its events once::

    calls = Product("calls")

    @calls.on("call:cancel", payload=CallRef, namespaces=["/user"], error_event="call:error")
    def cancel(context: Context, request: CallRef) -> None: ...

A declaration touches neither AWS nor the environment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

import msgspec

from shared.pipeline import routes
from shared.pipeline.declarations import (
    BackendEventHandler,
    BusHook,
    Declarations,
    EventHandler,
    Hook,
    LaterHook,
    Limit,
    ReturnHook,
    RingTimeout,
)
from shared.pipeline.deployment import Access, RowsOf
from shared.pipeline.http import HttpHandle
from shared.pipeline.payloads import GENERAL_ERROR, Outbound, Posted
from shared.pipeline.routes import HttpRoute, Parameter, Who
from shared.realtime.missed import Check, OvertakenBy

if TYPE_CHECKING:
    from shared.aws.bus_events import BusEvent, EventsOf
    from shared.aws.tables import Table
    from shared.calling.running import RunningCall
    from shared.pipeline.call_console import CallConsole
    from shared.pipeline.context import Background, Context
    from shared.pipeline.registry import Registry
    from shared.pipeline.returning import Seat
    from shared.pipeline.sweep import Sweep
    from shared.ports import Ports
    from shared.realtime.connections import Connection
    from shared.realtime.people import Person
    from shared.realtime.sessions import Session

P = TypeVar("P")
AnyRow = TypeVar("AnyRow", bound="Table")
AnyPerson = TypeVar("AnyPerson", bound="Person")
H = TypeVar("H", bound=HttpHandle)
Handle = Callable[["Context", P], object]
Preload = Callable[[P], object]
Load = Callable[["Context", P], object]
ConnectHook = Callable[["Context", dict[str, Any]], None]
ConnectionHook = Callable[["Background", "Connection", "Session"], None]
LeaveHook = Callable[["Background", AnyPerson], None]
RingHook = Callable[["Background", AnyRow, str], None]
BackendHandle = Callable[["Background", P, int], None]
SweepHook = Callable[["Sweep"], None]
Counters = Callable[[int], msgspec.Struct]
C = TypeVar("C", bound=Counters)
FindCalls = Callable[[str], "list[RunningCall]"]
ReturnHandle = Callable[["Background", "Connection", "Session", "Seat"], None]
LogIn = Callable[["Ports", object], "Session | None"]


class Product(Declarations):
    """Everything that a product declares.

    Who may come, and what they send and receive:

    name: the product's name, and the name of the Lambda function behind its native routes.
    namespaces: the namespaces that the product owns.
    on: the handler of an event that clients send.
    sends: the events that clients receive.

    What the product keeps, and what its code may do:

    tables: the tables that the product owns.
    access: the rights of the product's code. A registration may replace them with an ``access`` of
        its own, so that each function has no more rights than the code that it runs needs.

    What happens when clients come and go:

    on_connect: what happens when a client has joined a namespace.
    on_leave: what happens when any connection leaves a namespace.
    on_last_leave: what happens when a person's last connection leaves a namespace.
    on_return: what happens when a session is recovered that has been in rooms of the product.
    logs_in: how a token authenticates a session that is recovered, with ``Login.LATER``.

    What happens without a client's event:

    route: the handler of an HTTP route.
    counters: a part of what admins see in ``GET /admin/stats``.
    running_calls: the calls that ring or go on in ``GET /calls``.
    call_console: how admins see the calls that ring or go on, and end one.
    on_backend: the handler of a backend event.
    on_sweep: what happens once a minute.
    publishes: the events that a change of a table puts on the stack's bus.
    on_later: what an event handler has put off with ``postpone``.
    on_missed: whether an event is still true when the client that has missed it comes back.
    overtakes: what has overtaken an event that reaches a device late.
    on_ring_timeout: what happens to a call that is not answered in time.

    How the product is deployed:

    functions: further Lambda functions of the product, for streams and queues.
    memory_mb: the memory of the function behind the native routes, in MB.
    """

    def on(
        self,
        event: str,
        *,
        namespaces: Sequence[str],
        payload: type[P] | Any = None,
        error_event: str = GENERAL_ERROR,
        missing: str | None = None,
        texts: Mapping[str, str] | None = None,
        refusals: Iterable[str] = (),
        limit: Limit | None = None,
        preload: Preload[P] | None = None,
        load: Load[P] | None = None,
        permission: str | None = None,
        open: bool = False,  # noqa: A002 - as in the row
        access: Access | None = None,
    ) -> Callable[[Handle[P]], Handle[P]]:
        """Register the decorated handler of an event that clients send.

        The handler is called with the ``Context`` and the payload. It returns what the
        acknowledgement carries: any JSON, an ``Answer``, ``Arguments`` for several values, or None.
        With ``Decided``, its events are sent at the same time as the acknowledgement.

        namespaces: the namespaces in which clients send the event.

        ``EventHandler`` explains the other arguments.
        """
        refused_with = tuple(refusals)

        def register(handle: Handle[P]) -> Handle[P]:
            self.handlers.extend(
                EventHandler(
                    event=event,
                    namespace=namespace,
                    product=self.name,
                    payload=payload,
                    handle=handle,
                    error_event=error_event,
                    missing=missing,
                    texts=texts or {},
                    refusals=refused_with,
                    limit=limit,
                    preload=preload,
                    load=load,
                    permission=permission,
                    open=open,
                    access=self.access if access is None else access,
                )
                for namespace in namespaces
            )
            return handle

        return register

    def sends(
        self,
        namespace: str,
        *events: type[Outbound],
        posted: Mapping[str, type[Posted]] | None = None,
    ) -> None:
        """Declare the events that clients of a namespace receive, beside its handlers' errors.

        posted: backend events that are passed on as they came, by the name of the client's event.
        """
        self.sent.extend((namespace, event.event, event) for event in events)
        self.sent.extend((namespace, event, type_) for event, type_ in (posted or {}).items())

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
        received newer events already. It is called with the person's id and the event's payload,
        before the event is sent to that device and once more afterwards. It returns the newer event
        that all devices of the person have been sent or will be, or None if there is none. What is
        overtaken is not sent; what has been sent is followed by the newer event.

        A device that joins later receives what was missed in order, and the function is not called.
        """

        def register(overtaken_by: OvertakenBy) -> OvertakenBy:
            self._allow(Hook.MISSED, access)
            self.overtaking |= {(namespace, event): overtaken_by for event in events}
            return overtaken_by

        return register

    def publishes(
        self, table: str, *events: type[BusEvent], rows: RowsOf | None = None
    ) -> Callable[[EventsOf], EventsOf]:
        """Register which events a change of a table's row puts on the stack's bus.

        The function is called with the row before and after the change, in DynamoDB's form. A row
        is None if it did not exist, and the row before is None if the table's stream carries new
        rows only. The function must be pure, because a change may be delivered again, and its
        events have the same ids then. It yields at most one event of each type.

        events: all events that the function may yield, for the documents.
        rows: the rows that it is called for; all, if it is None. Other changes cost nothing.
        """

        def register(events_of: EventsOf) -> EventsOf:
            self.bus_hooks.append(BusHook(table, events_of, rows))
            self.bus_events.extend(one for one in events if one not in self.bus_events)
            return events_of

        return register

    def on_sweep(self, *, access: Access | None = None) -> Callable[[SweepHook], SweepHook]:
        """Register what happens once a minute, whether or not anything else has happened."""

        def register(hook: SweepHook) -> SweepHook:
            self._allow(Hook.SWEEP, access)
            self.sweep_hooks.append(hook)
            return hook

        return register

    def route(
        self,
        key: str,
        *,
        who: Who = "a valid token",
        query: Mapping[str, Parameter] | None = None,
        body: Any = None,
        status: int = 200,
        errors: Sequence[int] = (),
        answer: Callable[[Registry], Any] | None = None,
        access: Access | None = None,
    ) -> Callable[[H], H]:
        """Register the handler of an HTTP route.

        key: the route's method and path: ``GET /bookings/{id}``.

        ``HttpRoute`` explains the other arguments.
        """
        method, path = routes.split(key)

        def register(handle: H) -> H:
            self._allow(Hook.HTTP, access)
            self.http_routes.append(
                HttpRoute(
                    method=method,
                    path=path,
                    handle=handle,
                    product=self.name,
                    who=who,
                    query=query or {},
                    body=body,
                    status=status,
                    errors=tuple(errors),
                    answer=answer,
                )
            )
            return handle

        return register

    def counters(self, *, access: Access | None = None) -> Callable[[C], C]:
        """Register a part of what admins see in ``GET /admin/stats``.

        The decorated function is called with the time in epoch ms. It returns a struct. The fields
        of the struct become fields of the answer.
        """

        def register(read: C) -> C:
            self._allow(Hook.HTTP, access)
            self.all_counters.append(read)
            return read

        return register

    def running_calls(self, *, access: Access | None = None) -> Callable[[FindCalls], FindCalls]:
        """Register what finds the product's calls that ring or go on, for ``GET /calls``.

        The decorated function is called with a person's id. It returns the calls of the person.
        """

        def register(find: FindCalls) -> FindCalls:
            for hook in (Hook.HTTP, Hook.SWEEP):
                self._allow(hook, access)
            self.call_finders.append(find)
            return find

        return register

    def call_console(self, console: CallConsole, *, access: Access | None = None) -> None:
        """Let admins see the product's calls that ring or go on, and end one."""
        self._allow(Hook.HTTP, access)
        self.console = console

    def _allow(self, hook: Hook, access: Access | None) -> None:
        self.accesses.append((hook, self.access if access is None else access))
