"""What a call costs."""

from __future__ import annotations

SECONDS_A_MINUTE = 60


def duration_seconds(accepted_at_ms: float | None, ended_at_ms: int) -> int:
    """Whole seconds from accept to end, rounded down; 0 for a call that nobody answered."""
    if accepted_at_ms is None:
        return 0
    return max(0, ended_at_ms - int(accepted_at_ms)) // 1000


def cost(seconds: int, rate: int) -> int:
    """Coins at ``rate`` a started minute: a minute counts from its first second, 0 s are free."""
    return -(-seconds // SECONDS_A_MINUTE) * rate
