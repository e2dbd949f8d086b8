"""Do several requests to AWS at once: a Lambda waits for the slowest, not for the sum."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from itertools import chain, islice
from threading import Lock, local
from typing import Any, TypeVar

from shared.settings import settings

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")


_END: Any = object()
_this_thread = local()


def _begin() -> None:
    _this_thread.in_pool = True


@cache
def _pool() -> ThreadPoolExecutor:
    """Threads are started as they are needed: an event that posts twice has two."""
    threads = settings().post_threads
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


def each(work: Callable[[T], bool], items: Iterable[T]) -> int:
    """Do ``work`` for every item, as many at once as there are threads; how often it said yes.

    Items are taken as they are needed, one thread at a time: what makes them need not hold them
    all. Everyone has a turn, then the first exception is raised, if any.
    """
    begun = iter(items)
    first = list(islice(begun, settings().post_threads))
    left, taking = chain(first, begun), Lock()
    errors: list[Exception] = []

    def run() -> int:
        done = 0
        while True:
            with taking:
                item = next(left, _END)
            if item is _END:
                return done
            try:
                done += work(item)
            except Exception as error:  # noqa: BLE001 - raised when all have had their turn
                errors.append(error)

    done = sum(together([run] * len(first))) if first else 0
    if errors:
        raise errors[0]
    return done


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
