"""A shift in seconds; ``python -m tests.simulation --shift`` runs one of eight hours."""

from __future__ import annotations

import pytest

from tests.integration import engines
from tests.simulation import runner
from tests.simulation.shift import Shift

pytestmark = [
    pytest.mark.xdist_group("simulation"),
    pytest.mark.skipif(engines.missing() is not None, reason="no engine"),
]


@pytest.mark.parametrize("recovery", [False, True])
def test_nobody_notices_the_cuts_and_blips_of_a_shift(recovery: bool) -> None:
    with runner.running() as run:
        figures = Shift(run.world(1), hours=2.5, calls=12, recovery=recovery).run()
    assert figures.problems == []
    assert figures.calls == 12
    assert figures.blips > 5
    assert figures.cuts >= 2
    assert figures.replaced >= 1
    returns = figures.blips + figures.cuts + figures.replaced
    assert figures.recovered == (returns if recovery else 0)
