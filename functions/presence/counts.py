"""The numbers admins see: one row for what is live, one a day for what has happened.

Read with one request however many people there are. They follow the tables' streams, a batch of
changes at a time, and are exact within seconds.
"""

from __future__ import annotations

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from functions.presence.changes import Numbers
from shared import times
from shared.parallel import both
from shared.tables import Table, TableName, transact

LIVE = "live"
_DAY_KEPT_SECONDS = 90 * 86_400


class Counts(Table):
    class Meta:
        table_name = TableName("counts_table")

    name = UnicodeAttribute(hash_key=True)
    expires_at = NumberAttribute(attr_name="expiresAt", null=True)

    connections = NumberAttribute(default=0)
    online_users = NumberAttribute(attr_name="onlineUsers", default=0)
    online_telecallers = NumberAttribute(attr_name="onlineTelecallers", default=0)
    ringing = NumberAttribute(default=0)
    accepted = NumberAttribute(default=0)

    completed = NumberAttribute(default=0)
    missed = NumberAttribute(default=0)
    rejected = NumberAttribute(default=0)
    cancelled = NumberAttribute(default=0)


def add(live: Numbers, today: Numbers, now_ms: int, token: str) -> None:
    """Add what a batch of changes comes to, once however often the batch is handed in.

    ``token`` names the batch, 36 characters at most; under it, ``now_ms`` has to be the same, too.
    """

    def add_items(transaction: TransactWrite) -> None:
        if any(live.values()):
            transaction.update(Counts(LIVE), actions=_additions(live))
        if any(today.values()):
            expires_at = now_ms // 1000 + _DAY_KEPT_SECONDS
            transaction.update(
                Counts(times.day(now_ms)),
                actions=[*_additions(today), Counts.expires_at.set(expires_at)],
            )

    if any(live.values()) or any(today.values()):
        transact(add_items, token)


def read(now_ms: int) -> tuple[Counts, Counts]:
    """What is live, and today so far."""
    return both(lambda: _get(LIVE), lambda: _get(times.day(now_ms)))


def _additions(numbers: Numbers) -> list[Action]:
    return [getattr(Counts, name).add(number) for name, number in numbers.items() if number]


def _get(name: str) -> Counts:
    try:
        return Counts.get(name)
    except Counts.DoesNotExist:
        return Counts(name)
