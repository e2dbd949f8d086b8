"""All products of a stack together: one table of events, routes, namespaces, hooks and rights."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from shared.errors import DeclarationError
from shared.pipeline.declarations import CommonHooks, Declarations, EventHandler, Handler, Hook
from shared.pipeline.deployment import Access
from shared.pipeline.payloads import Sent
from shared.pipeline.routes import HttpRoute
from shared.realtime.namespaces import ADMIN, Namespace

if TYPE_CHECKING:
    from shared.pipeline.call_console import CallConsole
    from shared.realtime.people import Person

_ROUTABLE = re.compile(r"[\w.-]+", re.ASCII)


class Registry(CommonHooks):
    """Everything that the products declare, by the key with which the functions look it up.

    Raises ``DeclarationError`` if two products declare the same event, HTTP route or namespace, or
    declare an event that clients receive, or the rows of a namespace's persons, in two ways.
    """

    def __init__(self, products: Iterable[Declarations]) -> None:
        super().__init__()
        self.products = tuple(products)
        self.namespaces: dict[str, Namespace] = {}
        self.handlers: dict[tuple[str, str], EventHandler] = {}
        self.sent: dict[tuple[str, str], Sent] = {}
        self.connect_hooks: dict[str, list[Handler]] = {}
        self.leave_hooks: dict[str, list[Handler]] = {}
        self.person_rows: dict[str, type[Person]] = {}
        self.connection_hooks: dict[str, list[Handler]] = {}
        self.http_routes: dict[str, HttpRoute] = {}
        self.counters: list[Handler] = []
        self.call_consoles: dict[str, CallConsole] = {}
        for product in self.products:
            self._add_events(product)
            self._add_hooks(product)
            self._add_http(product)
            for namespace in product.namespaces:
                self._add_namespace(namespace)
        self._add_namespace(ADMIN)

    def _add_namespace(self, namespace: Namespace) -> None:
        if namespace.path in self.namespaces:
            raise DeclarationError(
                f"The namespace {namespace.path} is declared twice: give one another path."
            )
        self.namespaces[namespace.path] = namespace

    def _add_events(self, product: Declarations) -> None:
        for row in product.handlers:
            if (row.namespace, row.event) in self.handlers:
                raise DeclarationError(
                    f"Product {product.name!r}: {row.event} is registered twice in {row.namespace}"
                )
            self.handlers[row.namespace, row.event] = row
        for namespace, event, sent in product.sent:
            if self.sent.setdefault((namespace, event), sent) is not sent:
                raise DeclarationError(
                    f"Product {product.name!r}: {event} is sent in two shapes in {namespace}"
                )

    def _add_hooks(self, product: Declarations) -> None:
        for namespace, greetings in product.connect_hooks.items():
            self.connect_hooks.setdefault(namespace, []).extend(greetings)
        for namespace, hooks in product.leave_hooks.items():
            self.leave_hooks.setdefault(namespace, []).extend(hooks)
        for namespace, model in product.person_rows:
            if self.person_rows.setdefault(namespace, model) is not model:
                raise DeclarationError(
                    f"Product {product.name!r}: people in {namespace} have two classes of rows"
                )
        for namespace, hook in product.connection_hooks.items():
            self.connection_hooks.setdefault(namespace, []).append(hook)
        self.include(product)

    def _add_http(self, product: Declarations) -> None:
        self.counters.extend(product.all_counters)
        if product.console is not None:
            self.call_consoles[product.name] = product.console
        for route in product.http_routes:
            if route.key in self.http_routes:
                raise DeclarationError(f"{route.key} is registered twice")
            self.http_routes[route.key] = route

    def find(self, namespace: str, event: str) -> EventHandler | None:
        """Return the handler of an event. Returns None if the namespace has no such event."""
        return self.handlers.get((namespace, event))

    def routes_of(self, path: str) -> list[HttpRoute]:
        """Return the HTTP routes that serve a path, one for each method.

        If an id with a slash makes two of the routes' paths fit, the longer one has it, whatever
        the method. Returns an empty list if nothing serves the path.
        """
        fitting = [route for route in self.http_routes.values() if route.serves(path)]
        longest = max((len(route.path) for route in fitting), default=0)
        return [route for route in fitting if len(route.path) == longest]

    def paths_of_role(self, role: str) -> list[str]:
        """Return the namespaces that accounts of a role join."""
        return [one.path for one in self.namespaces.values() if one.role == role]

    def routes(self) -> dict[str, str]:
        """Return API Gateway's route keys, each with the product whose function serves it.

        An event name that two products share has no route. API Gateway sends such an event to
        ``$default``, whose function serves all products and chooses by the session's namespace. A
        name that is not a plain word, for example ``chat message``, has no route either.
        """
        products: dict[str, set[str]] = {}
        for row in self.handlers.values():
            if not _ROUTABLE.fullmatch(row.action):
                continue
            products.setdefault(row.action, set()).add(row.product)
        return {action: min(names) for action, names in products.items() if len(names) == 1}

    def accesses(self, hook: Hook) -> Iterator[Access]:
        """Yield the rights of the products' code that a hook runs."""
        for product in self.products:
            yield from (access for when, access in product.accesses if when is hook)
