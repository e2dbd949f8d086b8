"""Several requests to AWS at the same time: a function waits for the slowest, not for the sum."""

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
def thread_pool() -> ThreadPoolExecutor:
    """Return the process's pool. It starts its threads when they are needed."""
    threads = settings().requests_at_once
    return ThreadPoolExecutor(threads, thread_name_prefix="parallel", initializer=_begin)


def both(first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
    """Run two calls concurrently, as ``together`` does; their results may differ in type."""
    results: list[Any] = together([first, second])
    return results[0], results[1]


def together(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Run all calls concurrently, the last one on this thread; return their results in order.

    Waits for every call, then raises the first exception in the order of the calls, if any. Returns
    an empty list if there are no calls.

    Within a call of another ``together`` the calls run one after the other. If they used the pool,
    all of its threads could be waiting for a free one.
    """
    every = list(calls)
    if not every or getattr(_this_thread, "in_pool", False):
        return _in_turn(every)
    futures = [thread_pool().submit(call) for call in every[:-1]]
    try:
        result = every[-1]()
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
        except BaseException as error:  # noqa: BLE001 - raised when all calls have run
            future.set_exception(error)
        done.append(future)
    return [future.result() for future in done]
