"""What a product needs of AWS, as data.

``infra`` makes AWS resources of it. Nothing here touches AWS or the CDK.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

QUEUE_BATCH = 10
"""How many messages a function takes from its queue at a time, if it declares no other number."""


class Stream(StrEnum):
    """What the records of a table's stream carry."""

    NEW = "NEW_IMAGE"
    BOTH = "NEW_AND_OLD_IMAGES"


class IndexSpec(msgspec.Struct, frozen=True):
    """A global secondary index.

    name: the index's name.
    key, sort_key: the attributes that are its partition key and its sort key.
    keys_only: whether the index holds keys alone. Then other attributes change at no extra cost.
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


class TableSpec(msgspec.Struct, frozen=True):
    """A DynamoDB table. Models find its physical name with ``TableName(name)``.

    name: the table's name in the code.
    key, sort_key: the attributes that are its partition key and its sort key. ``sort_key`` is None
        if there is no sort key.
    expires: whether rows have a time to live in ``expiresAt`` (epoch seconds).
    stream: what the table's stream carries. None if the table has no stream.
    indexes: the table's global secondary indexes.
    backed_up: whether the table can be restored to a point in time. It is false for rows that live
        for seconds and may hold a token.
    only_with: the setting without which the table is not made. Empty if it always is.
    """

    name: str
    key: str
    sort_key: str | None = None
    expires: bool = False
    stream: Stream | None = None
    indexes: tuple[IndexSpec, ...] = ()
    backed_up: bool = True
    only_with: str = ""


class Access(msgspec.Struct, frozen=True):
    """The rights of code: what it may do in AWS.

    tables: the actions on each table, or on ``table/index``: ``{"people": "GetItem UpdateItem"}``.
        A transaction needs the actions of its parts.
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
    may: names of grants, separated by spaces: ``post``, ``send-broadcast``, ``start-ring`` …
        ``infra/stack.py`` lists all grants.
    """

    tables: Mapping[str, str] = msgspec.field(default_factory=dict)
    may: str = ""

    def __or__(self, other: Access) -> Access:
        return union((self, other))


NOTHING = Access()
"""No rights."""

ROOMS = Access({"connections": "UpdateItem", "rooms": "DeleteItem PutItem"})
"""The rights to join and leave rooms: ``context.join``, ``context.leave``."""

BROADCASTS = Access(may="send-broadcast")
"""The right to send to rooms: ``context.broadcast``."""

SESSION_DATA = Access({"connections": "UpdateItem"})
"""The right to keep data with a session: ``context.save_data``."""


def union(parts: Iterable[Access]) -> Access:
    """Return the rights of all parts together, in alphabetical order."""
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


class Asynchronous(msgspec.Struct, frozen=True):
    """When an event of an asynchronous invocation goes to the function's dead-letter queue.

    retries: how often Lambda repeats an invocation that has failed.
    max_age_seconds: how old the event may become.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html
    """

    retries: int
    max_age_seconds: int


class RowsOf(msgspec.Struct, frozen=True):
    """Some rows of a table: those whose key begins with a text.

    name: the attribute of the key.
    """

    name: str
    beginning: str

    def has(self, keys: Mapping[str, Any]) -> bool:
        """Return whether a row belongs to these. Its key is in DynamoDB's form (``{"S": …}``)."""
        text: str = keys[self.name]["S"]
        return text.startswith(self.beginning)


class FunctionSpec(msgspec.Struct, frozen=True):
    """A Lambda function: its handler, its limits, and everything that calls it.

    name: the function's name.
    handler: the function's entry point, as Lambda names it.
    access: the rights of the function itself.
    timeout_seconds: how long an invocation may take.
    memory_mb: the function's memory, in MB.
    asynchronous: when an event goes to the function's dead-letter queue. None if the function has
        no dead-letter queue for events.
    streams: the tables whose streams the function follows.
    only_rows: which rows of these tables it follows, by table. It follows all rows of other tables.
    takes: the queue that the function reads. The queue is made for this function.
    batch: how many messages the function takes at a time.
    at_once: how many invocations may read the queue at the same time. The rest of Lambda's
        concurrency is left to the other functions. None if there is no limit.
    layers: the layers that the function needs beside the layer that all functions have.
    every_minute: whether a schedule invokes the function once a minute.
    awaited: whether a client waits for the function. If so, it starts from a snapshot, if the stack
        is set to do that.
    behind_edge: whether the function reads the client's address that the edge reports, and so needs
        the edge's key.
    reserved: the stack setting with the number of invocations that may run at the same time.
    until_expired: whether a batch of a stream that fails is tried again until its records expire,
        after a day. Otherwise it is a dead letter after some attempts.
    only_with: the setting without which the function is not made. Empty if it always is.
    """

    name: str
    handler: str
    access: Access = NOTHING
    timeout_seconds: int = 10
    memory_mb: int = 512
    asynchronous: Asynchronous | None = None
    streams: tuple[str, ...] = ()
    only_rows: Mapping[str, tuple[RowsOf, ...]] = msgspec.field(default_factory=dict)
    takes: str = ""
    batch: int = QUEUE_BATCH
    at_once: int | None = None
    layers: tuple[str, ...] = ()
    every_minute: bool = False
    awaited: bool = False
    behind_edge: bool = False
    reserved: str = ""
    until_expired: bool = False
    only_with: str = ""
