"""The order of reports about the same thing, which may arrive more than once and in any order.

:func:`claim` keeps the newest report's time in a row of its own, for things whose own row has no
place for it. It is one conditional write.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from shared.aws.tables import Table, TableName

KEPT_SECONDS = 86_400


class Newest(Table):
    """The newest report about one thing. A row of the limits table, whose rows expire as well.

    at: when the reported event happened, epoch milliseconds.
    by: the id of the report.
    """

    class Meta:
        table_name = TableName("limits")

    key = UnicodeAttribute(hash_key=True)
    at = NumberAttribute()
    by = UnicodeAttribute()
    expires_at = NumberAttribute(attr_name="expiresAt")


def claim(key: str, at_ms: int, by: str, *, kept_seconds: int = KEPT_SECONDS) -> bool:
    """Record a report about ``key``; return True if it is newer than all earlier ones.

    The same report, known by its id ``by``, counts once. Of two different reports with the same
    time, the later arrival is the newer. A time that is a whole second is taken to be exact to the
    second only: against it, the later arrival within that second is the newer.
    """
    latest = at_ms if at_ms % 1000 else at_ms + 999
    another = (Newest.at < at_ms) | ((Newest.at <= latest) & (Newest.by != by))
    actions = [
        Newest.at.set(at_ms),
        Newest.by.set(by),
        Newest.expires_at.set(at_ms // 1000 + kept_seconds),
    ]
    return Newest(key).update_if(actions, Newest.at.does_not_exist() | another)


@contextmanager
def claimed(key: str, at_ms: int, by: str) -> Iterator[bool]:
    """Call :func:`claim` for a block that handles the report.

    If the block raises, the claim is deleted, so that the report can be handled again.
    """
    first = claim(key, at_ms, by)
    try:
        yield first
    except Exception:
        if first:
            Newest(key).delete()
        raise


def is_older(at_ms: float, than_ms: float) -> bool:
    """Return whether an event of ``at_ms`` is older than the known state of ``than_ms``.

    If either time is exact to the second only, two events within that second count as simultaneous,
    and the later arrival wins.
    """
    if at_ms % 1000 and than_ms % 1000:
        return at_ms < than_ms
    return at_ms // 1000 < than_ms // 1000
