"""Several requests at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from threading import Barrier, Event

import pytest

from shared.aws import parallel
from shared.aws.parallel import both, together
from tests.conftest import UseSettings


@pytest.fixture(autouse=True)
def pool(use_settings: UseSettings) -> Iterator[None]:
    use_settings(requests_at_once=4)
    parallel.thread_pool.cache_clear()
    yield
    parallel.thread_pool().shutdown()
    parallel.thread_pool.cache_clear()


def test_results_come_in_the_order_of_the_calls() -> None:
    assert together([lambda number=number: number for number in range(20)]) == list(range(20))  # type: ignore[misc]


def test_no_calls_have_no_results() -> None:
    assert together([]) == []


def test_a_single_call_runs_in_the_calling_thread() -> None:
    assert together([threading.get_ident]) == [threading.get_ident()]


def test_the_last_call_runs_in_the_calling_thread_and_the_others_do_not() -> None:
    first, last = together([threading.get_ident, threading.get_ident])
    assert last == threading.get_ident() != first


def test_calls_run_at_the_same_time() -> None:
    barrier = Barrier(3, timeout=5)
    assert sorted(together([barrier.wait] * 3)) == [0, 1, 2]


def test_two_results_may_be_of_different_types() -> None:
    number, text = both(lambda: 1, lambda: "a")
    assert (number, text) == (1, "a")


def fail(message: str) -> None:
    raise ValueError(message)


def test_the_first_failure_in_order_is_raised() -> None:
    with pytest.raises(ValueError, match="one"):
        together([lambda: None, lambda: fail("one"), lambda: fail("two"), lambda: None])


def test_a_failure_of_the_last_call_is_raised() -> None:
    with pytest.raises(ValueError, match="last"):
        both(lambda: None, lambda: fail("last"))


@pytest.mark.parametrize("failing", ["first", "last"])
def test_every_call_has_ended_when_a_failure_is_raised(failing: str) -> None:
    ended = Event()

    def slow() -> None:
        Event().wait(0.05)
        ended.set()

    def now() -> None:
        fail("now")

    calls = [now, slow] if failing == "first" else [slow, now]
    with pytest.raises(ValueError, match="now"):
        together(calls)
    assert ended.is_set()


def test_calls_inside_a_pooled_call_run_in_turn_without_waiting_for_the_pool() -> None:
    """All four threads of the pool run calls that make further calls."""
    outer = [
        lambda number=number: together([lambda: number, lambda: -number]) for number in range(9)
    ]
    assert together(outer) == [[number, -number] for number in range(9)]


def test_calls_inside_a_pooled_call_all_run_before_the_first_error_is_raised() -> None:
    ran: list[int] = []

    def inner() -> list[None]:
        return together([lambda: 1 / 0, lambda: ran.append(1)])  # type: ignore[list-item]

    with pytest.raises(ZeroDivisionError):
        together([inner, list])
    assert ran == [1]
