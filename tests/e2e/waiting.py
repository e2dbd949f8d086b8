"""Waiting for what a stack does in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tests.e2e.clients import SECONDS

SETTLED_SECONDS = 3.0

T = TypeVar("T")


def until(happened: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < deadline, f"not within {SECONDS} s: {what}"
        time.sleep(0.05)


def settled(read: Callable[[], T]) -> T:
    """What is read once it has not changed for a while: those who left before have been counted
    out."""
    last, since = read(), time.monotonic()
    while time.monotonic() - since < SETTLED_SECONDS:
        time.sleep(0.1)
        now = read()
        if now != last:
            last, since = now, time.monotonic()
    return last
