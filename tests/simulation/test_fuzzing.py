"""The part of the fuzzing that runs with all tests. ``make fuzz`` runs far more inputs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from functions.chat import channel_store
from shared.realtime import lifecycle
from tests.integration import engines
from tests.simulation import described, fuzzing, runner, stack
from tests.simulation.chat import CHANNEL
from tests.simulation.fuzzing import attack
from tests.simulation.inputs import Event, Frames, Input, Request, crowd
from tests.simulation.runner import Runner
from tests.simulation.stage import Stage
from tests.simulation.world import ANNA

pytestmark = [
    pytest.mark.xdist_group("simulation"),
    pytest.mark.skipif(engines.missing() is not None, reason="no engine"),
]

INPUTS = 250
HANDSHAKE = {"EIO": "4", "transport": "websocket"}


@pytest.fixture(scope="module")
def run() -> Iterator[Runner]:
    with runner.running() as made:
        yield made


def test_no_input_is_answered_with_a_failure_of_ours_or_not_at_all(run: Runner) -> None:
    fuzzing.run_inputs(run, INPUTS, same=True)


def test_what_is_not_yours_is_answered_as_what_is_not_there(run: Runner) -> None:
    assert list(fuzzing.differences(run)) == []


EVENT = '{"type": "notification.created", "data": {"accountId": "a", "": []}}'
ALLOWED = "although the document allows the request"
DIFFERENCES = [
    (Request("GET", "/accounts", {}, {}, ""), 200, "name is required"),
    (Request("GET", "/accounts", {"name": "a"}, {}, ""), 400, ALLOWED),
    (Request("GET", "/accounts", {"name": "a", "cursor": "20"}, {}, ""), 400, ALLOWED),
    (Request("GET", "/accounts", {"name": "a", "cursor": ""}, {}, ""), 200, "cursor: "),
    (Request("GET", "/accounts", {"name": "a", "limit": "0"}, {}, ""), 200, "limit: "),
    (Request("GET", "/accounts/a\nb/sessions", {}, {}, ""), 404, "404 is not described"),
    (Request("GET", f"/accounts/{'a' * 129}/sessions", {}, {}, ""), 200, "id: "),
    (Request("GET", "/accounts/a/suspend", {}, {}, ""), 400, "400 instead of 405"),
    (Request("POST", "/accounts/a/suspend", {}, {}, '{"reason": 5}'), 200, "does not allow"),
    (Request("POST", "/accounts/a/suspend", {}, {}, ""), 400, ALLOWED),
    (Request("POST", "/events", {}, {}, EVENT), 400, ALLOWED),
    (Request("POST", "/events", {}, {}, ""), 202, "a body is required"),
]
"""A request, the status of its answer, and what the document does not say of them."""


@pytest.mark.parametrize(("given", "status", "fault"), DIFFERENCES)
def test_a_difference_from_the_document_is_found(given: Request, status: int, fault: str) -> None:
    assert fault in described.fault(given, status, {"error": {"message": "No"}})


def of_anna(stage: Stage, event: str, payload: object) -> Event:
    return Event(stage.world.apps.index(stage.app(ANNA)), event, payload)


@pytest.mark.parametrize("fault", ["raises", "is silent"])
@pytest.mark.parametrize("kind", [Event, Request, Frames])
def test_a_failure_is_found(
    run: Runner, monkeypatch: pytest.MonkeyPatch, fault: str, kind: type[Input]
) -> None:
    stage = run.prepare(crowd).restore()
    given: Input = of_anna(stage, "join_channel", CHANNEL)
    if kind is Request:
        given = Request("GET", "/health", {}, {}, "")
    elif kind is Frames:
        given = Frames(HANDSHAKE, {}, ["40/user,"])
    attack(stage, given)

    def fail(*_: object, **__: object) -> None:
        raise LookupError

    if fault == "is silent":
        name = "http" if kind is Request else "socketio"
        monkeypatch.setitem(stack.HANDLERS, name, lambda *_: None)
    elif kind is Request:
        monkeypatch.setitem(stack.HANDLERS, "http", fail)
    else:
        monkeypatch.setattr(channel_store, "join", fail)
        monkeypatch.setattr(lifecycle, "mark_opened", fail)
    with pytest.raises((AssertionError, TypeError)):
        attack(stage, given)
