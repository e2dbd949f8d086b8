"""The records of a DynamoDB stream, and applying each of them once.

Lambda delivers the records of a shard in order, but after a failure it delivers them again, and
``BisectBatchOnFunctionError`` splits the batch each time. So nothing that is made of a whole batch
identifies what has been applied. A mark per shard is not possible either: a record carries an id
and a sequence number, but not its shard, and numbers of different shards cannot be compared.
https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html

What a record carries, however it is delivered, is its id and the second of the change. So there is
one row for each second, with the ids of the records of this second that have been applied. It
changes in the same transaction as the numbers. A batch writes one row more for each second that its
records are of, usually one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import msgspec
from botocore.exceptions import ClientError
from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UnicodeSetAttribute

from shared.aws.log import logger
from shared.aws.retry import pause
from shared.aws.tables import Table, TableName, Transaction, TransactionRefused, is_still, transact
from shared.aws.tasks import MessagesRefused
from shared.ids import compose
from shared.ports import Broadcast, Push
from shared.settings import settings

Row = Mapping[str, Any] | None
"""A row in DynamoDB's form (``{"S": …}``), or None if there is no such row."""

T = TypeVar("T")

_REFUSED_CONTENTS = {"InvalidMessageContents", "InvalidParameterValue"}
"""The errors of SQS for a body that it does not take, or that is too large."""

_ID_LENGTH = 12
"""How much of an id's digest is kept: of 10,000 ids, two have the same with a probability of
10⁻⁷."""

_KEPT_SECONDS = 2 * 86_400
"""A stream keeps its records for a day."""

_SECONDS_AT_ONCE = 20
"""The seconds of one transaction, which takes up to 100 rows."""

_ROUNDS = 12
"""How often a transaction is attempted. Batches of several shards may have the same second."""


class Mark(msgspec.Struct, frozen=True):
    """Which record it is.

    id: the beginning of a digest of the record's id.
    second: when the row was changed, epoch seconds.
    """

    id: str
    second: int


class Applied(Table):
    """The records of one second that have been applied, in the counts table.

    name: ``applied``, what they were applied to, and the second, composed.
    ids: ``Mark.id`` of each.
    version: the number of writes.
    """

    class Meta:
        table_name = TableName("counts")

    name = UnicodeAttribute(hash_key=True)
    ids: Any = UnicodeSetAttribute(null=True)
    version = NumberAttribute(default=0)
    expires_at = NumberAttribute(attr_name="expiresAt", null=True)


def table(record: dict[str, Any]) -> str:
    """Return the name with which the table of a record is declared, or an empty text."""
    physical = record["eventSourceARN"].split("/")[1]
    return next((name for name, other in settings().tables.items() if other == physical), "")


def images(record: dict[str, Any]) -> tuple[Row, Row]:
    """Return the row before and after the change."""
    change = record["dynamodb"]
    return change.get("OldImage"), change.get("NewImage")


@contextmanager
def set_aside(record: Mapping[str, Any]) -> Iterator[None]:
    """Log an error that the record would cause each time, and go on with the records behind it.

    Other errors pass: Lambda delivers the batch again, and in the end a record that fails each time
    is a dead letter. Until then, no record of its shard is handled.
    """
    try:
        yield
    except Exception as error:
        if not _is_lasting(error):
            raise
        about = {"table": record["eventSourceARN"], "keys": record["dynamodb"].get("Keys")}
        logger.exception("record set aside", extra=about)


def announce(
    records: Sequence[dict[str, Any]],
    broadcasts: Callable[[dict[str, Any]], Iterable[Broadcast]],
    send: Callable[..., None],
) -> None:
    """Send the broadcasts of all records, in order. A record that cannot be announced is set aside.

    If several in one request are not accepted, each is sent in a request of its own. What was
    accepted before is not sent again: every broadcast has a ``once``.
    """
    found: list[tuple[dict[str, Any], list[Broadcast]]] = []
    for record in records:
        with set_aside(record):
            found.append((record, list(broadcasts(record))))
    try:
        send(*(one for _, some in found for one in some))
    except (ClientError, MessagesRefused):
        logger.warning("broadcasts are sent one by one", exc_info=True)
        for record, some in found:
            with set_aside(record):
                for one in some:
                    send(one)


