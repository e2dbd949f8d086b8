"""A product's declaration: what is dispatched, routed, validated and documented comes from here.

A product declares its events once::

    calls = Product("calls")

    @calls.on("call:cancel", payload=CallRef, namespaces=["/user"], error_event="call:error")
    def cancel(context: Context, request: CallRef) -> None: ...

Registering touches neither AWS nor the environment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar, overload

import msgspec

from shared.pipeline import http
from shared.pipeline.deployment import NOTHING, Access, FunctionSpec, TableSpec
from shared.pipeline.http import HttpHandle, HttpRoute, Who
from shared.pipeline.payloads import GENERAL_ERROR, Outbound, Posted, Sent
from shared.protocol import native

if TYPE_CHECKING:
    from shared.aws.tables import Table
    from shared.pipeline.context import Background, Context
    from shared.pipeline.registry import Registry
    from shared.pipeline.sweep import Sweep
    from shared.realtime.connections import Connection, Session
    from shared.realtime.namespaces import Namespace
    from shared.realtime.people import Person

P = TypeVar("P")
AnyRow = TypeVar("AnyRow", bound="Table")
AnyPerson = TypeVar("AnyPerson", bound="Person")
H = TypeVar("H", bound=HttpHandle)
Handle = Callable[["Context", P], object]
Preload = Callable[[P], object]
ConnectHook = Callable[["Context", dict[str, Any]], None]
ConnectionHook = Callable[["Background", "Connection", "Session"], None]
LeaveHook = Callable[["Background", AnyPerson], None]
RingHook = Callable[["Background", AnyRow, str], None]
BackendHandle = Callable[["Background", P, int], None]
SweepHook = Callable[["Sweep"], None]
Counters = Callable[[int], msgspec.Struct]
C = TypeVar("C", bound=Counters)


@dataclass(frozen=True)
class Limit:
    """How often a person may send an event in any 60 s.

    ``setting`` names the number in ``shared.settings``; ``text`` and ``event`` tell who sends more.
    ``in_handler``: the handler takes the hit in a transaction of its own.
    """

    setting: str
    text: str = "Too many requests. Please wait a moment."
    event: str = GENERAL_ERROR
    in_handler: bool = False


@dataclass(frozen=True)
class EventHandler:
    """One row: an event of a namespace and everything the pipeline needs to run it.

    ``missing`` is the contract's text for an absent field, ``texts`` for a wrong value by field.
    ``payload``: the type of the first argument; a struct with ``array_like=True`` for several;
    ``ANY_ARGUMENTS`` for the list of all; None if the arguments are not looked at.
    ``permission``: what the session needs for it; ``open``: whether one that is nobody's yet may
    send it. ``preload`` reads what the payload alone names, beside the session; the handler finds
    the result in ``context.preloaded``.
    """

    event: str
    namespace: str
    product: str
    payload: Any
    handle: Handle[Any]
    error_event: str = GENERAL_ERROR
    missing: str | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    limit: Limit | None = None
    preload: Preload[Any] | None = None
    permission: str | None = None
    open: bool = False
    access: Access = NOTHING

    @property
    def action(self) -> str:
        """The event's name in native frames, and its route key."""
        return native.action(self.event)


@dataclass(frozen=True)
class BackendEventHandler:
    """Something that a team's own systems tell. ``handle`` may be called again for the same event,
    and with an older one after a newer; it is given when the event happened, in epoch ms."""

    type: str
    payload: Any
    handle: BackendHandle[Any]


@dataclass(frozen=True)
class RingTimeout:
    """What happens to a call that is not answered in time.

    row: the class of the row on which the call rings.
    handle: the hook, called with this row and the call's id.
    """

    row: type[Any]
    handle: RingHook[Any]


class Hook(StrEnum):
    """When a product's code runs beside its event handlers."""

    CONNECT = "connect"
    LEAVE = "leave"
    RING_TIMEOUT = "ring timeout"
    SWEEP = "sweep"
    BACKEND = "backend"
    HTTP = "http"


