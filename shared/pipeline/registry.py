"""All products together: the one table of events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from shared.pipeline.payloads import Sent
from shared.pipeline.product import (
    BackendEventHandler,
    ConnectionHook,
    EventHandler,
    LeaveHook,
    Product,
    RingTimeout,
    SweepHook,
)
from shared.protocol import native

if TYPE_CHECKING:
    from shared.realtime.people import Person


class Registry:
    """All products together. Raises ``ValueError`` where two claim the same event."""

    def __init__(self, products: Iterable[Product]) -> None:
        self.handlers: dict[tuple[str, str], EventHandler] = {}
        self.sent: dict[tuple[str, str], Sent] = {}
        self.leave_hooks: dict[str, list[LeaveHook[Any]]] = {}
        self.person_rows: dict[str, type[Person]] = {}
        self.connection_hooks: dict[str, list[ConnectionHook]] = {}
        self.sweep_hooks: list[SweepHook] = []
        self.ring_timeouts: dict[str, RingTimeout] = {}
        self.backend_events: dict[str, BackendEventHandler] = {}
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
            for namespace, model in product.person_rows:
                if self.person_rows.setdefault(namespace, model) is not model:
                    raise ValueError(f"persons in {namespace} have two classes of rows")
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
