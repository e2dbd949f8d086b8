"""Waits for what the stack does asynchronously."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tests.e2e.clients import SECONDS

SETTLED_SECONDS = 3.0

T = TypeVar("T")


def until(happened: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    """Wait until ``happened`` returns true. Raises ``AssertionError`` with ``what`` otherwise."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def settled(read: Callable[[], T]) -> T:
    """Return what ``read`` returns once it has not changed for ``SETTLED_SECONDS``.

    By then, clients that earlier tests have disconnected are no longer counted.
    """
    last, since = read(), time.monotonic()
    while time.monotonic() - since < SETTLED_SECONDS:
        time.sleep(0.1)
        now = read()
        if now != last:
            last, since = now, time.monotonic()
    return last
