"""The Lambda functions of the stack and of the products, each with its rights.

A function's role has the rights that are listed here, the rights that the products declare for the
code that the function runs, and no others. ``infra/lambdas.py`` makes the functions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from functions.opener.main import LONGEST_SECONDS as OPENER_SECONDS
from functions.products import REGISTRY
from functions.push.product import MAY_FORGET
from infra.build import KEYS
from infra.settings import StackSettings
from shared.pipeline.declarations import Hook
from shared.pipeline.deployment import Access, Asynchronous, FunctionSpec, RowsOf, union

POST = Access(may="post invoke-disconnect")
"""What sending to clients needs. If a connection is gone, the disconnect function is invoked."""

READ_SECRET = "read-secret"  # noqa: S105
READ_QUEUES = "read-queues"
PUBLISHER = "publisher"
SEND_UNPUBLISHED = "send-unpublished"
COUNT_HITS = Access({"limits": "UpdateItem"})

NATIVE = (
    POST
    | COUNT_HITS
    | Access(
        {
            "accounts": "GetItem",
            "connections": "GetItem UpdateItem",
            "people": "UpdateItem",
            "rooms": "PutItem",
        }
    )
)
"""What every function needs that handles events, beside the rights of its handlers: it may have to
make the session reachable that has sent the event."""

BROADCAST = POST | Access(
    {"limits": "GetItem UpdateItem", "recovery": "UpdateItem", "rooms": "Query"},
    may="send-broadcast",
)
"""What sending to a room needs. Those who are missed have a broadcast of their own."""

_LEAVE = Access({"connections": "UpdateItem", "people": "UpdateItem", "rooms": "DeleteItem"})


_RESTORE = Access(
    {
        "connections": "ConditionCheckItem",
        "people": "GetItem",
        "recovery": "Query",
        "rooms": "DeleteItem UpdateItem",
    }
)
"""What it needs to bring a session up to date that has come back."""


@dataclass(frozen=True)
class Serving:
    """A function of the stack, and the code of the products that it runs.

    hooks: the hooks of the products that it calls.
    events: whether it handles the events of all products.
    """

    spec: FunctionSpec
    hooks: tuple[Hook, ...] = ()
    events: bool = False

    @property
    def row(self) -> FunctionSpec:
        """The function with its own rights and those of the products' code."""
        parts = [self.spec.access]
        parts += [access for hook in self.hooks for access in REGISTRY.accesses(hook)]
        if self.events:
            parts += [row.access for row in REGISTRY.handlers.values()]
        access = union(parts)
        return replace(self.spec, access=access, layers=_layers(self.spec.layers, access))


def _layers(layers: tuple[str, ...], access: Access) -> tuple[str, ...]:
    """Return a function's layers, with what checks tokens if the function may read the secret."""
    needs_keys = READ_SECRET in access.may.split() and KEYS not in layers
    return (*layers, KEYS) if needs_keys else layers


def _published_rows() -> dict[str, tuple[RowsOf, ...]]:
    """Return by table the rows whose changes are published, unless all rows of a table are."""
    found: dict[str, list[RowsOf | None]] = {}
    for hook in REGISTRY.bus_hooks:
        found.setdefault(hook.table, []).append(hook.rows)
    return {table: tuple(filter(None, rows)) for table, rows in found.items() if None not in rows}


