"""A product's declaration, from which its events are dispatched, routed, validated and documented.

A product declares its events once::

    calls = Product("calls")

    @calls.on("call:cancel", payload=CallRef, namespaces=["/user"], error_event="call:error")
    def cancel(context: Context, request: CallRef) -> None: ...

A declaration touches neither AWS nor the environment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from shared.pipeline import routes
from shared.pipeline.declarations import (
    BusHook,
    EventHandler,
    Hook,
    Limit,
)
from shared.pipeline.deployment import Access, RowsOf
from shared.pipeline.hooks import Hooks
from shared.pipeline.http import HttpHandle
from shared.pipeline.payloads import GENERAL_ERROR, Outbound, Posted
from shared.pipeline.routes import HttpRoute, Parameter, Who

if TYPE_CHECKING:
    from shared.aws.bus_events import BusEvent, EventsOf
    from shared.calling.running import RunningCall
    from shared.pipeline.call_console import CallConsole
    from shared.pipeline.context import Context
    from shared.pipeline.registry import Registry

P = TypeVar("P")
H = TypeVar("H", bound=HttpHandle)
Handle = Callable[["Context", P], object]
Preload = Callable[[P], object]
Load = Callable[["Context", P], object]
Counters = Callable[[int], msgspec.Struct]
C = TypeVar("C", bound=Counters)
FindCalls = Callable[[str], "list[RunningCall]"]


class Product(Hooks):
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
