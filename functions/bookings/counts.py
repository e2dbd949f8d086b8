"""The numbers of bookings: by status, and of today.

Each is one row, kept by ``stream`` and read with one request. ``stream`` adds each change of a
booking once, also if its batch is split or repeated (``shared.aws.streams.apply_once``). Nothing
corrects the numbers from the bookings themselves: that would take an index by status, which costs a
write for each transition, and a query that reads all bookings. A third row says when the numbers
were last announced to admins, and until when an invocation waits to announce them. So they are
announced at most once a second, and always in the end.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from pynamodb.attributes import NumberAttribute
from pynamodb.expressions.condition import Condition

from functions.bookings.state import ACTIVE, Status
from shared.aws import numbers
from shared.aws.numbers import Change
from shared.aws.streams import Mark

ALL = "bookings"
ANNOUNCEMENTS = "bookings-told"
"""The names of the rows of all bookings and of the announcements."""

CREATED, COMPLETED, CANCELLED = TODAY = ("created", "completed", "cancelled")
SECOND_MS = 1_000
MAX_WAIT_MS = 3_000
"""An invocation that waits longer than this to announce the numbers has failed."""

Numbers = dict[str, int]


class BookingNumbers(msgspec.Struct, frozen=True, rename="camel"):
    """``byStatus``: how many bookings there are. ``active``: those a partner is on. ``today``: what
    has been ``created``, ``completed`` and ``cancelled`` today (UTC)."""

    by_status: Numbers
    active: int
    today: Numbers


class Counted(msgspec.Struct, frozen=True, rename="camel"):
    """A part of ``GET /admin/stats``."""

    bookings: BookingNumbers


class Counts(numbers.Numbers):
    """The row of announcements.

    announced_at: when the numbers were last announced, epoch milliseconds.
    waiting_until: until when an invocation waits to announce them, epoch milliseconds.
    """

    announced_at = NumberAttribute(attr_name="toldAt", null=True)
    waiting_until = NumberAttribute(attr_name="waitingUntil", null=True)


def add(changes: Sequence[tuple[Mark, Change]]) -> set[Mark]:
    """Add what changes come to; return the marks of those that had not been added before.

    The numbers by status are the live ones. Idempotent for each change, by its mark.
    """
    return numbers.add(ALL, changes)


def read(now_ms: int) -> BookingNumbers:
    """Return the numbers as admins see them."""
    everything, today = numbers.read_with_day(ALL, now_ms)
    by_status = {status.value: everything.get(status.value, 0) for status in Status}
    return BookingNumbers(
        by_status=by_status,
        active=sum(by_status[status.value] for status in ACTIVE),
        today={name: today.get(name, 0) for name in TODAY},
    )


def counted(now_ms: int) -> Counted:
    """Return the numbers as a part of what admins see."""
    return Counted(read(now_ms))


def claim_announcement(now_ms: int) -> bool:
    """Claim the announcement of this second.

    Returns False if another invocation has announced the numbers in it, or waits to announce them.
    """
    due = Counts.announced_at.does_not_exist() | (Counts.announced_at <= now_ms - SECOND_MS)
    actions = [Counts.announced_at.set(now_ms)]
    return Counts(ANNOUNCEMENTS).update_if(actions, due & _no_invocation_waits(now_ms))


def claim_wait(now_ms: int) -> bool:
    """Claim to be the invocation that announces the numbers when the second is over.

    Returns False if another invocation waits already: it will read what has been counted by then.
    """
    until = Counts.waiting_until.set(now_ms + MAX_WAIT_MS)
    return Counts(ANNOUNCEMENTS).update_if([until], _no_invocation_waits(now_ms))


def end_wait(now_ms: int) -> None:
    """End the wait, before the numbers are read: later numbers need another announcement."""
    Counts(ANNOUNCEMENTS).update([Counts.announced_at.set(now_ms), Counts.waiting_until.remove()])


def _no_invocation_waits(now_ms: int) -> Condition:
    """Return the condition that no invocation waits, or that the waiting one has failed."""
    condition: Condition = Counts.waiting_until.does_not_exist() | (Counts.waiting_until <= now_ms)
    return condition
