"""The part of the simulation that runs with all tests: some scenarios, races and histories.

``make simulate`` runs all of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration import engines
from tests.simulation import (
    branches,
    enumeration,
    histories,
    judge,
    races,
    report,
    reports,
    runner,
)
from tests.simulation.branches import Watch
from tests.simulation.calls import answered
from tests.simulation.report import table_of
from tests.simulation.runner import Runner
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.stage import Stage

pytestmark = [
    pytest.mark.xdist_group("simulation"),
    pytest.mark.skipif(engines.missing() is not None, reason="no engine"),
]

BOUNDED = (
    "call:accept",
    "coins run out",
    "call:initiate by push",
    "call:accept in chat",
    "message:send",
    "booking.assigned",
    "POST /accounts/{id}/suspend",
)
RACES = (
    "accept | cancel",
    "accept | user leaves",
    "coins run out | coins arrive",
    "initiate | another device comes",
    "chat: accept | end",
    "tab departs | tab departs",
    "tab leaves | person comes back",
    "status | tab leaves",
    "comes | suspended",
)
OVERTAKINGS = ("accept, end", "join, leave", "message, goodbye", "track, untrack")
SEQUENCES = ("a booking on its way", "two partners")
SEEDS = (
    *(*range(3), 9757, 9943, 20018, 20580, 30161, 32190, 32235, 40007, 40427, 41094),
    *(42960, 44222, 45979, 46613, 47178, 71270, 71839, 76034, 77118, 80042, 85431, 93444, 98257),
    140447,
)
"""The last ones have each found a kind of bug."""


@pytest.fixture(scope="module")
def watch() -> Watch:
    """Note what runs in all tests here, for the last of them."""
    return Watch()


@pytest.fixture(scope="module")
def run(watch: Watch) -> Iterator[Runner]:
    with runner.running() as made, watch.noting():
        yield made


@pytest.mark.parametrize("name", BOUNDED)
def test_every_fault(run: Runner, name: str) -> None:
    table = table_of(enumeration.outcomes(run, SCENARIOS[name]))
    assert report.failures(table) == []


@pytest.mark.parametrize("name", RACES)
def test_two_events_that_meet(run: Runner, name: str) -> None:
    (race,) = (race for race in races.RACES if race.name == name)
    assert report.failures(table_of(races.outcomes(run, race))) == []


@pytest.mark.parametrize("name", OVERTAKINGS)
def test_frames_out_of_order(run: Runner, name: str) -> None:
    (pair,) = (pair for pair in races.OVERTAKINGS if pair.name == name)
    assert report.failures(table_of(races.overtaken(run, pair))) == []


@pytest.mark.parametrize("name", SEQUENCES)
def test_reports_in_every_order(run: Runner, name: str) -> None:
    (sequence,) = (one for one in reports.SEQUENCES if one.name == name)
    assert report.failures(table_of(reports.outcomes(run, sequence))) == []


def test_every_scenario_without_a_fault(run: Runner) -> None:
    assert report.failures(table_of(branches.walk(run))) == []


def test_every_event_of_native_apps(run: Runner) -> None:
    assert report.failures(table_of(branches.walk_natively(run))) == []


def test_histories(run: Runner, watch: Watch) -> None:
    plan = histories.Plan()
    with watch.pausing():
        table = table_of(histories.outcomes(run, SEEDS, plan))
    assert report.failures(table) == []


def test_a_seed_repeats_itself(run: Runner, watch: Watch) -> None:
    def events() -> list[object]:
        world = histories.played(run, 5, histories.Plan(steps=10, faults=0.3))
        return [(app.who.id, app.screen.events) for app in world.apps]

    with watch.pausing():
        assert events() == events()


def test_every_event_is_a_scenario() -> None:
    """So that a new event is enumerated, too."""
    from functions.products import REGISTRY

    names = {name.split(" ")[0] for name in SCENARIOS}
    wanted = {event for _, event in REGISTRY.handlers} | set(REGISTRY.backend_events)
    assert wanted - names - {"authenticate"} == set()


def test_the_tables_are_known_exactly(run: Runner) -> None:
    """What is kept here of the tables is what the engine has."""
    stage = Stage(run.world(1))
    answered(stage)
    assert stage.world.dynamo.scan() == stage.world.rows()


def test_a_lie_on_a_screen_is_found(run: Runner) -> None:
    """The judge sees an app that shows a call that is over, and a balance that is wrong."""
    stage = Stage(run.world(1))
    answered(stage)
    stage.world.apps[0].screen.calls["another"] = "in call"
    people = stage.world.dynamo.rows["people"]
    people["/user#uwe",] = people["/user#uwe",] | {"coins": {"N": "1"}}
    assert judge.broken(stage.world).keys() == {"calls_shown", "coins"}


def test_the_report_names_what_is_broken() -> None:
    outcome = runner.Outcome("call:accept", None, "1/2 GetItem people", {"free": ["it rings"]})
    lines = list(report.lines(table_of([outcome]), details=True))
    assert lines[0].split() == ["call:accept", "none", "free", "1", "(of", "1)"]
    assert "it rings" in lines[1]


def test_every_branch_and_every_right(watch: Watch, request: pytest.FixtureRequest) -> None:
    """Every place that touches AWS has been run, and every right has been used."""
    ran = {one.originalname for one in request.session.items if isinstance(one, pytest.Function)}
    if not ran >= {name for name in globals() if name.startswith("test_")}:
        pytest.skip("only a run of all tests in this file reaches everything")
    assert branches.differences(watch) == []
