"""Which of several tellings is the newest, where nothing else keeps it: one conditional write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from shared.aws.tables import Table, TableName

KEPT_SECONDS = 86_400


class Newest(Table):
    """Stands in the table of limits, whose rows expire as well. ``by``: what was told then."""

    class Meta:
        table_name = TableName("limits")

    key = UnicodeAttribute(hash_key=True)
    at = NumberAttribute()
    by = UnicodeAttribute()
    expires_at = NumberAttribute(attr_name="expiresAt")


def claim(key: str, at_ms: int, by: str, *, kept_seconds: int = KEPT_SECONDS) -> bool:
    """Whether this is newer than all that was told about ``key``. What ``by`` names counts once;
    of two others at the same time, and within the second of one that is exact to the second only,
    the later arrival is the newer."""
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
    """The same for a block that acts on it: where that fails, it may be tried again."""
    first = claim(key, at_ms, by)
    try:
        yield first
    except Exception:
        if first:
            Newest(key).delete()
        raise


def is_older(at_ms: float, than_ms: float) -> bool:
    """Whether an event of ``at_ms`` loses to what is known since ``than_ms``. Where either is
    exact to the second only, both happened at once within that second, and the later arrival
    wins."""
    if at_ms % 1000 and than_ms % 1000:
        return at_ms < than_ms
    return at_ms // 1000 < than_ms // 1000
