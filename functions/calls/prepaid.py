"""How long a user can pay for a prepaid call, and the start of the timer that watches it.

Nothing is written about it: the time follows from when the call was answered, its rate, and the
balance on the user's row. So coins that the user buys prolong the call by themselves.
"""

from __future__ import annotations

import math

from functions.calls.rows import CurrentCall, PartyRow
from shared.aws.log import logger
from shared.pipeline.context import Background
from shared.settings import settings


def applies(rate: int) -> bool:
    """Return whether calls at this rate are prepaid. A call that costs nothing is not."""
    return settings().prepaid_calls and rate > 0


def spendable(coins: int, rate: int) -> int:
    """Return how many coins of a balance a call can cost.

    A prepaid call costs whole units only: the user gets nothing for the rest.
    """
    return coins - coins % rate if applies(rate) else coins


def left_ms(call: CurrentCall, user: PartyRow, now_ms: int) -> float:
    """Return for how long the user can still pay for an answered call, in ms. Negative if the time
    is over; infinite if the call is not prepaid."""
    rate = int(call.rate)
    if not applies(rate):
        return math.inf
    units = int(user.coins) // rate
    return int(call.accepted_at) + units * settings().billed_seconds * 1000 - now_ms


def is_overdue(call: CurrentCall, user: PartyRow, now_ms: int) -> bool:
    """Return whether the balance timer should have ended a call some time ago."""
    if not call.accepted_at:
        return False
    return left_ms(call, user, now_ms) <= -settings().ring_timer_grace_seconds * 1000


def seconds_until_next(left: float) -> int:
    """Return in how many seconds a call that can be paid for ``left`` ms needs attention: before
    the warning that is the warning, afterwards the end."""
    until_warning = left - settings().low_balance_seconds * 1000
    return _ceil(until_warning if until_warning > 0 else left)


def try_watch(background: Background, telecaller: PartyRow, user: PartyRow) -> Exception | None:
    """Start the balance timer of an answered call, if the call is prepaid. Idempotent.

    Returns the error if the timer could not be started.
    """
    call = telecaller.call
    if not applies(int(call.rate)):
        return None
    left = left_ms(call, user, background.now_ms)
    seconds = _ceil(left - settings().low_balance_seconds * 1000)
    try:
        background.ports.tasks.watch_balance(
            call_id=call.id, person=telecaller.person, seconds=seconds
        )
    except Exception as error:  # noqa: BLE001 - the caller decides
        logger.exception("the balance timer of call %s could not be started", call.id)
        return error
    return None


def _ceil(ms: float) -> int:
    """Return the whole seconds until ``ms`` are over."""
    return max(0, math.ceil(ms / 1000))
