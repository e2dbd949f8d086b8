"""The rows of what products declare, as data.

``product`` has the decorators that fill them, and ``registry`` has those of all products together.
The types of handlers are in ``product``: handlers receive the registry, which has these rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from shared.pipeline.deployment import NOTHING, Access, FunctionSpec, RowsOf, TableSpec
from shared.pipeline.payloads import GENERAL_ERROR, Sent
from shared.pipeline.routes import HttpRoute
from shared.protocol import native
from shared.realtime.missed import Check, OvertakenBy

if TYPE_CHECKING:
    from shared.aws.bus_events import BusEvent, EventsOf
    from shared.pipeline.call_console import CallConsole
    from shared.realtime.namespaces import Namespace
    from shared.realtime.people import Person
    from shared.realtime.sessions import Session

TOO_MANY_REQUESTS = "Too many requests. Please wait a moment."

Handler = Callable[..., Any]
"""A handler or a hook; see ``product`` for what each receives and returns."""


class Limit(msgspec.Struct, frozen=True):
    """How often a person may send an event in any 60 s.

    setting: the name of the setting that holds the number, in ``shared.settings``.
    text: what the client reads if it sends the event more often.
    event: the error event that carries the text.
    in_handler: whether the handler itself counts the event, in a transaction of its own.
    """

    setting: str
    text: str = TOO_MANY_REQUESTS
    event: str = GENERAL_ERROR
    in_handler: bool = False


class EventHandler(msgspec.Struct, frozen=True):
    """One row: an event of a namespace, and everything that the pipeline needs to run it.

    event: the event's name.
    namespace: the namespace in which clients send the event.
    product: the product that declares the event.
    payload: the type of the first argument; a struct with ``array_like=True`` for several
        arguments; ``ANY_ARGUMENTS`` for the list of all arguments. With None, the arguments are
        ignored.
    handle: the handler.
    error_event: the event that carries the handler's errors.
    missing: the contract's text for an absent field, if it has one.
    texts: the contract's texts for a wrong value, by field.
    refusals: the texts with which the handler refuses what has the right shape, for the documents.
        ``{}`` stands for a name.
    limit: how often a person may send the event, or None.
    preload: reads what the payload alone identifies, at the same time as the session is read. The
        handler finds the result in ``context.preloaded``.
    load: reads what only the session and the payload identify, at the same time as the event is
        counted for its limit. The handler finds the result in ``context.loaded``.
    permission: the permission that the session needs to send the event, or None.
    open: whether a session that has not authenticated yet may send the event.
    access: the rights of the handler.
    """

    event: str
    namespace: str
    product: str
    payload: Any
    handle: Handler
    error_event: str = GENERAL_ERROR
    missing: str | None = None
    texts: Mapping[str, str] = msgspec.field(default_factory=dict)
    refusals: tuple[str, ...] = ()
    limit: Limit | None = None
    preload: Handler | None = None
    load: Handler | None = None
    permission: str | None = None
    open: bool = False
    access: Access = NOTHING

    @property
    def action(self) -> str:
        """The event's name in native frames, and its route key."""
        return native.action(self.event)


class BackendEventHandler(msgspec.Struct, frozen=True):
    """A type of backend event: a report of a team's own systems.

    type: the event's type.
    payload: the type of the event's data.
    handle: the handler. It receives the payload, and the time at which the event happened in epoch
        ms. It may be called again for the same event, and for an older event after a newer one.
    """

    type: str
    payload: Any
    handle: Handler


class RingTimeout(msgspec.Struct, frozen=True):
    """What happens to a call that is not answered in time.

    row: the class of the row on which the call rings.
    handle: the hook, called with this row and the call's id.
    """

    row: type[Any]
    handle: Handler


class ReturnHook(msgspec.Struct, frozen=True):
    """What happens when a session is recovered that has been in rooms of a product.

    rooms: how the product's own entries in the ``rooms`` of a connection's row begin.
    allowed: whether a session may still be in such a room.
    handle: the hook, called for each of these rooms.
    arrived: what happens when the session can be reached again.
    """

    rooms: str
    allowed: Callable[[Session, str], bool]
    handle: Handler
    arrived: Handler


class LaterHook(msgspec.Struct, frozen=True):
    """What an event handler has put off.

    payload: the type of the payload.
    handle: the hook. It is called with the payload once or, after a failure, more often.
    """

    payload: Any
    handle: Handler


class Hook(StrEnum):
    """When a product's code runs beside its event handlers."""

    CONNECT = "connect"
    LEAVE = "leave"
    RETURN = "return"
    RING_TIMEOUT = "ring timeout"
    SWEEP = "sweep"
    LATER = "later"
    MISSED = "missed"
    BACKEND = "backend"
    HTTP = "http"


class BusHook(msgspec.Struct, frozen=True):
    """What a product publishes of the changes of a table.

    table: the table.
    events_of: returns the events of a change.
    rows: the rows whose changes have events; None for all rows.
    """

    table: str
    events_of: EventsOf
    rows: RowsOf | None = None

    def follows(self, table: str, keys: Mapping[str, Any]) -> bool:
        """Return whether the changes of a row have events. Its key is in DynamoDB's form."""
        return table == self.table and (self.rows is None or self.rows.has(keys))


class CommonHooks:
    """The hooks that the registry keeps in the same form as the product that declares them."""

    def __init__(self) -> None:
        self.return_hooks: dict[str, ReturnHook] = {}
        self.logins: dict[str, Handler] = {}
        self.sweep_hooks: list[Handler] = []
        self.ring_timeouts: dict[str, RingTimeout] = {}
        self.later_hooks: dict[str, LaterHook] = {}
        self.missed_checks: dict[tuple[str, str], Check] = {}
        self.overtaking: dict[tuple[str, str], OvertakenBy] = {}
        self.backend_events: dict[str, BackendEventHandler] = {}
        self.call_finders: list[Handler] = []
        self.bus_hooks: list[BusHook] = []
        self.bus_events: list[type[BusEvent]] = []

    def include(self, others: CommonHooks) -> None:
        """Add the hooks of ``others``."""
        self.return_hooks.update(others.return_hooks)
        self.logins.update(others.logins)
        self.sweep_hooks.extend(others.sweep_hooks)
        self.ring_timeouts.update(others.ring_timeouts)
        self.later_hooks.update(others.later_hooks)
        self.missed_checks.update(others.missed_checks)
        self.overtaking.update(others.overtaking)
        self.backend_events.update(others.backend_events)
        self.call_finders.extend(others.call_finders)
        self.bus_hooks.extend(others.bus_hooks)
        self.bus_events.extend(one for one in others.bus_events if one not in self.bus_events)


class Declarations(CommonHooks):
    """Everything that a product declares; ``Product`` explains the fields."""

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
        super().__init__()
        self.name = name
        self.namespaces = tuple(namespaces)
        self.tables = tuple(tables)
        self.access = access
        self.functions = tuple(functions)
        self.memory_mb = memory_mb
        self.accesses: list[tuple[Hook, Access]] = []
        self.handlers: list[EventHandler] = []
        self.sent: list[tuple[str, str, Sent]] = []
        self.connect_hooks: dict[str, list[Handler]] = {}
        self.leave_hooks: dict[str, list[Handler]] = {}
        self.person_rows: list[tuple[str, type[Person]]] = []
        self.connection_hooks: dict[str, Handler] = {}
        self.http_routes: list[HttpRoute] = []
        self.all_counters: list[Handler] = []
        self.console: CallConsole | None = None
