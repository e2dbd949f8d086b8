"""The events and routes of the registry, in the order in which people read them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import partial
from types import FunctionType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

from functions.products import REGISTRY
from shared.aws.bus_events import BusEvent
from shared.pipeline.context import NOT_AUTHENTICATED, Decided
from shared.pipeline.declarations import EventHandler
from shared.pipeline.dispatch import NOT_PERMITTED
from shared.pipeline.http import Reply
from shared.pipeline.payloads import GENERAL_ERROR, Error
from shared.pipeline.routes import HttpRoute
from shared.protocol import native
from shared.realtime.namespaces import (
    ACCESS_DENIED,
    INVALID_TOKEN,
    NOT_APPROVED,
    TOKEN_REQUIRED,
    Login,
)
from shared.settings import Settings


class Failure(msgspec.Struct, frozen=True):
    """Why something was refused."""

    message: str


class Refused(msgspec.Struct, frozen=True):
    """What an acknowledgement carries if the event was refused."""

    error: Failure


class ToServer(NamedTuple):
    """An event that clients send. ``payload`` is None if the handler reads no payload."""

    product: str
    namespace: str
    event: str
    payload: Any
    answer: Any
    errors: Mapping[str, tuple[str, ...]]
    """The texts of each error event that may answer the event, beside the general ones."""

    permission: str | None
    limit: int | None
    about: str

    @property
    def action(self) -> str:
        """The event's name in native frames."""
        return native.action(self.event)


class ToClient(NamedTuple):
    """An event that clients receive."""

    namespace: str
    event: str
    payload: Any

    @property
    def about(self) -> str:
        """The description of the event."""
        if self.payload is Error:
            return "Why something was refused."
        return (
            "Why something was refused, as bare text."
            if self.payload is str
            else about(self.payload)
        )


def namespaces() -> list[str]:
    """Return the namespaces that have events, in the order in which the products declare them."""
    used = {namespace for namespace, _ in (*REGISTRY.handlers, *REGISTRY.sent)}
    declared = [path for path in REGISTRY.namespaces if path in used]
    return declared + sorted(used.difference(declared))


def to_server(namespace: str) -> list[ToServer]:
    """Return the events that clients send in a namespace."""
    return [_to_server(row) for row in REGISTRY.handlers.values() if row.namespace == namespace]


def to_client(namespace: str) -> list[ToClient]:
    """Return the events that clients receive in a namespace: the declared ones and the errors.

    The payload of an error is an object, or a text if the namespace has text errors.
    """
    known = REGISTRY.namespaces.get(namespace)
    error: Any = str if known and known.text_errors else Error
    events: dict[str, Any] = {
        event: payload for (where, event), payload in REGISTRY.sent.items() if where == namespace
    }
    for received in to_server(namespace):
        for event in received.errors:
            events.setdefault(event, error)
    events.setdefault(known.error_event if known else GENERAL_ERROR, error)
    return [ToClient(namespace, event, payload) for event, payload in events.items()]


def on_bus() -> list[type[BusEvent]]:
    """Return the events that the stack puts on its bus, by their types."""
    return sorted(REGISTRY.bus_events, key=lambda event: event.type)


def connect_errors(namespace: str) -> list[str]:
    """Return the texts with which a client may be refused when it joins a namespace."""
    known = REGISTRY.namespaces.get(namespace)
    if known is None or known.login is not Login.TOKEN:
        return []
    texts = [TOKEN_REQUIRED, INVALID_TOKEN, ACCESS_DENIED, known.suspended]
    if known.approval_required:
        texts.append(NOT_APPROVED)
    return [*texts, known.too_many]


def everything() -> Iterator[ToServer | ToClient]:
    """Yield all events of all namespaces."""
    for namespace in namespaces():
        yield from to_server(namespace)
        yield from to_client(namespace)


def about(thing: object) -> str:
    """Return the first paragraph of an object's docstring as one line.

    Returns an empty text if the object has no docstring of its own. Python's own docstrings and
    inherited ones do not count.
    """
    own = thing.__doc__ if isinstance(thing, FunctionType) else None
    if isinstance(thing, type) and issubclass(thing, msgspec.Struct | Enum):
        own = thing.__dict__.get("__doc__")
    return " ".join(inspect.cleandoc(own or "").partition("\n\n")[0].replace("``", "`").split())


def answer_of(route: HttpRoute) -> Any:
    """Return the type of a route's answer. Returns None if the answer has no body."""
    if route.answer:
        return route.answer(REGISTRY)
    answer = get_type_hints(route.handle).get("return", Any)
    if get_origin(answer) is Reply:
        (answer,) = get_args(answer)
    return None if answer is type(None) else answer


def _answer(returned: Any) -> Any:
    """Return what the acknowledgement carries, from the type that a handler returns."""
    return get_args(returned)[0] if get_origin(returned) is Decided else returned


def _known(type_: Any) -> Any:
    """Return a type of a declaration, with ``Any`` for ``object``, which may be any value."""
    return Any if type_ is object else type_


def _to_server(row: EventHandler) -> ToServer:
    handle = row.handle.func if isinstance(row.handle, partial) else row.handle
    texts = [row.missing, *row.texts.values(), *row.refusals]
    namespace = REGISTRY.namespaces.get(row.namespace)
    if namespace and namespace.login is Login.LATER and not row.open:
        texts.insert(0, NOT_AUTHENTICATED)
    if row.permission:
        texts.append(NOT_PERMITTED.format(row.permission))
    errors = {row.error_event: [text for text in texts if text]}
    limit = None
    if row.limit:
        errors.setdefault(row.limit.event, []).append(row.limit.text)
        limit = next(
            field.default
            for field in msgspec.structs.fields(Settings)
            if field.name == row.limit.setting
        )
    return ToServer(
        row.product,
        row.namespace,
        row.event,
        _known(row.payload),
        _known(_answer(get_type_hints(handle).get("return", Any))),
        {event: tuple(dict.fromkeys(texts)) for event, texts in errors.items()},
        row.permission,
        limit,
        about(handle),
    )
