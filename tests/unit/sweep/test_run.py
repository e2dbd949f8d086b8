"""A sweep as a whole: a failure is logged, counted and raised at the end."""

from __future__ import annotations

import time

import pytest

from functions.products import REGISTRY
from functions.sweep import main
from functions.sweep.main import Part, SweepFailed, run
from shared.pipeline.product import Product
from shared.pipeline.registry import Registry
from shared.pipeline.sweep import Sweep
from shared.realtime.emitter import Emitter
from tests.conftest import UseSettings
from tests.fakes import NOW_MS, Fakes


def sweep_for(seconds: float) -> Sweep:
    fakes = Fakes()
    return Sweep(REGISTRY, fakes.ports, Emitter(fakes.ports), time.monotonic() + seconds)


def test_a_sweep_is_over_when_its_time_has_passed() -> None:
    assert not sweep_for(60).over
    assert sweep_for(0).over
    assert sweep_for(0).now == NOW_MS // 1000


def test_an_attempt_returns_the_result_of_its_work_or_none_after_a_failure() -> None:
    sweep = sweep_for(60)
    assert sweep.attempt("a", lambda: 1) == 1
    assert sweep.failures == []

    def fail() -> int:
        raise LookupError("no")

    assert sweep.attempt("b", fail) is None
    assert sweep.failures == ["b"]


def test_parts_share_the_shards_and_only_the_first_runs_the_products(
    monkeypatch: pytest.MonkeyPatch, use_settings: UseSettings
) -> None:
    use_settings(due_shards=8)
    products: list[int] = []
    shards: list[list[int]] = []
    product = Product("product")
    product.on_sweep()(lambda _: products.append(len(shards)))

    def look_after(sweep: Sweep, numbers: range) -> dict[str, int]:
        shards.append(list(numbers))
        return {}

    monkeypatch.setattr(main, "look_after", look_after)
    for number in range(3):
        run(Registry([product]), Fakes().ports, 60, Part(number, 3))
    assert products == [0]
    assert shards == [[0, 3, 6], [1, 4, 7], [2, 5]]


def test_a_failing_product_stops_no_other_and_is_raised_at_the_end(
    monkeypatch: pytest.MonkeyPatch, use_settings: UseSettings
) -> None:
    use_settings(due_shards=8)
    done: list[str] = []
    first, second = Product("first"), Product("second")

    @first.on_sweep()
    def broken(_: Sweep) -> None:
        raise LookupError("no")

    @second.on_sweep()
    def sound(sweep: Sweep) -> None:
        assert sweep.until < time.monotonic() + 31
        done.append("sound")

    def look_after(sweep: Sweep, shards: range) -> dict[str, int]:
        assert sweep.until > time.monotonic() + 31
        assert list(shards) == list(range(8))
        done.append("connections")
        return {}

    monkeypatch.setattr(main, "look_after", look_after)
    with pytest.raises(SweepFailed, match=r"1 failed, the first: .*broken"):
        run(Registry([first, second]), Fakes().ports, 60)
    assert done == ["sound", "connections"]
    run(Registry([second]), Fakes().ports, 60)
