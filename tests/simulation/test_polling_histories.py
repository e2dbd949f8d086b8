"""Histories in which apps poll, and stay so or upgrade. They run beside the list of branches, which
must not depend on when a GET looks at its mailbox."""

from __future__ import annotations

import pytest

from tests.integration import engines
from tests.simulation import histories, report, runner

pytestmark = [
    pytest.mark.xdist_group("simulation"),
    pytest.mark.skipif(engines.missing() is not None, reason="no engine"),
]


def test_histories_of_apps_that_poll() -> None:
    plan = histories.Plan(polling=0.7)
    with runner.running() as run:
        table = report.table_of(histories.outcomes(run, range(3), plan))
    assert report.failures(table) == []
