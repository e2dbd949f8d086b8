"""Bugs that are put back, each of a kind that the simulation is there to find."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from pynamodb.expressions.condition import Condition

from functions.calls import livekit, rows, store
from functions.calls.events import AcceptedByTelecaller
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.rows import PartyRow
from functions.products import REGISTRY
from shared.aws import bus_events, event_order
from shared.aws.adapters import ports
from shared.aws.bus_events import Happened
from shared.calling.telling import tell
from shared.pipeline.context import Background
from shared.pipeline.rate_limits import Window
from shared.ports import BusMessage
from shared.realtime import people
from shared.settings import settings
from tests.integration import engines
from tests.simulation import enumeration, races, runner
from tests.simulation.runner import Outcome, Runner
from tests.simulation.scenarios import SCENARIOS

pytestmark = [
    pytest.mark.xdist_group("simulation"),
    pytest.mark.skipif(engines.missing() is not None, reason="no engine"),
]

_accept, _is_handled = store.accept, event_order.is_handled
_message = bus_events.message


def _accept_after_telling(telecaller_id: str, call_id: str, limit: Window, *rest: str) -> Any:
    """Tell the user that the call is accepted, and then write it."""
    call = rows.get(TELECALLER.path, telecaller_id).current_call
    if call:
        room = livekit.configured(settings(), ports().secrets)
        theirs = room.credentials(call_id, call.peer_id, call.peer_name, limit.now_ms)
        user = rows.get(USER.path, call.peer_id)
        event = AcceptedByTelecaller(call_id, theirs).to(user.addresses)
        tell(Background.on(REGISTRY, ports()).emit, event)
    return _accept(telecaller_id, call_id, limit, *rest)


def _claim_before_telling(key: str) -> bool:
    """Record a report as handled, and then handle it."""
    handled = _is_handled(key)
    if not handled:
        event_order.record_handled(key, 0, now_ms=ports().clock.now_ms())
    return handled


def _message_with_any_id(record: dict[str, Any], happened: Happened) -> BusMessage:
    """Give an event another id each time."""
    return _message(record | {"eventID": secrets.token_hex(8)}, happened)


def _any_devices(*_: object) -> Condition:
    """Let a call start whatever devices the telecaller has by now."""
    return PartyRow.members.exists()


def _race(name: str) -> Callable[[Runner], Iterator[Outcome]]:
    (race,) = (one for one in races.RACES if one.name == name)
    return lambda run: races.outcomes(run, race)


def _faults(name: str) -> Callable[[Runner], Iterator[Outcome]]:
    return lambda run: enumeration.outcomes(run, SCENARIOS[name])


class Bug(NamedTuple):
    """A function of a module that is replaced, and the runs in which an invariant breaks."""

    module: ModuleType
    name: str
    instead: Callable[..., Any]
    runs: Callable[[Runner], Iterator[Outcome]]
    invariant: str


BUGS = {
    "an event is sent before its write": Bug(
        store, "accept", _accept_after_telling, _race("accept | cancel"), "calls_shown"
    ),
    "a report is claimed before it is told": Bug(
        event_order,
        "is_handled",
        _claim_before_telling,
        _faults("notification.created"),
        "reports_passed_on",
    ),
    "an event has another id each time": Bug(
        bus_events,
        "message",
        _message_with_any_id,
        _faults("chat:send_message"),
        "messages_published",
    ),
    "a condition is dropped": Bug(
        people, "can_ring", _any_devices, _race("initiate | another device comes"), "rang"
    ),
}


@pytest.fixture(scope="module")
def run() -> Iterator[Runner]:
    with runner.running() as made:
        yield made


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_a_bug_that_is_put_back_is_found(
    run: Runner, bug: Bug, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bug.module, bug.name, bug.instead)
    assert any(bug.invariant in outcome.broken for outcome in bug.runs(run))
