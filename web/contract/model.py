"""The events as the registry has them, in the order in which people read them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple, get_type_hints

import msgspec

from functions.products import REGISTRY
from shared.protocol import native
from shared.realtime.namespaces import NAMESPACES
from shared.registry import GENERAL_ERROR, Error, EventHandler, Outbound
from shared.settings import Settings


class Failure(msgspec.Struct, frozen=True):
    """Why something was refused."""

    message: str


class Refused(msgspec.Struct, frozen=True):
    """What an acknowledgement carries when the event was refused."""

    error: Failure


class ToServer(NamedTuple):
    """An event that clients send; ``payload`` is None where none is read."""

    namespace: str
    event: str
    payload: Any
    answer: Any
    errors: tuple[str, ...]
    limit: int | None
    about: str

    @property
    def action(self) -> str:
        """Its name in native frames."""
        return native.action(self.event)


class ToClient(NamedTuple):
    """An event that clients receive."""

    namespace: str
    event: str
    payload: type[Outbound]

    @property
    def about(self) -> str:
        return about(self.payload)


def namespaces() -> list[str]:
    """Those in use: the registry's, in the order in which the stack declares them."""
    used = {namespace for namespace, _ in (*REGISTRY.handlers, *REGISTRY.sent)}
    declared = [path for path in NAMESPACES if path in used]
    return declared + sorted(used.difference(declared))


def to_server(namespace: str) -> list[ToServer]:
    return [_to_server(row) for row in REGISTRY.handlers.values() if row.namespace == namespace]


def to_client(namespace: str) -> list[ToClient]:
    """What is declared, and the general error."""
    declared = [
        ToClient(namespace, event, payload)
        for (where, event), payload in REGISTRY.sent.items()
        if where == namespace
    ]
    general = ToClient(namespace, GENERAL_ERROR, Error)
    return declared if GENERAL_ERROR in {one.event for one in declared} else [*declared, general]


def everything() -> Iterator[ToServer | ToClient]:
    for namespace in namespaces():
        yield from to_server(namespace)
        yield from to_client(namespace)


def about(thing: object) -> str:
    """The docstring as one line; nothing where it is only inherited."""
    own = thing.__dict__.get("__doc__") if isinstance(thing, type) else thing.__doc__
    return " ".join(inspect.cleandoc(own or "").replace("``", "`").split())


def _to_server(row: EventHandler) -> ToServer:
    errors = [row.error_event]
    limit = None
    if row.limit:
        errors.append(row.limit.event)
        limit = next(
            field.default
            for field in msgspec.structs.fields(Settings)
            if field.name == row.limit.setting
        )
    return ToServer(
        row.namespace,
        row.event,
        row.payload,
        get_type_hints(row.handle).get("return", Any),
        tuple(dict.fromkeys(errors)),
        limit,
        about(row.handle),
    )
