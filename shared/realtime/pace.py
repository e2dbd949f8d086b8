"""The pace of broadcasts: how many posts they may make together, and which are no longer worth it.

API Gateway allows an account so many requests a second, and rings need them too. So all broadcasts
together have a budget below that, in one row. Its time ``free_at`` says until when the budget is
reserved. A function that sends many posts reserves the time that they may take, a share of posts at
a time, and waits until its share begins. So they never exceed the budget, however many functions
send, and no function waits longer than for one share of each other function.

What lags then is the queue of broadcasts. A broadcast that tells a state is not sent if a newer
state of the same thing waits behind it.
"""

from __future__ import annotations

import secrets
from typing import Any, Protocol

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, PynamoDBException

from shared.aws.event_order import Newest
from shared.aws.log import logger
from shared.aws.tables import Table, TableName
from shared.ids import compose
from shared.ports import State
from shared.settings import settings

_BUDGET = "broadcasts"
_KEPT_SECONDS = 86_400
"""How long the newest state is known. No broadcast waits for so long."""

_ROUNDS = 8


class Budget(Protocol):
    """What has been reserved, for ``reserve``. Each method is one atomic write."""

    def prolong(self, ms: int, now_ms: int) -> int | None:
        """Reserve time behind what is reserved, and return its end.

        Returns None, and reserves nothing, if no later time than ``now_ms`` is reserved.
        """
        ...

    def begin(self, ms: int, now_ms: int) -> int | None:
        """Reserve time from now on, and return its end.

        Returns None, and reserves nothing, if a later time than ``now_ms`` is reserved.
        """
        ...


class BudgetRow(Table):
    """The budget, in the limits table.

    free_at: until when the budget is reserved, epoch ms.
    """

    class Meta:
        table_name = TableName("limits")

    key = UnicodeAttribute(hash_key=True)
    free_at: Any = NumberAttribute(attr_name="freeAt", null=True)

    def prolong(self, ms: int, now_ms: int) -> int | None:
        """Reserve time as ``Budget`` says."""
        free = BudgetRow.free_at
        held = self.update_if([free.set(free + ms)], free > now_ms)
        return int(self.free_at) if held else None

    def begin(self, ms: int, now_ms: int) -> int | None:
        """Reserve time as ``Budget`` says."""
        free = BudgetRow.free_at
        held = self.update_if([free.set(now_ms + ms)], free.does_not_exist() | (free <= now_ms))
        return int(self.free_at) if held else None


def reserve(budget: Budget, posts: int, per_second: int, now_ms: int) -> int:
    """Reserve the time for some posts, and return for how many ms to wait before the first one."""
    ms = -(-posts * 1000 // per_second)
    for _ in range(_ROUNDS):
        end = budget.prolong(ms, now_ms) or budget.begin(ms, now_ms)
        if end is not None:
            return max(0, end - ms - now_ms)
    return ms


def wait_ms(posts: int, now_ms: int) -> int:
    """Reserve the time for some posts of a broadcast, and return for how many ms to wait.

    Few posts reserve nothing. If the budget cannot be reached, the posts wait as long as they may
    take: to fail would send the broadcast again from its beginning.
    """
    values = settings()
    if posts < values.broadcast_free_posts:
        return 0
    per_second = values.broadcast_posts_per_second
    try:
        return reserve(BudgetRow(_BUDGET), posts, per_second, now_ms)
    except PynamoDBException:
        logger.exception("the budget of broadcasts cannot be reached")
        return posts * 1000 // per_second


def new_state(of: str, now_ms: int) -> State:
    """Note that there is a new state of something, and return it, for the broadcast that tells it.

    To be called in the order of the states.
    """
    state = State(of, secrets.token_hex(8))
    expires_at = now_ms // 1000 + _KEPT_SECONDS
    Newest(_key(state), at=now_ms, by=state.id, expires_at=expires_at).save()
    return state


def is_overtaken(state: State) -> bool:
    """Return whether there is a newer state, which another broadcast tells."""
    try:
        return Newest.get(_key(state), consistent_read=True).by != state.id
    except DoesNotExist:
        return False


def _key(state: State) -> str:
    return compose("state", state.of)
