"""The part of the concurrent runs that runs with all tests; ``make simulate`` runs more seeds."""

from __future__ import annotations

import pytest

from tests.integration import engines
from tests.simulation import bursts, known, runner
from tests.simulation.concurrent import ConcurrentWorld
from tests.simulation.report import table_of

pytestmark = [
    pytest.mark.xdist_group("concurrent"),
    pytest.mark.skipif(engines.missing() is not None, reason="no engine"),
]

SEEDS = range(2)


def test_what_fails_when_all_runs_at_once_is_known() -> None:
    with runner.running(ConcurrentWorld) as run:
        table = table_of(one for seed in SEEDS for one in bursts.outcomes(run, seed))
    assert list(known.unknown_at_once(table)) == []
