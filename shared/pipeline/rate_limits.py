"""Rate limits over a sliding window, with one write for each hit.

N attributes of a row hold the times of the last N hits. A hit shifts the times by one, under the
condition that the oldest time is out of the window. This is exact for any window. The shift is one
update, because DynamoDB evaluates every right-hand side before it sets anything.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from shared.aws.tables import Table, TableName
from shared.identity.edge import client_address, network_of
from shared.ids import compose
from shared.settings import settings

WINDOW_MS = 60_000
MOST_SLOTS = 50
"""The most times in one row: with more, an update expression would come close to its 4 KB."""

MOST_TRIED = 20
"""The most rows that a hit tries, which is what a refusal costs at most in write units. A limit of
1,000 has this many rows."""


@dataclass(frozen=True, slots=True)
class Window:
    """A rate limit of ``size`` hits in 60 s, on the attributes of one row.

    prefix: the beginning of the attributes' names.
    size: the most hits in 60 s.
    now_ms: the time in epoch ms.
    ms: the time over which the limit holds, if it is not 60 s.
    """

    prefix: str
    size: int
    now_ms: int
    ms: int = WINDOW_MS

    @classmethod
    def coarse(cls, prefix: str, per_minute: int, now_ms: int) -> Window:
        """Return a limit of any size. One of more than ``MOST_SLOTS`` holds over a shorter time:
        100 a minute are 50 in 30 s."""
        size = min(per_minute, MOST_SLOTS)
        return cls(prefix, size, now_ms, WINDOW_MS * size // per_minute)

    def actions(self) -> list[Action]:
        """Return the actions that take a hit: every time moves on by one slot, oldest first."""
        moves = [
            Path(self._slot(n)).set(Path(self._slot(n - 1)) | 0) for n in range(self.size, 1, -1)
        ]
        return [*moves, Path(self._slot(1)).set(self.now_ms)]

    def condition(self) -> Condition:
        """Return the condition that a hit has room: the oldest time is out of the window."""
        oldest = Path(self._slot(self.size))
        condition: Condition = oldest.does_not_exist() | (oldest <= self.now_ms - self.ms)
        return condition

    def is_full(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row has no room for a hit now. The row is in DynamoDB's form."""
        oldest = row.get(self._slot(self.size))
        return oldest is not None and int(oldest["N"]) > self.now_ms - self.ms

    def _slot(self, number: int) -> str:
        return f"{self.prefix}{number}"


class Hits(Table):
    """The times of the hits on a key, in attributes that ``Window`` names.

    key: what is counted, with a number if the hits are spread over several rows.
    expires_at: when DynamoDB may delete the row, epoch seconds.
    """

    class Meta:
        table_name = TableName("limits")

    key = UnicodeAttribute(hash_key=True)
    expires_at = NumberAttribute(attr_name="expiresAt")


def hit(key: str, per_minute: int, now_ms: int) -> bool:
    """Count a hit on ``key``. Returns False, and counts nothing, if the limit has been reached.

    A limit of more than ``MOST_SLOTS`` is spread over several rows. A hit takes any row that has
    room, and tries ``MOST_TRIED`` rows at most. So the limit is exact if it has no more rows than
    that; a limit with more rows may refuse a few hits too early, shortly before it is reached.
    """
    rows = -(-per_minute // MOST_SLOTS)
    expires_at = Hits.expires_at.set((now_ms + WINDOW_MS) // 1000 + 1)
    for number in secrets.SystemRandom().sample(range(rows), min(rows, MOST_TRIED)):
        size = (per_minute + number) // rows  # adds up to the limit
        row = Hits(compose(str(number), key) if rows > 1 else key)
        if take(row, Window("h", size, now_ms), [expires_at]):
            return True
    return False


def count_handshake(peer: str, headers: Mapping[str, str], now_ms: int) -> bool:
    """Count a new connection of a client's address, accepted or not.

    Returns False if the address has opened too many. ``headers`` have lower-case names.
    """
    limit = settings().limit_connections_per_minute
    address = client_address(peer, headers)
    return hit(compose("address", network_of(address)), limit, now_ms)


def take(row: Table, window: Window, more: list[Action] | None = None) -> bool:
    """Take a hit on a row. Returns False, and writes nothing, if the window has no room.

    more: further actions of the same write.
    """
    return row.update_if([*window.actions(), *(more or [])], window.condition())
