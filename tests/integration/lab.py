"""A small product for tests, with namespaces that need no login, and clients that join them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

from functions.chat.namespaces import CHAT
from shared.pipeline import admission
from shared.pipeline.context import Arrival, Background, Context
from shared.pipeline.declarations import Limit
from shared.pipeline.payloads import ANY_ARGUMENTS, Arguments, Outbound
from shared.pipeline.product import Product
from shared.pipeline.registry import Registry
from shared.realtime import connections, session_store
from shared.realtime.address import Address, Wire
from shared.realtime.connections import Connection
from shared.realtime.emitter import Emitter
from shared.realtime.namespaces import Login, Namespace
from shared.realtime.sessions import Session
from tests.fakes import NOW_MS, Fakes
from tests.integration import stage

OPEN = Namespace("/open", login=Login.NONE, everybody=True)
QUIET = Namespace("/quiet", login=Login.NONE)

_numbers = itertools.count(1)


class Said(Outbound, frozen=True, array_like=True):
    event = "said"
    text: str
    number: int | None = None


class Lab:
    """The product, and what its hooks have been called with.

    fakes: what stands in for everything outside the process.
    greeted: what each client has sent when it joined.
    contexts: the contexts of the same calls.
    left: the namespace and the connection of each session that has ended.
    on_connect: a test's own code, called when a client has joined.
    registry: the registry, with this product only.
    """

    def __init__(self, fakes: Fakes) -> None:
        self.fakes = fakes
        self.greeted: list[Mapping[str, Any]] = []
        self.contexts: list[Context] = []
        self.left: list[str] = []
        self.on_connect: Callable[[Context], None] = lambda _: None
        product = Product("lab", namespaces=[OPEN, QUIET, CHAT])
        for path in (OPEN.path, QUIET.path, CHAT.path):
            product.on_connect(path)(self._greet)
        product.on_leave(OPEN.path)(self._left)
        product.on("echo", namespaces=[OPEN.path], payload=ANY_ARGUMENTS)(_echo)
        product.on("limited", namespaces=[OPEN.path], limit=Limit("limit_call_cancel_per_minute"))(
            _nothing
        )
        self.registry = Registry([product])

    def _greet(self, context: Context, auth: Mapping[str, Any]) -> None:
        self.greeted.append(auth)
        self.contexts.append(context)
        self.on_connect(context)

    def _left(self, _: Background, connection: Connection, session: Session) -> None:
        self.left.append(f"{session.namespace} {connection.connection_id}")

    def row(self, connection_id: str) -> Connection:
        """Return the row of a connection, which must be there."""
        found = connections.get(connection_id)
        assert found, f"{connection_id} is gone"
        return found

    def come(
        self, connection_id: str, namespace: str = OPEN.path, wire: Wire = Wire.SOCKETIO
    ) -> Context:
        """Let a connection join a namespace, and return the context of its next event.

        The connection is made if there is none.
        """
        if connections.get(connection_id) is None:
            connections.create(
                Connection(connection_id, wire=wire.value, expires_at=stage.EXPIRES_AT)
            )
        session = admission.authenticate(self.registry, self.fakes.ports, namespace, None)
        assert session_store.add_session(connection_id, session)
        admission.begin_session(self.registry, self.fakes.ports, self.row(connection_id), session)
        return self.context(connection_id, namespace)

    def context(self, connection_id: str, namespace: str = OPEN.path) -> Context:
        """Return the context of a connection's next event."""
        row = self.row(connection_id)
        session = row.session(namespace)
        assert session
        return Context(
            self.registry,
            self.fakes.ports,
            Emitter(self.fakes.ports),
            session,
            Address(namespace, Wire(row.wire), connection_id),
            Arrival(connection_id, f"message {next(_numbers)}", NOW_MS),
            row,
        )

    def frames(self, connection_id: str) -> list[Any]:
        """Return the arguments of all events and acknowledgements of a Socket.IO client."""
        frames = self.fakes.connections.to(connection_id)
        return [json.loads(one[one.index("[") :]) for one in frames if one[:2] in {"42", "43"}]


def _echo(_: Context, arguments: list[Any]) -> Arguments:
    return Arguments(arguments)


def _nothing(_: Context, __: None) -> None: ...