STACK = (
    Serving(
        FunctionSpec(
            "connect",
            "functions.connect.main.handler",
            Access(
                {
                    "accounts": "GetItem",
                    "connections": "PutItem",
                    "mailboxes": "UpdateItem",
                },
                may="read-secret invoke-opener",
            )
            | COUNT_HITS,
            layers=(KEYS,),
            awaited=True,
            behind_edge=True,
        )
    ),
    Serving(
        FunctionSpec(
            "polling",
            "functions.polling.main.handler",
            POST
            | Access(
                {"mailboxes": "DeleteItem PutItem"},
                may="read-secret invoke-socketio",
            )
            | COUNT_HITS,
            timeout_seconds=29,  # API Gateway waits for 30
            memory_mb=256,  # it does little but wait: docs/liveness.md has the price
            awaited=True,
        )
    ),
    Serving(
        FunctionSpec(
            "opener",
            "functions.opener.main.handler",
            POST
            | Access(
                {
                    "accounts": "GetItem",
                    "connections": "GetItem UpdateItem",
                    "people": "UpdateItem",
                    "rooms": "PutItem",
                },
                may="send-deadline",
            )
            | _RESTORE,
            timeout_seconds=OPENER_SECONDS,
            # Lambda waits a minute before the retry, and discards an event that is too old by then.
            asynchronous=Asynchronous(retries=1, max_age_seconds=180),
            awaited=True,
        ),
        hooks=(Hook.CONNECT, Hook.RETURN),
    ),
    Serving(
        FunctionSpec(
            "deadline",
            "functions.deadline.main.handler",
            POST | Access({"connections": "GetItem UpdateItem"}),
            timeout_seconds=20,
            takes="deadlines",
            at_once=5,  # clients that never authenticate may wait a little longer
        ),
        hooks=(Hook.LATER,),
    ),
    Serving(
        FunctionSpec(
            "disconnect",
            "functions.disconnect.main.handler",
            POST
            | _LEAVE
            | COUNT_HITS
            | Access(
                {
                    "connections": "GetItem DeleteItem",
                    "people": "GetItem",
                    "recovery": "GetItem UpdateItem",
                    "rooms": "UpdateItem",
                },
                may="send-deadline",
            ),
            timeout_seconds=20,
            asynchronous=Asynchronous(retries=2, max_age_seconds=3_600),
            reserved="disconnects_at_once",  # if an event is lost, the sweep finds the departure
        ),
        hooks=(Hook.LEAVE, Hook.MISSED),
    ),
    Serving(
        FunctionSpec(
            "socketio",
            "functions.socketio.main.handler",
            NATIVE
            | _LEAVE
            | Access(
                {"connections": "DeleteItem PutItem", "recovery": "GetItem UpdateItem"},
                may="read-secret send-deadline invoke-opener",
            ),
            timeout_seconds=20,
            memory_mb=1024,
            layers=(KEYS,),
            # An event is the first packets of a client that polls. Its next GET asks again.
            asynchronous=Asynchronous(retries=0, max_age_seconds=60),
            awaited=True,
        ),
        hooks=(Hook.CONNECT, Hook.LEAVE),
        events=True,
    ),
    Serving(
        FunctionSpec(
            "ring-timeout",
            "functions.ring.main.handler",
            POST | Access({"people": "GetItem"}),
            timeout_seconds=20,
        ),
        hooks=(Hook.RING_TIMEOUT,),
    ),
    Serving(
        FunctionSpec(
            "broadcast",
            "functions.broadcast.main.handler",
            BROADCAST | Access({"people": "GetItem"}, may="send-shard"),
            timeout_seconds=30,  # some thousand recipients, and a post that hangs
            memory_mb=1769,
            takes="broadcasts",
            at_once=16,  # more would take concurrency from ringing
            batch=1,  # a batch would hold up its other groups
        )
    ),
    Serving(
        FunctionSpec(
            "broadcast-shard",
            "functions.broadcast.main.shard_handler",
            BROADCAST,
            timeout_seconds=240,  # decision 33: a million recipients within the budget
            memory_mb=1769,
            takes="shards",
            at_once=4,  # two of them already fill the budget that all of them share
            batch=1,  # one part of a large room per invocation: a batch would mix its groups
        )
    ),
    Serving(
        FunctionSpec(
            "sweep",
            "functions.sweep.main.handler",
            POST
            | COUNT_HITS
            | Access(
                {
                    "accounts": "GetItem",
                    "connections": "BatchGetItem UpdateItem",
                    "connections/due": "Query",
                },
                may="send-deadline",
            ),
            # Longer than sweep_seconds and the longest request together; ends before the next sweep
            timeout_seconds=58,
            memory_mb=1769,  # one processor, which many posts use up
            # No retries, because the next sweep does what this one has not done.
            asynchronous=Asynchronous(retries=0, max_age_seconds=60),
            every_minute=True,
        ),
        hooks=(Hook.SWEEP,),
    ),
    Serving(
        FunctionSpec(
            "backend",
            "functions.backend.main.handler",
            timeout_seconds=30,
            takes="events",
            at_once=10,  # an import of a whole catalogue waits in the queue
        ),
        hooks=(Hook.BACKEND,),
    ),
    Serving(
        FunctionSpec(
            PUBLISHER,
            "functions.publisher.main.handler",
            Access(may=f"put-events {SEND_UNPUBLISHED}"),
            timeout_seconds=30,
            streams=tuple(dict.fromkeys(hook.table for hook in REGISTRY.bus_hooks)),
            only_rows=_published_rows(),
            until_expired=True,  # what can never be published holds up nothing
            only_with="publish_events",
        )
    ),
    Serving(
        FunctionSpec(
            "push",
            "functions.push.main.handler",
            POST
            | MAY_FORGET
            | Access(
                {"connections": "GetItem", "devices": "PutItem", "people": "GetItem"},
                may="publish-push",
            ),
            timeout_seconds=30,
            takes="pushes",
            at_once=5,  # a message to a large channel may wait; a ring takes its place in the queue
            only_with="pushes",
        ),
        hooks=(Hook.RING_TIMEOUT,),
    ),
    Serving(
        FunctionSpec(
            "http",
            "functions.http.main.handler",
            Access({"accounts": "GetItem"}, may="read-secret"),
            timeout_seconds=25,  # enough to put a hundred events on the bus, some of them twice
            layers=(KEYS,),
            awaited=True,
        ),
        hooks=(Hook.HTTP,),
    ),
)


def _of_products() -> Iterator[FunctionSpec]:
    """Yield the function behind each product's native routes, and the product's own functions."""
    routes = REGISTRY.routes()
    for product in REGISTRY.products:
        served = [row for row in product.handlers if routes.get(row.action) == product.name]
        if served:
            access = union([NATIVE, *(row.access for row in served)])
            yield FunctionSpec(
                product.name,
                "functions.native.handler",
                access,
                timeout_seconds=20,
                memory_mb=product.memory_mb,
                layers=_layers((), access),
                awaited=True,
            )
        yield from product.functions


def _with_recipients(row: FunctionSpec) -> FunctionSpec:
    """Return a function with what its recipients need if it may post.

    A recipient may poll, and may have asked for recovery.
    """
    if "post" not in row.access.may.split():
        return row
    rights = {"mailboxes": "GetItem UpdateItem", "recovery": "PutItem"}
    return replace(row, access=row.access | Access(rights))


FUNCTIONS: tuple[FunctionSpec, ...] = tuple(
    map(_with_recipients, (*(one.row for one in STACK), *_of_products()))
)
"""All functions that there may be."""


def made_with(settings: StackSettings) -> list[FunctionSpec]:
    """Return the functions that a stack with these settings has."""
    return [row for row in FUNCTIONS if not row.only_with or settings.is_on(row.only_with)]
