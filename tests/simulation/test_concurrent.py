"""The part of the concurrent runs that runs with all tests; ``make simulate`` runs more seeds."""

from __future__ import annotations

import pytest

from tests.integration import engines
from tests.simulation import bursts, report, runner
from tests.simulation.concurrent import ConcurrentWorld
from tests.simulation.report import table_of

pytestmark = [
    pytest.mark.xdist_group("concurrent"),
    pytest.mark.skipif(engines.missing() is not None, reason="no engine"),
]

SEEDS = range(2)


def test_all_at_once() -> None:
    with runner.running(ConcurrentWorld) as run:
        table = table_of(one for seed in SEEDS for one in bursts.outcomes(run, seed))
    assert report.failures(table) == []
