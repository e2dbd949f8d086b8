"""The lists of the telecallers who are online and on a call, for the first screen of users.

A telecaller's presence follows from their row in the people table. These lists let one query find
the few who are online among all. The function that announces presence writes them, so they show
what users have been told. A telecaller may come back before their going has been announced: nothing
is announced then, and a first screen that showed the row of that moment would stay wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from functions.calls.presence.changes import Presence
from shared.aws.parallel import together
from shared.aws.tables import Table, TableName

LISTED = (Presence.ONLINE, Presence.ON_CALL)
"""The presences that have a list. Most telecallers are offline most of the time."""


class ListedTelecaller(Table):
    """A telecaller in the list of a presence."""

    class Meta:
        table_name = TableName("presences")

    presence = UnicodeAttribute(hash_key=True)
    telecaller_id = UnicodeAttribute(range_key=True, attr_name="telecallerId")


def move(telecaller_id: str, now: Presence) -> None:
    """Put a telecaller into the list of their presence, and remove them from the others.

    Idempotent.
    """
    writes: list[Callable[[], Any]] = []
    for one in LISTED:
        row = ListedTelecaller(one.value, telecaller_id)
        writes.append(row.save if one is now else row.delete)
    together(writes)


def ids(wanted: Presence, limit: int, before: str | None) -> list[str]:
    """Return the ids in the list of a presence, the greatest first.

    limit: the most ids to return.
    before: only smaller ids are returned. With None, all are.
    """
    smaller = None if before is None else ListedTelecaller.telecaller_id < before
    rows = ListedTelecaller.query(wanted.value, smaller, scan_index_forward=False, limit=limit)
    return [row.telecaller_id for row in islice(rows, limit)]


def presences(telecaller_ids: Sequence[str]) -> dict[str, Presence]:
    """Return the presence of each telecaller as users have been told."""
    keys = [(one.value, id_) for id_ in telecaller_ids for one in LISTED]
    listed = {row.telecaller_id: row.presence for row in ListedTelecaller.batch_get(keys)}
    return {id_: Presence(listed.get(id_, Presence.OFFLINE)) for id_ in telecaller_ids}
