"""Do several requests to AWS at once: a Lambda waits for the slowest, not for the sum."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from threading import local
from typing import Any, TypeVar

from shared.settings import settings

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")


_this_thread = local()


def _begin() -> None:
    _this_thread.in_pool = True


@cache
def _pool() -> ThreadPoolExecutor:
    """Threads are started as they are needed."""
    threads = settings().requests_at_once
    return ThreadPoolExecutor(threads, thread_name_prefix="parallel", initializer=_begin)


def both(first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
    """``together`` for two calls whose results differ in type."""
    results: list[Any] = together([first, second])
    return results[0], results[1]


def together(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Run all calls concurrently, the last one on this thread; results in order.

    Waits for every call, then raises the first exception in order, if any. Within a call of another
    ``together`` they run one after the other: threads of the pool that wait for it could be all
    there are.
    """
    *others, last = calls
    if getattr(_this_thread, "in_pool", False):
        return _in_turn([*others, last])
    futures = [_pool().submit(call) for call in others]
    try:
        result = last()
    finally:
        for future in futures:
            future.exception()
    return [*(future.result() for future in futures), result]


def _in_turn(calls: list[Callable[[], T]]) -> list[T]:
    done: list[Future[T]] = []
    for call in calls:
        future: Future[T] = Future()
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised when all have run
            future.set_exception(error)
        done.append(future)
    return [future.result() for future in done]