def push(
    records: Iterable[dict[str, Any]],
    followed: str,
    pushes: Callable[[Row, Row], Iterable[Push]],
    send: Callable[..., None],
) -> None:
    """Send the pushes about the changes of one table's rows, if the stack pushes. A record of which
    no push can be made is set aside.

    followed: the name with which the table is declared.
    pushes: returns the pushes about a row, as it was before the change and after it.
    """
    if not settings().platform_applications:
        return
    found: list[Push] = []
    for record in records:
        if table(record) == followed:
            with set_aside(record):
                found += pushes(*images(record))
    if found:
        send(*found)


def _is_lasting(error: Exception) -> bool:
    """Return whether another attempt would fail with the same error."""
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code") in _REFUSED_CONTENTS
    return isinstance(error, ValueError | TypeError | LookupError | msgspec.MsgspecError)


def mark(record: dict[str, Any]) -> Mark:
    """Return the mark of a record, the same however often and in which batch it is delivered."""
    digest = hashlib.sha256(record["eventID"].encode()).hexdigest()
    return Mark(digest[:_ID_LENGTH], int(record["dynamodb"]["ApproximateCreationDateTime"]))


def apply_once(
    to: str,
    changes: Sequence[tuple[Mark, T]],
    add_items: Callable[[Transaction, list[tuple[Mark, T]]], None],
) -> set[Mark]:
    """Commit what ``add_items`` adds for the changes that have not been applied yet.

    Returns the marks of these changes. Idempotent for each change, by its mark, however the changes
    are split and repeated. ``add_items`` adds at most two rows for each second and ten rows more,
    without conditions.

    to: what the changes are applied to: each name has marks of its own.
    """
    seconds = sorted({mark.second for mark, _ in changes})
    applied: set[Mark] = set()
    for begin in range(0, len(seconds), _SECONDS_AT_ONCE):
        some = set(seconds[begin : begin + _SECONDS_AT_ONCE])
        applied |= _apply(to, [one for one in changes if one[0].second in some], add_items)
    return applied


def _apply(
    to: str,
    changes: list[tuple[Mark, T]],
    add_items: Callable[[Transaction, list[tuple[Mark, T]]], None],
) -> set[Mark]:
    for attempt in range(1, _ROUNDS + 1):
        rows = _rows(to, {mark.second for mark, _ in changes})
        new = [one for one in changes if one[0].id not in (rows[one[0].second].ids or ())]
        if not new:
            return set()
        try:
            transact(partial(_add_all, rows, new, add_items))
        except TransactionRefused:
            pause(attempt, first=0.02, longest=0.5)
        else:
            return {mark for mark, _ in new}
    raise RuntimeError(f"changes of {to} cannot be applied")


def _rows(to: str, seconds: set[int]) -> dict[int, Applied]:
    """Return the rows of some seconds, strongly consistent; empty ones if there are none."""
    names = {compose("applied", to, str(second)): second for second in seconds}
    rows = {second: Applied(name) for name, second in names.items()}
    for row in Applied.batch_get(list(names), consistent_read=True):
        rows[names[row.name]] = row
    return rows


def _add_all(
    rows: Mapping[int, Applied],
    new: list[tuple[Mark, T]],
    add_items: Callable[[Transaction, list[tuple[Mark, T]]], None],
    transaction: Transaction,
) -> None:
    for second in {mark.second for mark, _ in new}:
        row = rows[second]
        transaction.update(
            row.name,
            Applied(row.name),
            actions=[
                Applied.ids.add({mark.id for mark, _ in new if mark.second == second}),
                Applied.version.set(int(row.version) + 1),
                Applied.expires_at.set(second + _KEPT_SECONDS),
            ],
            condition=is_still(Applied.version, int(row.version) or None),
        )
    add_items(transaction, new)
