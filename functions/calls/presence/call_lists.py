"""The lists of all calls, for admins: those that ring or go on, and those that are over by product.

While a call lasts, it is on the rows of its two parties; when it is over, it is a record of its
caller. These lists let one query find the newest of all calls, and one read find a call by its id.
The function that follows the streams writes them. So no call waits for a list, and a list is a
moment late: its readers look at the rows and records themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from functions.calls.namespaces import TELECALLER
from functions.calls.rows import CurrentCall, PartyRow
from shared.aws import streams
from shared.aws.parallel import together
from shared.aws.streams import Row
from shared.aws.tables import Table, TableName
from shared.calling import ring
from shared.calling.call_records import CallRecord
from shared.ids import decompose
from shared.realtime import people

RUNNING = "running"
"""The list of the calls between users and telecallers that ring or go on. Those that are over are
in the list of their product, under the product's name."""

_KEPT_SECONDS = 2 * 86_400
"""After this, an entry of the running calls expires that a lost change has left behind."""


class ListedCall(Table):
    """A call in a list.

    list: the name of the list.
    caller_id, callee_id: the persons who made and who received the call.
    """

    class Meta:
        table_name = TableName("call_lists")

    list = UnicodeAttribute(hash_key=True)
    call_id = UnicodeAttribute(range_key=True, attr_name="callId")
    caller_id = UnicodeAttribute(attr_name="callerId")
    callee_id = UnicodeAttribute(attr_name="calleeId")
    expires_at = NumberAttribute(attr_name="expiresAt", null=True)


class _Change(msgspec.Struct, frozen=True):
    """A telecaller's row before and after a batch, and the last record of the row."""

    before: Row
    after: Row
    record: dict[str, Any]


def follow(records: Iterable[dict[str, Any]]) -> None:
    """Change the lists as a batch of the streams of people and calls says. Idempotent."""
    changes: dict[str, _Change] = {}
    for record in records:
        before, after = streams.images(record)
        match streams.table(record):
            case "people":
                prefix, telecaller_id = decompose(record["dynamodb"]["Keys"]["person"]["S"], 2)
                if prefix == TELECALLER.path:
                    first = changes[telecaller_id].before if telecaller_id in changes else before
                    changes[telecaller_id] = _Change(first, after, record)
            case "calls" if before is None and after is not None:
                with streams.set_aside(record):
                    _over(CallRecord.from_raw_data(dict(after))).save()
    for telecaller_id, change in changes.items():
        with streams.set_aside(change.record):
            _replace(telecaller_id, change)


def _over(record: CallRecord) -> ListedCall:
    return ListedCall(
        record.product, record.call_id, caller_id=record.caller_id, callee_id=record.callee_id
    )


def _replace(telecaller_id: str, change: _Change) -> None:
    """Put the call that a telecaller is in now into the list, and take the one before off it."""
    before, after = ring.on_image(change.before).id, ring.on_image(change.after).id
    if before == after:
        return
    second = int(change.record["dynamodb"]["ApproximateCreationDateTime"])
    writes: list[Callable[[], Any]] = []
    if before:
        writes.append(ListedCall(RUNNING, before).delete)
    if after:
        call: CurrentCall = PartyRow.from_raw_data(dict(change.after or {})).call
        entry = ListedCall(RUNNING, after, caller_id=call.peer_id, callee_id=telecaller_id)
        entry.expires_at = second + _KEPT_SECONDS
        writes.append(entry.save)
    together(writes)


def entries(name: str, limit: int, before: str | None) -> list[ListedCall]:
    """Return entries of a list, the newest call first.

    limit: the most entries to return.
    before: the id of a call; only older calls are returned. With None, all are.
    """
    older = None if before is None else ListedCall.call_id < before
    rows = ListedCall.query(name, older, scan_index_forward=False, limit=limit)
    return list(islice(rows, limit))


def running() -> Iterator[ListedCall]:
    """Yield the entries of all calls that ring or go on, read a page at a time."""
    yield from ListedCall.query(RUNNING)


def find(name: str, call_id: str) -> ListedCall | None:
    """Return the entry of a call. Returns None if it is not in the list."""
    try:
        return ListedCall.get(name, call_id)
    except ListedCall.DoesNotExist:
        return None


def telecallers(some: Sequence[ListedCall]) -> list[PartyRow]:
    """Return the rows of the telecallers who are in these calls now, in the order of the calls."""
    keys = {people.key(TELECALLER.path, entry.callee_id) for entry in some}
    by_id = {row.person_id: row for row in PartyRow.batch_get(sorted(keys))}
    return [
        by_id[entry.callee_id]
        for entry in some
        if entry.callee_id in by_id and by_id[entry.callee_id].is_in(entry.call_id)
    ]


def records(some: Sequence[ListedCall]) -> list[CallRecord]:
    """Return the records of these calls, in their order."""
    keys = [(entry.caller_id, entry.call_id) for entry in some]
    by_id = {record.call_id: record for record in CallRecord.batch_get(keys)}
    return [by_id[entry.call_id] for entry in some if entry.call_id in by_id]
