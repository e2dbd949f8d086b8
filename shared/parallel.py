"""Do several requests to AWS at once: a Lambda waits for the slowest, not for the sum."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

from shared.settings import settings

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings().post_threads, thread_name_prefix="parallel")


def both(first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
    """``together`` for two calls whose results differ in type."""
    results: list[Any] = together([first, second])
    return results[0], results[1]


def together(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Run all calls concurrently, the last one on this thread; results in order.

    Waits for every call, then raises the first exception in order, if any. Calls must not
    themselves wait for ``together`` from within the pool.
    """
    *others, last = calls
    futures = [_pool().submit(call) for call in others]
    try:
        result = last()
    finally:
        for future in futures:
            future.exception()
    return [*(future.result() for future in futures), result]
