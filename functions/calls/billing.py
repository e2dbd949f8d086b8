"""What a call costs."""

from __future__ import annotations

SECONDS_A_MINUTE = 60


def duration_seconds(accepted_at_ms: float | None, ended_at_ms: int) -> int:
    """Return the whole seconds from accept to end, rounded down.

    Returns 0 for a call that has not been answered.
    """
    if accepted_at_ms is None:
        return 0
    return max(0, ended_at_ms - int(accepted_at_ms)) // 1000


def cost(seconds: int, rate: int, unit_seconds: int = SECONDS_A_MINUTE) -> int:
    """Return the price in coins at ``rate`` coins per started unit of time. 0 s cost nothing."""
    return -(-seconds // unit_seconds) * rate
