"""The one table of events: what is dispatched, routed, validated and documented comes from here.

A product declares its events once::

    calls = Product("calls")

    @calls.on("call:cancel", payload=CallRef, namespaces=["/user"], error_event="call:error")
    def cancel(context: Context, request: CallRef) -> None: ...

Registering touches neither AWS nor the environment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import msgspec

from shared.protocol import native
from shared.realtime.address import Address, Delivery
from shared.realtime.broadcast import Broadcast

if TYPE_CHECKING:
    from shared.realtime.connections import Connection, Session
    from shared.realtime.context import Background, Context
    from shared.realtime.people import Person
    from shared.realtime.sweep import Sweep

GENERAL_ERROR = "error"

P = TypeVar("P")
Handle = Callable[["Context", P], object]
Preload = Callable[[P], object]
ConnectionHook = Callable[["Background", "Connection", "Session"], None]
LeaveHook = Callable[["Background", "Person"], None]
RingTimeout = Callable[["Background", "Person", str], None]
BackendHandle = Callable[["Background", P, int], None]
SweepHook = Callable[["Sweep"], None]


class Inbound(msgspec.Struct, frozen=True, rename="camel"):
    """Base of payloads that clients send; unknown fields are ignored, as Socket.IO apps expect."""


class Answer(msgspec.Struct, frozen=True, rename="camel"):
    """Base of what acknowledgements carry: fields are written in camelCase."""


class Outbound(msgspec.Struct, frozen=True, rename="camel"):
    """Base of payloads that clients receive. ``event`` is the Socket.IO event name."""

    event: ClassVar[str]

    def to(self, addresses: Iterable[Address]) -> Delivery:
        return Delivery(self.event, self, tuple(addresses))

    def to_everybody(self, namespace: str, *, group: str, once: str | None = None) -> Broadcast:
        """``group``: what it is about; broadcasts about the same arrive in order. ``once``: what
        makes two of this event the same."""
        return self.to_room(namespace, namespace, group=group, once=once)

    def to_room(
        self,
        namespace: str,
        room: str,
        *,
        group: str,
        skip_person: str | None = None,
        once: str | None = None,
        own_form: str | None = None,
        by_ms: int | None = None,
    ) -> Broadcast:
        once = once and f"{self.event}#{once}"
        return Broadcast(
            namespace=namespace,
            room=room,
            event=self.event,
            payload=self,
            group=group,
            skip_person=skip_person,
            once=once,
            own_form=own_form,
            by_ms=by_ms,
        )


class Posted(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Base of backend events that are passed on: the fields say what they must have, ``posted`` is
    all of what they have."""

    posted: dict[str, Any] = msgspec.field(default_factory=dict, name="")


Sent = type[Outbound] | type[Posted]


class Error(Outbound, frozen=True):
    """The payload of ``error`` and ``call:error``."""

    event = GENERAL_ERROR
    message: str


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


@dataclass(frozen=True)
class BackendEvent:
    """Something that a team's own systems tell. ``handle`` may be called again for the same event,
    and with an older one after a newer; it is given when the event happened, in epoch ms."""

    type: str
    payload: Any
    handle: BackendHandle[Any]


class Product:
    """A product's rows. ``name`` is also the name of the function behind its native routes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.handlers: list[EventHandler] = []
        self.sent: list[tuple[str, str, Sent]] = []
        self.leave_hooks: dict[str, list[LeaveHook]] = {}
        self.connection_hooks: dict[str, ConnectionHook] = {}
        self.sweep_hooks: list[SweepHook] = []
        self.ring_timeouts: dict[str, RingTimeout] = {}
        self.backend_events: dict[str, BackendEvent] = {}

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
    ) -> Callable[[Handle[P]], Handle[P]]:
        """Register the decorated handler. It returns what an acknowledgement carries, or None."""

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

    def on_leave(self, namespace: str) -> Callable[[ConnectionHook], ConnectionHook]:
        """Register what happens when any connection of a person leaves a namespace, before its
        person loses it. Called with the connection's row as it is then; any number of times."""

        def register(hook: ConnectionHook) -> ConnectionHook:
            self.connection_hooks[namespace] = hook
            return hook

        return register

    def on_last_leave(self, *namespaces: str) -> Callable[[LeaveHook], LeaveHook]:
        """Register what happens when a person's last connection in a namespace has gone."""

        def register(hook: LeaveHook) -> LeaveHook:
            for namespace in namespaces:
                self.leave_hooks.setdefault(namespace, []).append(hook)
            return hook

        return register

    def on_ring_timeout(self, namespace: str) -> Callable[[RingTimeout], RingTimeout]:
        """Register what happens when nobody has answered in time. Called with the row on which the
        call rang, of somebody in ``namespace``, and the call's id."""

        def register(hook: RingTimeout) -> RingTimeout:
            self.ring_timeouts[namespace] = hook
            return hook

        return register

    def on_backend(
        self, type_: str, *, payload: type[P]
    ) -> Callable[[BackendHandle[P]], BackendHandle[P]]:
        """Register what a backend event of ``type_`` does."""

        def register(handle: BackendHandle[P]) -> BackendHandle[P]:
            self.backend_events[type_] = BackendEvent(type_, payload, handle)
            return handle

        return register

    def on_sweep(self, hook: SweepHook) -> SweepHook:
        """Register what to look after once a minute, whatever has happened meanwhile."""
        self.sweep_hooks.append(hook)
        return hook


class Registry:
    """All products together. Raises ``ValueError`` where two claim the same event."""

    def __init__(self, products: Iterable[Product]) -> None:
        self.handlers: dict[tuple[str, str], EventHandler] = {}
        self.sent: dict[tuple[str, str], Sent] = {}
        self.leave_hooks: dict[str, list[LeaveHook]] = {}
        self.connection_hooks: dict[str, list[ConnectionHook]] = {}
        self.sweep_hooks: list[SweepHook] = []
        self.ring_timeouts: dict[str, RingTimeout] = {}
        self.backend_events: dict[str, BackendEvent] = {}
        for product in products:
            for row in product.handlers:
                if (row.namespace, row.event) in self.handlers:
                    raise ValueError(f"{row.event} is registered twice in {row.namespace}")
                self.handlers[row.namespace, row.event] = row
            for namespace, event, sent in product.sent:
                if self.sent.setdefault((namespace, event), sent) is not sent:
                    raise ValueError(f"{event} is sent in two shapes in {namespace}")
            for namespace, hooks in product.leave_hooks.items():
                self.leave_hooks.setdefault(namespace, []).extend(hooks)
            for namespace, left in product.connection_hooks.items():
                self.connection_hooks.setdefault(namespace, []).append(left)
            self.sweep_hooks.extend(product.sweep_hooks)
            self.ring_timeouts.update(product.ring_timeouts)
            self.backend_events.update(product.backend_events)

    def find(self, namespace: str, event: str) -> EventHandler | None:
        return self.handlers.get((namespace, event))

    def routes(self) -> dict[str, str]:
        """API Gateway route key → product whose function serves it.

        Where two products share an event name, the first one's function serves both: the session's
        namespace picks the handler.
        """
        routes: dict[str, str] = {}
        for row in self.handlers.values():
            routes.setdefault(native.action(row.event), row.product)
        return routes
