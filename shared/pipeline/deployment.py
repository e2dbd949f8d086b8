"""What a product needs of AWS, as data. ``infra`` makes it; nothing here touches AWS or the CDK."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

QUEUE_BATCH = 10


class Stream(StrEnum):
    """What the records of a table's stream carry."""

    NEW = "NEW_IMAGE"
    BOTH = "NEW_AND_OLD_IMAGES"


@dataclass(frozen=True)
class IndexSpec:
    """A global secondary index.

    keys_only: whether the index holds keys alone; then other attributes change at no extra cost.
    sort_by_number: whether the sort key is a number.
    """

    name: str
    key: str
    sort_key: str
    keys_only: bool = False
    sort_by_number: bool = False

    @property
    def projection(self) -> str:
        """DynamoDB's name for what the index holds."""
        return "KEYS_ONLY" if self.keys_only else "ALL"


@dataclass(frozen=True)
class TableSpec:
    """A DynamoDB table. Models find its physical name with ``TableName(name)``.

    expires: whether rows have a time to live in ``expiresAt`` (epoch seconds).
    stream: what the table's stream carries, or None for no stream.
    """

    name: str
    key: str
    sort_key: str | None = None
    expires: bool = False
    stream: Stream | None = None
    indexes: tuple[IndexSpec, ...] = ()


@dataclass(frozen=True)
class Access:
    """What code may do.

    tables: the actions on each table, or on ``table/index``: ``{"people": "GetItem UpdateItem"}``.
        A transaction needs the actions of its parts.
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
    may: names of grants, separated by spaces: ``post``, ``send-broadcast``, ``start-ring`` …; all
        of them stand in ``infra/stack.py``.
    """

    tables: Mapping[str, str] = field(default_factory=dict)
    may: str = ""

    def __or__(self, other: Access) -> Access:
        return union((self, other))


NOTHING = Access()

ROOMS = Access({"connections": "UpdateItem", "rooms": "DeleteItem PutItem"})
"""To join and leave rooms: ``context.join``, ``context.leave``."""

BROADCASTS = Access(may="send-broadcast")
"""To send to rooms: ``context.broadcast``."""

SESSION_DATA = Access({"connections": "UpdateItem"})
"""To keep data with a session: ``context.save_data``."""


def union(parts: Iterable[Access]) -> Access:
    """Return what all parts together may do, in alphabetical order."""
    tables: dict[str, set[str]] = {}
    grants: set[str] = set()
    for part in parts:
        for table, actions in part.tables.items():
            tables.setdefault(table, set()).update(actions.split())
        grants.update(part.may.split())
    return Access(
        {table: " ".join(sorted(tables[table])) for table in sorted(tables)},
        " ".join(sorted(grants)),
    )


@dataclass(frozen=True)
class Asynchronous:
    """How often an event is tried again, and how old it may grow, before it goes to the function's
    dead-letter queue.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html
    """

    retries: int
    max_age_seconds: int


@dataclass(frozen=True)
class FunctionSpec:
    """A Lambda function: its handler, its limits, and everything that calls it.

    access: what the function itself may do.
    streams: the tables whose streams it follows.
    takes: the queue that it reads; the queue is made for it.
    batch: how many messages it takes at a time.
    at_once: how many invocations take from its queue at a time; the rest of Lambda's concurrency
        is left to the others.
    layers: the layers that it needs beside the one that all functions have.
    awaited: whether a client waits for it; then it starts from a snapshot, if that is set.
    reserved: the stack setting that says how many invocations there may be at a time.
    """

    name: str
    handler: str
    access: Access = NOTHING
    timeout_seconds: int = 10
    memory_mb: int = 512
    asynchronous: Asynchronous | None = None
    streams: tuple[str, ...] = ()
    takes: str = ""
    batch: int = QUEUE_BATCH
    at_once: int | None = None
    layers: tuple[str, ...] = ()
    every_minute: bool = False
    awaited: bool = False
    reserved: str = ""
