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

if TYPE_CHECKING:
    from shared.realtime.context import Context
    from shared.realtime.people import Person

GENERAL_ERROR = "error"

P = TypeVar("P")
Handle = Callable[["Context", P], object]
Preload = Callable[[P], object]
LeaveHook = Callable[["Context", "Person"], None]


class Inbound(msgspec.Struct, frozen=True, rename="camel"):
    """Base of payloads that clients send; unknown fields are ignored, as Socket.IO apps expect."""


class Outbound(msgspec.Struct, frozen=True, rename="camel"):
    """Base of payloads that clients receive. ``event`` is the Socket.IO event name."""

    event: ClassVar[str]

    def to(self, addresses: Iterable[Address]) -> Delivery:
        return Delivery(self.event, self, tuple(addresses))


class Error(Outbound, frozen=True):
    """The payload of ``error`` and ``call:error``."""

    event = GENERAL_ERROR
    message: str


@dataclass(frozen=True)
class EventHandler:
    """One row: an event of a namespace and everything the pipeline needs to run it.

    ``missing`` is the contract's text for an absent field, ``texts`` for a wrong value by field.
    ``preload`` reads what the payload alone names, beside the session; the handler finds the
    result in ``context.preloaded``.
    """

    event: str
    namespace: str
    product: str
    payload: Any
    handle: Handle[Any]
    error_event: str = GENERAL_ERROR
    missing: str | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    preload: Preload[Any] | None = None


class Product:
    """A product's rows. ``name`` is also the name of the function behind its native routes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.handlers: list[EventHandler] = []
        self.leave_hooks: dict[str, LeaveHook] = {}

    def on(
        self,
        event: str,
        *,
        namespaces: Sequence[str],
        payload: type[P] | Any = None,
        error_event: str = GENERAL_ERROR,
        missing: str | None = None,
        texts: Mapping[str, str] | None = None,
        preload: Preload[P] | None = None,
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
                    preload=preload,
                )
                for namespace in namespaces
            )
            return handle

        return register

    def on_last_leave(self, *namespaces: str) -> Callable[[LeaveHook], LeaveHook]:
        """Register what happens when a person's last connection in a namespace has gone."""

        def register(hook: LeaveHook) -> LeaveHook:
            for namespace in namespaces:
                self.leave_hooks[namespace] = hook
            return hook

        return register


class Registry:
    """All products together. Raises ``ValueError`` where two claim the same event."""

    def __init__(self, products: Iterable[Product]) -> None:
        self.handlers: dict[tuple[str, str], EventHandler] = {}
        self.leave_hooks: dict[str, list[LeaveHook]] = {}
        for product in products:
            for row in product.handlers:
                if (row.namespace, row.event) in self.handlers:
                    raise ValueError(f"{row.event} is registered twice in {row.namespace}")
                self.handlers[row.namespace, row.event] = row
            for namespace, hook in product.leave_hooks.items():
                self.leave_hooks.setdefault(namespace, []).append(hook)

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
