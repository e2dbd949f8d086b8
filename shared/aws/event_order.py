"""The order of reports about the same thing, which may arrive more than once and in any order.

:func:`claim` keeps the newest report's time in a row of its own, for things whose own row has no
place for it. It is one conditional write. :func:`claimed` makes another when the report has been
handled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import msgspec
from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PynamoDBException
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from shared.aws.log import logger
from shared.aws.tables import Table, TableName
from shared.settings import settings

KEPT_SECONDS = 86_400


class Paced(Protocol):
    """A row whose changes others are told of, though not more often than ``told_every_ms``.

    told_at: when they were told last, epoch milliseconds.
    asked_at: when the last frame arrived that had to wait.
    """

    told_at: Any
    asked_at: Any

    def update_if(self, actions: Sequence[Action], condition: Condition) -> bool:
        """Change the row if the condition holds."""
        ...


class Newest(Table):
    """The newest report about one thing. A row of the limits table, whose rows expire as well.

    at: when the reported event happened, epoch milliseconds.
    by: the id of the report.
    unfinished: set while the report is being handled, and after a process has died meanwhile.
    told_at, asked_at: see ``Paced``.
    """

    class Meta:
        table_name = TableName("limits")

    key = UnicodeAttribute(hash_key=True)
    at = NumberAttribute()
    by = UnicodeAttribute()
    unfinished = BooleanAttribute(null=True)
    told_at: Any = NumberAttribute(attr_name="toldAt", null=True)
    asked_at: Any = NumberAttribute(attr_name="askedAt", null=True)
    expires_at = NumberAttribute(attr_name="expiresAt")


class Frame(msgspec.Struct, frozen=True):
    """A frame whose news others are told of, though not too often.

    id: the frame's id.
    at_ms: when it arrived, epoch milliseconds.
    kept_until: until when the order of frames is known, epoch seconds.
    """

    id: str
    at_ms: int
    kept_until: int

    @property
    def is_newest(self) -> Condition:
        """The condition that neither this frame nor a newer one has been recorded."""
        another = (Newest.at < self.at_ms) | ((Newest.at == self.at_ms) & (Newest.by != self.id))
        condition: Condition = Newest.at.does_not_exist() | another
        return condition

    def claim(self) -> list[Action]:
        """Return what records the frame as the newest."""
        return [
            Newest.at.set(self.at_ms),
            Newest.by.set(self.id),
            Newest.expires_at.set(self.kept_until),
        ]


def claim(key: str, at_ms: int, by: str, *, now_ms: int, kept_seconds: int = KEPT_SECONDS) -> bool:
    """Record a report about ``key``; return True if it is newer than all earlier ones.

    The same report, known by its id ``by``, counts once. Of two different reports with the same
    time, the later arrival is the newer. A time that is a whole second is taken to be exact to the
    second only: against it, the later arrival within that second is the newer.

    The record is kept for ``kept_seconds`` from ``now_ms`` on, however old the event is.
    """
    finished = Newest.unfinished.remove()
    return _claim(key, at_ms, by, finished, now_ms=now_ms, kept_seconds=kept_seconds)


def claim_paced(key: str, frame: Frame) -> bool:
    """Record a frame about ``key`` as ``change_paced`` does. Returns whether to tell others of it.

    The same frame, known by its id, counts once.
    """
    return change_paced(Newest(key), frame.claim(), frame.is_newest, frame.at_ms)


def postpone_claim(key: str, frame: Frame, postpone: Callable[[int], object]) -> None:
    """Put off a frame that ``claim_paced`` has not recorded, as ``postpone_change`` does."""
    postpone_change(Newest(key), frame.is_newest, frame.at_ms, postpone)


def claim_postponed(key: str, frame: Frame, now_ms: int) -> bool:
    """Record a frame that has been put off, as ``change_postponed`` does.

    Returns whether to tell others of it, also if the same frame has been recorded before.
    """
    newest = Newest.at.does_not_exist() | (Newest.at <= frame.at_ms)
    return change_postponed(Newest(key), frame.claim(), newest, frame.at_ms, now_ms)


def change_paced(row: Paced, actions: list[Action], newest: Condition, at_ms: int) -> bool:
    """Change a row, and return whether to tell others of it. A newer frame's change stays.

    Returns False, and changes nothing, if the change comes too soon after the last one, or after a
    newer one. Then ``postpone_change`` puts it off.

    newest: the condition that no newer frame has changed the row.
    at_ms: when the frame arrived, epoch milliseconds.
    """
    told = type(row).told_at
    due = told.does_not_exist() | (told <= at_ms - settings().told_every_ms)
    return row.update_if([*actions, told.set(at_ms)], newest & due)


def postpone_change(
    row: Paced, newest: Condition, at_ms: int, postpone: Callable[[int], object]
) -> None:
    """Put off a change that comes too soon.

    It is dropped if another one comes meanwhile, so that the last of several is told. That costs
    two writes and a message of a queue more than a change that does not come too soon.

    postpone: has ``change_postponed`` called with the same change, so many seconds later. It is
        called before the row says that a frame waits: if the process dies in between, the frame
        is told, and so is an older one that waits.
    """
    asked = type(row).asked_at
    postpone(-(-settings().told_every_ms // 1000))
    row.update_if([asked.set(at_ms)], newest & (asked.does_not_exist() | (asked <= at_ms)))


def change_postponed(
    row: Paced, actions: list[Action], newest: Condition, at_ms: int, now_ms: int
) -> bool:
    """Make a change that has been put off, and return whether to tell others of it.

    Returns False, and changes nothing, if a newer frame waits or has changed the row.

    newest, at_ms: see ``change_paced``.
    """
    told, asked = type(row).told_at, type(row).asked_at
    last = asked.does_not_exist() | (asked <= at_ms)
    return row.update_if([*actions, told.set(now_ms)], newest & last)


@contextmanager
def claimed(key: str, at_ms: int, by: str, *, now_ms: int) -> Iterator[bool]:
    """Record a report as ``claim`` does, for a block that handles the report.

    Until the block has ended without an exception, the same report counts as new whenever it is
    delivered again: the process that handled it may have died.
    """
    unfinished = Newest.unfinished.set(True)
    first = _claim(key, at_ms, by, unfinished, now_ms=now_ms, kept_seconds=KEPT_SECONDS)
    yield first
    if first:
        _finish(key, at_ms, by)


def is_handled(key: str) -> bool:
    """Return whether ``record_handled`` has been called for a report that stands alone."""
    try:
        return not Newest.get(key, consistent_read=True).unfinished
    except Newest.DoesNotExist:
        return False


def record_handled(key: str, at_ms: int, *, now_ms: int) -> None:
    """Record that a report that stands alone, with a key of its own, has been handled. Idempotent.

    A report that has no order among others needs no claim: it is read first, and recorded after it
    has been handled. That is a write less than ``claimed`` makes.
    """
    try:
        Newest(key, at=at_ms, by="", expires_at=now_ms // 1000 + KEPT_SECONDS).save()
    except PynamoDBException:  # the report has been handled, and is not to be handled again
        logger.exception("report not recorded as handled")


def _claim(
    key: str, at_ms: int, by: str, unfinished: Action, *, now_ms: int, kept_seconds: int
) -> bool:
    latest = at_ms if at_ms % 1000 else at_ms + 999
    another = (Newest.at < at_ms) | ((Newest.at <= latest) & (Newest.by != by))
    again = (Newest.at == at_ms) & (Newest.by == by) & Newest.unfinished.exists()
    actions = [
        Newest.at.set(at_ms),
        Newest.by.set(by),
        Newest.expires_at.set(now_ms // 1000 + kept_seconds),
        unfinished,
    ]
    return Newest(key).update_if(actions, Newest.at.does_not_exist() | another | again)


def _finish(key: str, at_ms: int, by: str) -> None:
    """Record that a report has been handled, if no newer one has come meanwhile."""
    try:
        Newest(key).update_if(
            [Newest.unfinished.remove()], (Newest.at == at_ms) & (Newest.by == by)
        )
    except PynamoDBException:  # the report has been handled, and is not to be handled again
        logger.exception("report not recorded as handled")


def is_older(at_ms: float, than_ms: float) -> bool:
    """Return whether an event of ``at_ms`` is older than the known state of ``than_ms``.

    If either time is exact to the second only, two events within that second count as simultaneous,
    and the later arrival wins.
    """
    if at_ms % 1000 and than_ms % 1000:
        return at_ms < than_ms
    return at_ms // 1000 < than_ms // 1000
