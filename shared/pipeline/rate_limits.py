"""Rate limits over a sliding window, in one write each.

The times of the last N hits stand in N attributes of a row. A hit shifts them by one, under the
condition that the oldest is out of the window: exact for any window, and DynamoDB evaluates every
right-hand side before it sets anything, so the shift is one update.
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

WINDOW_MS = 60_000
MOST_SLOTS = 50
"""More than this and an update expression nears its 4 KB."""

MOST_TRIED = 20
"""What a refusal costs at most, in write units: all rows of a limit of 1,000."""


@dataclass(frozen=True, slots=True)
class Window:
    """At most ``size`` hits in 60 s, on attributes that begin with ``prefix``."""

    prefix: str
    size: int
    now_ms: int

    def actions(self) -> list[Action]:
        """Take a hit: every slot moves on by one. Written oldest first."""
        moves = [
            Path(self._slot(n)).set(Path(self._slot(n - 1)) | 0) for n in range(self.size, 1, -1)
        ]
        return [*moves, Path(self._slot(1)).set(self.now_ms)]

    def condition(self) -> Condition:
        oldest = Path(self._slot(self.size))
        condition: Condition = oldest.does_not_exist() | (oldest <= self.now_ms - WINDOW_MS)
        return condition

    def is_full(self, row: Mapping[str, Any]) -> bool:
        """Whether ``row``, as DynamoDB returns it, allows no hit now."""
        oldest = row.get(self._slot(self.size))
        return oldest is not None and int(oldest["N"]) > self.now_ms - WINDOW_MS

    def _slot(self, number: int) -> str:
        return f"{self.prefix}{number}"


class Hits(Table):
    class Meta:
        table_name = TableName("limits")

    key = UnicodeAttribute(hash_key=True)
    expires_at = NumberAttribute(attr_name="expiresAt")


def hit(key: str, per_minute: int, now_ms: int) -> bool:
    """Count a hit on ``key``; False, and nothing counted, where it would be one too many.

    A limit of more than ``MOST_SLOTS`` is spread over several rows of which a hit takes any that
    has room: exact while there are no more than are tried, above that at the edge a few fewer.
    """
    rows = -(-per_minute // MOST_SLOTS)
    expires_at = Hits.expires_at.set((now_ms + WINDOW_MS) // 1000 + 1)
    for number in secrets.SystemRandom().sample(range(rows), min(rows, MOST_TRIED)):
        size = (per_minute + number) // rows  # adds up to the limit
        row = Hits(f"{key}#{number}" if rows > 1 else key)
        if take(row, Window("h", size, now_ms), [expires_at]):
            return True
    return False


def take(row: Table, window: Window, more: list[Action] | None = None) -> bool:
    """Take a hit on any row that has room for a window's slots."""
    return row.update_if([*window.actions(), *(more or [])], window.condition())
