"""Histories in which apps ask for recovery, and lose their connections again and again. They run
beside the list of branches, which is of apps that do not ask."""

from __future__ import annotations

import pytest

from tests.integration import engines
from tests.simulation import histories, report, runner

pytestmark = [
    pytest.mark.xdist_group("simulation"),
    pytest.mark.skipif(engines.missing() is not None, reason="no engine"),
]

SEEDS = {
    1010: "the tab that has a chat call has another connection, and the call is over",
    1066: "an event to a channel while a tab that comes back is there with both connections",
    6037: "a tab comes back twice, the second time before it is in its channels again",
    6117: "a chat call is over that another tab had, and the tab that knows it has been lost",
    20241: "a later event overtakes the end of a call just before the connection is lost",
    31184: "other tabs stand in for the one that calls, which comes back during the call",
    31206: "a call is over while the tab that calls is coming back, and others stand in for it",
    41437: "a caller cancels while the call is accepted, and loses two connections",
}
"""Seeds of histories, each with what happens in it."""


def test_histories_of_apps_that_recover() -> None:
    plan = histories.Plan(recovery=1.0)
    with runner.running() as run:
        table = report.table_of(histories.outcomes(run, SEEDS, plan))
    assert report.failures(table) == []
