"""How many bookings there are, by status, and what has happened today: a row each, kept by the
stream, read with one request.

The row of statuses also says when admins were last told, and until when somebody waits to tell
them, so that they are told once a second at most and always in the end.
"""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from functions.bookings.state import ACTIVE, Status
from shared import times
from shared.aws.parallel import both
from shared.aws.tables import Table, TableName, Transaction, transact

ALL = "bookings"
TELLING = "bookings-told"
CREATED, COMPLETED, CANCELLED = TODAY = ("created", "completed", "cancelled")
SECOND_MS = 1_000
WAIT_MOST_MS = 3_000
_DAY_KEPT_SECONDS = 90 * 86_400

Numbers = dict[str, int]


class Counts(Table):
    """What is counted stands beside these as attributes named as in ``add``."""

    class Meta:
        table_name = TableName("counts")

    name = UnicodeAttribute(hash_key=True)
    expires_at = NumberAttribute(attr_name="expiresAt", null=True)
    told_at = NumberAttribute(attr_name="toldAt", null=True)
    waiting_until = NumberAttribute(attr_name="waitingUntil", null=True)


def add(by_status: Numbers, today: Numbers, now_ms: int, token: str) -> bool:
    """Add what a batch of changes comes to, once however often the batch is handed in; whether that
    is anything. ``token`` names the batch."""
    by_status, today = _not_zero(by_status), _not_zero(today)

    def add_items(transaction: Transaction) -> None:
        if by_status:
            transaction.update("all", Counts(ALL), actions=_additions(by_status))
        if today:
            expires_at = Counts.expires_at.set(now_ms // 1000 + _DAY_KEPT_SECONDS)
            transaction.update(
                "today", Counts(_day(now_ms)), actions=[*_additions(today), expires_at]
            )

    if by_status or today:
        transact(add_items, token)
    return bool(by_status or today)


def read(now_ms: int) -> dict[str, Any]:
    """The numbers as admins see them."""
    everything, today = both(lambda: _get(ALL), lambda: _get(_day(now_ms)))
    by_status = {status.value: everything.get(status.value, 0) for status in Status}
    return {
        "byStatus": by_status,
        "active": sum(by_status[status.value] for status in ACTIVE),
        "today": {name: today.get(name, 0) for name in TODAY},
    }


def may_tell(now_ms: int) -> bool:
    """Claim the telling of this second; False where somebody has told in it, or waits to."""
    fresh = Counts.told_at.does_not_exist() | (Counts.told_at <= now_ms - SECOND_MS)
    return Counts(TELLING).update_if([Counts.told_at.set(now_ms)], fresh & _nobody_waits(now_ms))


def may_wait(now_ms: int) -> bool:
    """Claim to be the one who tells when the second is over; False where somebody waits already,
    who will read what has been counted until then."""
    until = Counts.waiting_until.set(now_ms + WAIT_MOST_MS)
    return Counts(TELLING).update_if([until], _nobody_waits(now_ms))


def done_waiting(now_ms: int) -> None:
    """Whoever counts something from now on has to see to it that it is told."""
    Counts(TELLING).update([Counts.told_at.set(now_ms), Counts.waiting_until.remove()])


def _nobody_waits(now_ms: int) -> Condition:
    """One who does not come to tell within ``WAIT_MOST_MS`` has failed, and is not waited for."""
    condition: Condition = Counts.waiting_until.does_not_exist() | (Counts.waiting_until <= now_ms)
    return condition


def _not_zero(numbers: Numbers) -> Numbers:
    return {name: number for name, number in numbers.items() if number}


def _additions(numbers: Numbers) -> list[Action]:
    return [Path(name).add(number) for name, number in numbers.items()]


def _get(name: str) -> Numbers:
    """The numbers of a row, whatever they are called."""
    items = Counts._get_connection().get_item(name, consistent_read=True).get("Item", {})
    return {key: int(value["N"]) for key, value in items.items() if "N" in value}


def _day(now_ms: int) -> str:
    return f"{ALL}#{times.day(now_ms)}"
