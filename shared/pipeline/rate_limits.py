"""Rate limits over a sliding window, with one write for each hit.

N attributes of a row hold the times of the last N hits. A hit shifts the times by one, under the
condition that the oldest time is out of the window. This is exact for any window. The shift is one
update, because DynamoDB evaluates every right-hand side before it sets anything.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import msgspec
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


RETURN_MS = 120_000
"""How long a client is expected back at least; at most twice as long."""


class Window(msgspec.Struct, frozen=True):
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
        return [*_moves(self.prefix, self.size), Path(_slot(self.prefix, 1)).set(self.now_ms)]

    def condition(self) -> Condition:
        """Return the condition that a hit has room: the oldest time is out of the window."""
        oldest = Path(_slot(self.prefix, self.size))
        condition: Condition = oldest.does_not_exist() | (oldest <= self.now_ms - self.ms)
        return condition

    def is_full(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row has no room for a hit now. The row is in DynamoDB's form."""
        oldest = row.get(_slot(self.prefix, self.size))
        return oldest is not None and int(oldest["N"]) > self.now_ms - self.ms


def _slot(prefix: str, number: int) -> str:
    return f"{prefix}{number}"


@cache
def _moves(prefix: str, size: int) -> Sequence[Action]:
    """Return the actions that move every time on by one slot. They are the same for every hit."""
    slots = [Path(_slot(prefix, number)) for number in range(1, size + 1)]
    return [later.set(earlier | 0) for earlier, later in pairwise(slots)][::-1]


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


def network(peer: str, headers: Mapping[str, str]) -> str:
    """Return what a client's handshakes are counted by. ``headers`` have lower-case names."""
    return network_of(client_address(peer, headers))


def count_handshake(network: str, now_ms: int) -> bool:
    """Count a new connection of a network, accepted or not.

    Returns False if there have been too many, and no client of the network is expected back.
    """
    if hit(compose("address", network), settings().limit_connections_per_minute, now_ms):
        return True
    return any(_let_back(network, now_ms - ago) for ago in (0, RETURN_MS))


def expect_return(network: str, now_ms: int) -> None:
    """Let one more connection of a network in, for the next minutes: a client's has been lost."""
    row = _returns(network, now_ms)
    row.update([Path("left").add(1), Hits.expires_at.set((now_ms + 2 * RETURN_MS) // 1000)])


def _let_back(network: str, lost_ms: int) -> bool:
    """Let a client back whose connection was lost about ``lost_ms``. Returns False if all are."""
    left = Path("left")
    return _returns(network, lost_ms).update_if([left.add(-1)], left > 0)


def _returns(network: str, lost_ms: int) -> Hits:
    return Hits(compose("returns", network, str(lost_ms // RETURN_MS)))


def take(row: Table, window: Window, more: list[Action] | None = None) -> bool:
    """Take a hit on a row. Returns False, and writes nothing, if the window has no room.

    more: further actions of the same write.
    """
    return row.update_if([*window.actions(), *(more or [])], window.condition())
