"""Pauses before something is tried again."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator

from shared.settings import settings

_RANDOM = secrets.SystemRandom()
"""The system's: functions that start from one snapshot have one state of ``random``."""


def pause(attempt: int, *, first: float, longest: float) -> None:
    """Up to ``first`` seconds before the second attempt (``attempt`` is 1), twice as long each
    time. With jitter, so that those who met do not meet again."""
    time.sleep(_RANDOM.uniform(0, min(longest, first * 2 ** (attempt - 1))))


def attempts() -> Iterator[None]:
    """When to look for what an event needs and may have overtaken on the way: at once, and again
    until ``overtaken_wait_seconds`` are over."""
    values = settings()
    deadline = time.monotonic() + values.overtaken_wait_seconds
    yield
    while time.monotonic() < deadline:
        time.sleep(values.overtaken_pause_seconds)
        yield
