"""The list of the calls that ring or go on, for admins.

While a call lasts, it is on the rows of its two parties. This list lets one query find all of them,
and one read find a call by its id. The function that follows the stream of people writes it, so it
is a moment late, and its readers check the telecallers' rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, NamedTuple

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from functions.calls import rows
from functions.calls.namespaces import TELECALLER
from functions.calls.rows import PartyRow
from shared.aws import streams
from shared.aws.parallel import together
from shared.aws.tables import Table, TableName
from shared.calling import ring
from shared.ids import decompose
from shared.realtime import people

_LIST = "calls"
_KEPT_SECONDS = 2 * 86_400
"""After this, an entry expires that a lost change has left behind."""


class ListedCall(Table):
    """A call in the list.

    list: the same in all rows, so that one query reads them.
    """

    class Meta:
        table_name = TableName("running_calls")

    list = UnicodeAttribute(hash_key=True, default=_LIST)
    call_id = UnicodeAttribute(range_key=True, attr_name="callId")
    telecaller_id = UnicodeAttribute(attr_name="telecallerId")
    expires_at = NumberAttribute(attr_name="expiresAt")


class _Change(NamedTuple):
    """The ids of the calls on a telecaller's row before and after a batch, and the last record."""

    before: str | None
    after: str | None
    record: dict[str, Any]


def follow(records: Iterable[dict[str, Any]]) -> None:
    """Change the list as a batch of the people table's stream says. Idempotent."""
    changes: dict[str, _Change] = {}
    for record in records:
        if streams.table(record) != "people":
            continue
        prefix, telecaller_id = decompose(record["dynamodb"]["Keys"]["person"]["S"], 2)
        if prefix != TELECALLER.path:
            continue
        before, after = (ring.on_image(image).id for image in streams.images(record))
        first = changes[telecaller_id].before if telecaller_id in changes else before
        changes[telecaller_id] = _Change(first, after, record)
    for telecaller_id, change in changes.items():
        if change.before != change.after:
            with streams.set_aside(change.record):
                _replace(telecaller_id, change)


def _replace(telecaller_id: str, change: _Change) -> None:
    second = int(change.record["dynamodb"]["ApproximateCreationDateTime"])
    writes = []
    if change.before:
        writes.append(ListedCall(call_id=change.before).delete)
    if change.after:
        entry = ListedCall(
            call_id=change.after, telecaller_id=telecaller_id, expires_at=second + _KEPT_SECONDS
        )
        writes.append(entry.save)
    together(writes)


def entries(limit: int, before: str | None) -> list[ListedCall]:
    """Return entries of the list, the newest call first.

    limit: the most entries to return.
    before: the id of a call; only older calls are returned. With None, all are.
    """
    older = None if before is None else ListedCall.call_id < before
    found = ListedCall.query(_LIST, older, scan_index_forward=False, limit=limit)
    return list(islice(found, limit))


def telecallers(some: Sequence[ListedCall]) -> list[PartyRow]:
    """Return the rows of the telecallers who are in these calls now, in the order of the calls."""
    keys = [people.key(TELECALLER.path, entry.telecaller_id) for entry in some]
    found = {row.person_id: row for row in PartyRow.batch_get(keys)}
    return [
        found[entry.telecaller_id]
        for entry in some
        if entry.telecaller_id in found and found[entry.telecaller_id].is_in(entry.call_id)
    ]


def telecaller_in(call_id: str) -> PartyRow | None:
    """Return the row of the telecaller who is in a call, read strongly consistently.

    Returns None if the call is over, does not exist, or has begun a moment ago.
    """
    try:
        entry = ListedCall.get(_LIST, call_id)
    except ListedCall.DoesNotExist:
        return None
    row = rows.get(TELECALLER.path, entry.telecaller_id)
    return row if row.is_in(call_id) else None
