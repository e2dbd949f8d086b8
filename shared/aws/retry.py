"""Pauses before another attempt."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator

from shared.settings import settings

_RANDOM = secrets.SystemRandom()
"""The system's randomness: functions that start from the same snapshot share the state of
``random``."""


def pause(attempt: int, *, first: float, longest: float) -> None:
    """Sleep before the next attempt.

    After attempt 1 the pause is up to ``first`` seconds. This bound doubles with each attempt, up
    to ``longest`` seconds. The pause is random, so that writers that collided do not collide again.
    """
    time.sleep(_RANDOM.uniform(0, min(longest, first * 2 ** (attempt - 1))))


def attempts() -> Iterator[None]:
    """Yield whenever it is time to look for an earlier event that the current one has overtaken.

    Frames of one connection may be handled in any order. Yields at once, and then every
    ``overtaken_pause_seconds`` until ``overtaken_wait_seconds`` are over.
    """
    values = settings()
    yield from looks(values.overtaken_wait_seconds, values.overtaken_pause_seconds)


def until_restored() -> Iterator[None]:
    """Yield at once, and then every ``overtaken_pause_seconds``, until a session that has come back
    must have its rooms again."""
    values = settings()
    wait = values.restore_most_seconds + values.overtaken_wait_seconds
    yield from looks(wait, values.overtaken_pause_seconds)


def looks(wait_seconds: float, pause_seconds: float) -> Iterator[None]:
    """Yield at once, and then after every pause until the wait is over."""
    deadline = time.monotonic() + wait_seconds
    yield
    while time.monotonic() < deadline:
        time.sleep(pause_seconds)
        yield
