"""Transitions of the same call, and calls to the same person, at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from functions.calls.rows import PartyRow
from functions.calls.starting import NotStarted
from functions.calls.state import Trigger
from shared.calling.call_records import CallRecord
from tests.integration import stage
from tests.integration.conftest import THREADS, Race

pytestmark = pytest.mark.usefixtures("tables")

Outcome = PartyRow | CallRecord | None


def accept(name: str, call_id: str) -> Outcome:
    """Read first, as the others do: a contender with one request less wins on a slow engine."""
    stage.rows(f"t-{name}", f"u-{name}")
    return stage.accept(f"t-{name}", call_id)


def finish(trigger: Trigger, name: str, call_id: str) -> Outcome:
    return stage.finish(stage.rows(f"t-{name}", f"u-{name}"), call_id, trigger)


CONTENDERS: list[Callable[[str, str], Outcome]] = [
    accept,
    partial(finish, Trigger.CANCEL),
    partial(finish, Trigger.TIMEOUT),
    partial(finish, Trigger.GONE),
]


def ring(name: str) -> str:
    call_id = f"{name:0>24}"
    stage.online(f"t-{name}")
    assert stage.start(call_id, f"u-{name}", f"t-{name}") is None
    return call_id


def check(name: str, call_id: str, outcomes: list[Outcome]) -> str:
    """Check what every race must leave behind; return the status of the call."""
    accepted = [outcome for outcome in outcomes if isinstance(outcome, PartyRow)]
    finished = [outcome for outcome in outcomes if isinstance(outcome, CallRecord)]
    on_user, on_telecaller = stage.user(f"u-{name}"), stage.telecaller(f"t-{name}")
    record = stage.record_of(call_id, f"u-{name}")
    assert len(accepted) <= 1
    assert len(finished) <= 1
    if record is None:
        assert accepted
        assert not finished
        for person in (on_user, on_telecaller):
            assert person.current_call
            assert person.current_call.id == call_id
        assert on_telecaller.current_call
        assert on_telecaller.current_call.status == "ACCEPTED"
        return "ACCEPTED"
    assert [outcome.attribute_values["status"] for outcome in finished] == [record.status]
    # An answered call can only have ended because a person was gone; an unanswered call is not
    # completed in that case.
    assert record.status == "COMPLETED" if accepted else record.status in {"CANCELLED", "MISSED"}
    assert (record.accepted_at is not None) == bool(accepted)
    assert on_user.current_call is None
    assert on_telecaller.current_call is None
    return str(record.status)


def test_only_one_of_the_transitions_that_race_for_a_ringing_call_happens(race: Race) -> None:
    """80 calls, four at a time, four contenders each."""
    seen = set()
    for number in range(20):
        names = [f"{number}a{index}" for index in range(4)]
        calls = {name: ring(name) for name in names}
        # The contender that is submitted first is likelier to win: take turns.
        turned = CONTENDERS[number % 4 :] + CONTENDERS[: number % 4]
        contenders = [partial(contend, name, calls[name]) for contend in turned for name in names]
        outcomes = race(*contenders)
        for index, name in enumerate(names):
            seen.add(check(name, calls[name], outcomes[index::4]))
    assert len(seen) > 1, "no race: the same contender wins always"


def test_sixteen_contenders_for_one_call_leave_one_outcome(race: Race) -> None:
    for number in range(12):
        name = f"{number}b"
        call_id = ring(name)
        contenders = [partial(contend, name, call_id) for contend in CONTENDERS * 4]
        check(name, call_id, race(*contenders))


def test_only_one_of_two_devices_accepts_a_call(race: Race) -> None:
    for number in range(20):
        names = [f"{number}c{index}" for index in range(8)]
        calls = {name: ring(name) for name in names}
        outcomes = race(*[partial(accept, name, calls[name]) for name in names * 2])
        for index, name in enumerate(names):
            assert check(name, calls[name], outcomes[index::8]) == "ACCEPTED"


def test_only_one_of_several_hang_ups_writes_the_record(race: Race) -> None:
    for number in range(10):
        name = f"{number}d"
        call_id = ring(name)
        accept(name, call_id)
        triggers = [Trigger.END, Trigger.GONE] * 4
        outcomes = race(*[partial(finish, trigger, name, call_id) for trigger in triggers])
        winners = [outcome for outcome in outcomes if outcome]
        assert len(winners) == 1
        assert stage.free(f"u-{name}", f"t-{name}")
    assert len(stage.records()) == 10


def test_sixteen_users_who_call_one_telecaller_ring_once(race: Race) -> None:
    for number in range(10):
        stage.online(f"t{number}")
        callers = [f"u{number}-{index}" for index in range(THREADS)]
        results = race(
            *[partial(stage.start, f"{caller:0>24}", caller, f"t{number}") for caller in callers]
        )
        winner = callers[results.index(None)]
        losers = [caller for caller in callers if caller != winner]
        assert results.count(None) == 1
        assert results.count(NotStarted.TELECALLER_BUSY) == THREADS - 1
        call = stage.telecaller(f"t{number}").current_call
        assert call
        assert (call.id, call.peer_id) == (f"{winner:0>24}", winner)
        assert stage.user(winner).current_call
        assert not [caller for caller in losers if stage.user(caller).current_call]


def test_a_user_who_calls_many_at_once_is_in_one_call(race: Race) -> None:
    for number in range(10):
        user = f"u{number}"
        callees = [f"t{number}-{index}" for index in range(THREADS)]
        for callee in callees:
            stage.online(callee)
        results = race(
            *[partial(stage.start, f"{callee:0>24}", user, callee) for callee in callees]
        )
        assert results.count(None) == 1
        assert results.count(NotStarted.CALLER_IN_CALL) == THREADS - 1
        rung = callees[results.index(None)]
        occupied = [callee for callee in callees if stage.telecaller(callee).current_call]
        assert occupied == [rung]
        assert stage.call_of(stage.user(user)).peer_id == rung


def test_a_call_that_starts_while_another_ends_never_loses_either(race: Race) -> None:
    """The next user calls at the moment in which the telecaller becomes free."""
    for number in range(20):
        name = f"{number}e"
        call_id = ring(name)
        next_id = f"{number}f".zfill(24)
        contenders: list[Callable[[], Outcome | NotStarted]] = [
            partial(finish, Trigger.CANCEL, name, call_id),
            partial(stage.start, next_id, "next", f"t-{name}"),
        ]
        ended, started = race(*contenders)
        assert isinstance(ended, CallRecord)
        assert started in {None, NotStarted.TELECALLER_BUSY}
        current = stage.telecaller(f"t-{name}").current_call
        assert (current is None) == (started is NotStarted.TELECALLER_BUSY)
        if current:
            assert current.id == next_id
            assert stage.finish(stage.rows(f"t-{name}", "next"), next_id, Trigger.CANCEL)
        assert stage.user("next").current_call is None