class Product:
    """Everything that a product declares.

    name: the product's name, and the name of the Lambda function behind its native routes.
    namespaces: the namespaces that the product owns.
    tables: the tables that the product owns.
    access: what the product's code may do. A registration may replace it with an ``access`` of its
        own, so that each function holds no more rights than the code that it runs.
    functions: further Lambda functions of the product's own, for streams and queues.
    memory_mb: the memory of the function behind the native routes.
    """

    def __init__(
        self,
        name: str,
        *,
        namespaces: Sequence[Namespace] = (),
        tables: Sequence[TableSpec] = (),
        access: Access = NOTHING,
        functions: Sequence[FunctionSpec] = (),
        memory_mb: int = 512,
    ) -> None:
        self.name = name
        self.namespaces = tuple(namespaces)
        self.tables = tuple(tables)
        self.access = access
        self.functions = tuple(functions)
        self.memory_mb = memory_mb
        self.accesses: list[tuple[Hook, Access]] = []
        self.handlers: list[EventHandler] = []
        self.sent: list[tuple[str, str, Sent]] = []
        self.connect_hooks: dict[str, list[ConnectHook]] = {}
        self.leave_hooks: dict[str, list[LeaveHook[Any]]] = {}
        self.person_rows: list[tuple[str, type[Person]]] = []
        self.connection_hooks: dict[str, ConnectionHook] = {}
        self.sweep_hooks: list[SweepHook] = []
        self.ring_timeouts: dict[str, RingTimeout] = {}
        self.backend_events: dict[str, BackendEventHandler] = {}
        self.http_routes: list[HttpRoute] = []
        self.all_counters: list[Counters] = []

    def on(
        self,
        event: str,
        *,
        namespaces: Sequence[str],
        payload: type[P] | Any = None,
        error_event: str = GENERAL_ERROR,
        missing: str | None = None,
        texts: Mapping[str, str] | None = None,
        limit: Limit | None = None,
        preload: Preload[P] | None = None,
        permission: str | None = None,
        open: bool = False,  # noqa: A002 - as in the row
        access: Access | None = None,
    ) -> Callable[[Handle[P]], Handle[P]]:
        """Register the decorated handler. It returns what an acknowledgement carries, or None:
        any JSON, an ``Answer``, or ``Arguments`` for several values."""

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
                    limit=limit,
                    preload=preload,
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
        """Declare what clients of a namespace receive, beside the errors of its handlers;
        ``posted``: by event, what a backend has posted and is passed on as it is."""
        self.sent.extend((namespace, event.event, event) for event in events)
        self.sent.extend((namespace, event, type_) for event, type_ in (posted or {}).items())

    def on_connect(
        self, namespace: str, *, access: Access | None = None
    ) -> Callable[[ConnectHook], ConnectHook]:
        """Register what happens when a client has joined a namespace.

        The client has its CONNECT and the session can be reached by others when the hook is called,
        with the context of the session and what the client gave along: ``auth`` of the CONNECT
        packet, the query of a 2.x client, nothing of a native connection. The client's first events
        may be handled before. In a namespace with ``Login.LATER``, the session has not
        authenticated then (``context.session.authenticated``).

        It runs at least once: an invocation may be repeated. An exception is logged and the client
        receives the namespace's error event, with the text of a ``Refusal``; it stays connected.
        """

        def register(hook: ConnectHook) -> ConnectHook:
            self._allow(Hook.CONNECT, access)
            self.connect_hooks.setdefault(namespace, []).append(hook)
            return hook

        return register

    def on_leave(
        self, namespace: str, *, access: Access | None = None
    ) -> Callable[[ConnectionHook], ConnectionHook]:
        """Register what happens when any connection leaves a namespace, before its person, if it
        has one, loses it. Called with the connection's row as it is then; any number of times. Not
        called for sessions that have not authenticated in a namespace with ``Login.LATER``. The
        rooms that the session was in are ``connection.rooms_of(session)``."""

        def register(hook: ConnectionHook) -> ConnectionHook:
            self._allow(Hook.LEAVE, access)
            self.connection_hooks[namespace] = hook
            return hook

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

        The hook is called with the person's row as it is then; not for anonymous sessions, which
        have no person. ``row``: the class of the row, if the hook needs more of it than every
        ``Person`` has.
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

        The hook is called for calls that ring on rows with this prefix of their key (see
        ``shared.calling.ring``), with the row, as the class ``row``, and the call's id.
        """

        def register(hook: RingHook[AnyRow]) -> RingHook[AnyRow]:
            self._allow(Hook.RING_TIMEOUT, access)
            self.ring_timeouts[prefix] = RingTimeout(row, hook)
            return hook

        return register

    def on_backend(
        self, type_: str, *, payload: type[P], access: Access | None = None
    ) -> Callable[[BackendHandle[P]], BackendHandle[P]]:
        """Register what a backend event of ``type_`` does."""

        def register(handle: BackendHandle[P]) -> BackendHandle[P]:
            self._allow(Hook.BACKEND, access)
            self.backend_events[type_] = BackendEventHandler(type_, payload, handle)
            return handle

        return register

    def on_sweep(self, *, access: Access | None = None) -> Callable[[SweepHook], SweepHook]:
        """Register what to look after once a minute, whatever has happened meanwhile."""

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
        query: Mapping[str, str] | None = None,
        body: Any = None,
        status: int = 200,
        errors: Sequence[int] = (),
        answer: Callable[[Registry], Any] | None = None,
        access: Access | None = None,
    ) -> Callable[[H], H]:
        """Register what answers an HTTP route: ``GET /bookings/{id}``."""
        method, path = http.split(key)

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

        The decorated function is called with the time in epoch ms. It returns a struct, whose
        fields become fields of the answer.
        """

        def register(read: C) -> C:
            self._allow(Hook.HTTP, access)
            self.all_counters.append(read)
            return read

        return register

    def _allow(self, hook: Hook, access: Access | None) -> None:
        self.accesses.append((hook, self.access if access is None else access))
