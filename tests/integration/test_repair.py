"""Wrong counts are corrected, and counts that are only late are left alone."""

from __future__ import annotations

import time
import uuid

import pytest

from functions.calls.namespaces import TELECALLER, USER
from functions.calls.presence import counts, repair
from functions.products import REGISTRY
from functions.sweep.main import SweepFailed, run
from shared.aws import numbers
from shared.aws.streams import Mark
from shared.pipeline.product import Product
from shared.pipeline.registry import Registry
from shared.pipeline.sweep import Sweep
from shared.realtime import connections
from shared.realtime.address import Wire
from shared.realtime.emitter import Emitter
from tests.fakes import NOW_MS, Fakes
from tests.integration import stage

pytestmark = pytest.mark.usefixtures("tables")

MINUTE_MS = 60_000
REAL = {"connections": 5, "onlineUsers": 2, "onlineTelecallers": 2, "ringing": 1, "accepted": 1}


def populate() -> None:
    """Connect two users with three devices and two telecallers: one call rings, one is answered."""
    for connection_id, person in (("cu1", "u1"), ("cu2", "u1"), ("cu3", "u2")):
        stage.connect(USER.path, person, connection_id)
    stage.connect(TELECALLER.path, "t1", "ct1")
    stage.connect(TELECALLER.path, "t2", "ct2", Wire.NATIVE)
    assert stage.start(f"{1:024x}", "u1", "t1") is None
    assert stage.start(f"{2:024x}", "u2", "t2") is None
    assert stage.accept("t2", f"{2:024x}")


COUNTING = Product("counting")
"""A product whose sweep only repairs counts: the call product's would end ringing calls."""

COUNTING.on_sweep()(repair.repair)


def live() -> dict[str, int]:
    now = numbers.read(counts.LIVE)
    return {name: now.get(name, 0) for name in REAL}


def add(**added: int) -> None:
    mark = Mark(uuid.uuid4().hex, NOW_MS // 1000)
    counts.add([(mark, counts.Change(added, {}))])


def count(fakes: Fakes, minutes: int = 5) -> None:
    fakes.clock.now += minutes * MINUTE_MS
    run(Registry([COUNTING]), fakes.ports, 60)


def test_the_repair_counts_connections_people_and_calls(fakes: Fakes) -> None:
    populate()
    sweep = Sweep(REGISTRY, fakes.ports, Emitter(fakes.ports), time.monotonic() + 60)
    assert repair.measure(sweep) == REAL


def test_a_difference_that_stays_is_corrected_by_the_second_count(fakes: Fakes) -> None:
    populate()
    add(connections=7, onlineUsers=1, ringing=1, accepted=1)
    count(fakes)
    assert live() == REAL | {"connections": 7, "onlineUsers": 1, "onlineTelecallers": 0}
    count(fakes)
    assert live() == REAL
    count(fakes)
    assert live() == REAL


def test_a_difference_that_passes_is_not_corrected(fakes: Fakes) -> None:
    populate()
    add(**REAL | {"connections": 4})
    count(fakes)
    add(connections=1)
    count(fakes)
    assert live() == REAL


def test_a_difference_that_changes_is_corrected_only_once_it_stays(fakes: Fakes) -> None:
    populate()
    add(**REAL | {"connections": 4, "onlineUsers": 3})
    count(fakes)
    add(connections=-1)
    count(fakes)
    assert live() == REAL | {"connections": 3}
    count(fakes)
    assert live() == REAL


def test_the_repair_counts_only_at_its_configured_interval(fakes: Fakes) -> None:
    populate()
    count(fakes)
    for _ in range(4):
        count(fakes, minutes=1)
    assert live() == dict.fromkeys(REAL, 0)
    count(fakes, minutes=1)
    assert live() == REAL


def test_only_one_of_two_concurrent_repairs_corrects_the_counts() -> None:
    numbers.correct(counts.LIVE, {"connections": 5}, numbers.last_difference(counts.LIVE), 1)
    before = numbers.last_difference(counts.LIVE)
    assert before == {"connections": 5, "countedAt": 1}
    assert numbers.correct(counts.LIVE, {"connections": 5}, before, 2) == {"connections": 5}
    assert numbers.correct(counts.LIVE, {"connections": 5}, before, 2) == {}
    assert live()["connections"] == 5
    assert numbers.last_difference(counts.LIVE) == {"connections": 0, "countedAt": 2}


def test_an_unfinished_count_corrects_nothing(fakes: Fakes) -> None:
    populate()
    for _ in range(2):
        fakes.clock.now += 5 * MINUTE_MS
        with pytest.raises(SweepFailed, match="first: repair"):
            run(Registry([COUNTING]), fakes.ports, 0)
    assert live() == dict.fromkeys(REAL, 0)
    assert numbers.last_difference(counts.LIVE) == {}


def test_a_deleted_connection_whose_disconnect_was_lost_is_not_counted(fakes: Fakes) -> None:
    populate()
    add(**REAL)
    connections.delete("cu2")
    count(fakes)
    count(fakes)
    assert live() == REAL | {"connections": 4}
