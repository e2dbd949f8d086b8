"""The conditional writes of a call, one after the other."""

from __future__ import annotations

from typing import Any

import pytest

from functions.calls import starting
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.rows import PartyRow
from functions.calls.starting import NotStarted
from functions.calls.state import Status, Trigger
from shared.calling.call_records import CallRecord
from shared.errors import Duplicate
from shared.identity import wallet
from shared.realtime import people
from tests.fakes import NOW_MS
from tests.integration import stage

pytestmark = pytest.mark.usefixtures("tables")

CALL, OTHER = f"{1:024x}", f"{2:024x}"


def content(record: CallRecord | None) -> dict[str, Any]:
    """Return the attributes of the record that have a value."""
    assert record
    return {name: value for name, value in record.attribute_values.items() if value is not None}


@pytest.fixture
def ringing(tables: object) -> None:
    stage.online("tina")
    assert stage.start(CALL, "ulla", "tina") is None


def test_starting_a_call_stores_it_on_both_rows_with_the_peer_s_details() -> None:
    stage.online("tina")
    assert stage.start(CALL, "ulla", "tina") is None
    on_telecaller, on_user = (
        stage.telecaller("tina").current_call,
        stage.user("ulla").current_call,
    )
    assert on_telecaller
    assert on_user
    for call, peer in ((on_telecaller, "ulla"), (on_user, "tina")):
        assert (call.id, call.type, call.started_at) == (CALL, "AUDIO", NOW_MS)
        assert call.peer_id == peer
        assert call.peer_name == f"Name of {peer}"
        assert call.peer_profile == "avatar"
        assert call.accepted_at is None
    assert on_telecaller.status == "RINGING"
    assert on_user.status is None


def test_starting_a_call_keeps_the_connections_of_both_people() -> None:
    stage.online("tina")
    stage.online("ulla", USER.path)
    stage.start(CALL, "ulla", "tina")
    assert stage.telecaller("tina").members == {"s:tina"}
    assert stage.user("ulla").members == {"s:ulla"}


def test_a_caller_without_a_profile_is_shown_without_one() -> None:
    stage.online("tina")
    assert stage.start(CALL, "ulla", "tina", profile=None) is None
    assert stage.call_of(stage.telecaller("tina")).peer_profile is None


def test_a_telecaller_who_never_connected_is_offline() -> None:
    assert stage.start(CALL, "ulla", "tina") is NotStarted.TELECALLER_OFFLINE
    assert stage.free("ulla", "tina")


def test_a_telecaller_whose_last_connection_has_gone_is_offline() -> None:
    stage.online("tina")
    person = stage.telecaller("tina")
    person.update([type(person).members.delete({"s:tina"})])
    assert stage.start(CALL, "ulla", "tina") is NotStarted.TELECALLER_OFFLINE
    assert stage.free("ulla", "tina")


def test_a_telecaller_in_a_call_is_busy_and_the_caller_stays_free(ringing: None) -> None:
    assert stage.start(OTHER, "uma", "tina") is NotStarted.TELECALLER_BUSY
    assert stage.user("uma").current_call is None
    assert stage.call_of(stage.telecaller("tina")).id == CALL


def test_a_telecaller_in_an_accepted_call_is_busy(ringing: None) -> None:
    stage.accept("tina", CALL, NOW_MS)
    assert stage.start(OTHER, "uma", "tina") is NotStarted.TELECALLER_BUSY


def test_a_caller_in_a_call_cannot_start_another(ringing: None) -> None:
    stage.online("tara")
    assert stage.start(OTHER, "ulla", "tara") is NotStarted.CALLER_IN_CALL
    assert stage.telecaller("tara").current_call is None


@pytest.mark.parametrize("callee", ["offline", "busy", "the same"])
def test_the_caller_s_own_call_comes_first_among_the_reasons_for_a_refusal(
    ringing: None, callee: str
) -> None:
    if callee == "busy":
        stage.online("busy")
        stage.start(f"{3:024x}", "uma", "busy")
    telecaller = "tina" if callee == "the same" else callee
    assert stage.start(OTHER, "ulla", telecaller) is NotStarted.CALLER_IN_CALL


def test_a_telecaller_who_left_while_in_a_call_is_offline_rather_than_busy(ringing: None) -> None:
    person = stage.telecaller("tina")
    person.update([type(person).members.delete({"s:tina"})])
    assert stage.start(OTHER, "uma", "tina") is NotStarted.TELECALLER_OFFLINE


def test_accepting_returns_the_row_as_it_is_after_the_write(ringing: None) -> None:
    row = stage.accept("tina", CALL, NOW_MS + 5)
    assert row
    assert row.members == {"s:tina"}
    call = row.current_call
    assert call
    assert (call.id, call.status, call.accepted_at) == (CALL, "ACCEPTED", NOW_MS + 5)
    assert call.peer_id == "ulla"
    stored = stage.telecaller("tina").current_call
    assert stored
    assert stored.attribute_values == call.attribute_values
    assert stage.call_of(stage.user("ulla")).id == CALL
    assert stage.records() == []


def test_an_accepted_call_is_not_accepted_again(ringing: None) -> None:
    assert stage.accept("tina", CALL, NOW_MS + 5)
    assert stage.accept("tina", CALL, NOW_MS + 9) is None
    assert stage.call_of(stage.telecaller("tina")).accepted_at == NOW_MS + 5


def test_a_call_that_is_not_on_the_row_cannot_be_accepted(ringing: None) -> None:
    assert stage.accept("tina", OTHER, NOW_MS) is None
    assert stage.accept("tara", CALL, NOW_MS) is None
    assert stage.call_of(stage.telecaller("tina")).status == "RINGING"


def test_a_failed_accept_creates_no_row() -> None:
    assert stage.accept("nobody", CALL, NOW_MS) is None
    assert PartyRow.count(people.key(TELECALLER.path, "nobody")) == 0


@pytest.mark.parametrize(
    ("trigger", "status"),
    [
        (Trigger.REJECT, Status.REJECTED),
        (Trigger.CANCEL, Status.CANCELLED),
        (Trigger.TIMEOUT, Status.MISSED),
        (Trigger.GONE, Status.MISSED),
    ],
)
def test_a_ringing_call_ends_unanswered(ringing: None, trigger: Trigger, status: Status) -> None:
    record = stage.finish(stage.rows("tina", "ulla"), CALL, trigger, NOW_MS + 12_345)
    expected = {
        "call_id": CALL,
        "product": "calls",
        "call_type": "AUDIO",
        "status": status.value,
        "caller_id": "ulla",
        "callee_id": "tina",
        "started_at": NOW_MS,
        "ended_at": NOW_MS + 12_345,
        "duration_seconds": 0,
        "coins": 0,
    }
    assert content(record) == expected
    assert content(stage.record_of(CALL, "ulla")) == expected
    assert stage.free("ulla", "tina")


@pytest.mark.parametrize("trigger", [Trigger.END, Trigger.GONE])
@pytest.mark.parametrize(
    ("milliseconds", "seconds"),
    [(0, 0), (999, 0), (1_000, 1), (61_999, 61), (-50, 0)],
    ids=["at once", "under a second", "a second", "rounded down", "a clock that went back"],
)
def test_an_answered_call_is_completed_with_its_duration(
    ringing: None, trigger: Trigger, milliseconds: int, seconds: int
) -> None:
    accepted_at = NOW_MS + 4_000
    stage.accept("tina", CALL, accepted_at)
    ended_at = accepted_at + milliseconds
    assert stage.finish(stage.rows("tina", "ulla"), CALL, trigger, ended_at)
    assert content(stage.record_of(CALL, "ulla")) == {
        "call_id": CALL,
        "product": "calls",
        "call_type": "AUDIO",
        "status": "COMPLETED",
        "caller_id": "ulla",
        "callee_id": "tina",
        "started_at": NOW_MS,
        "accepted_at": accepted_at,
        "accepted_by": f"accept-{CALL}",
        "ended_at": ended_at,
        "duration_seconds": seconds,
        "coins": 0,
    }
    assert stage.free("ulla", "tina")


@pytest.mark.parametrize("trigger", [Trigger.REJECT, Trigger.CANCEL, Trigger.TIMEOUT])
def test_an_answered_call_ignores_the_triggers_of_a_ringing_call(
    ringing: None, trigger: Trigger
) -> None:
    stage.accept("tina", CALL, NOW_MS)
    assert stage.finish(stage.rows("tina", "ulla"), CALL, trigger, NOW_MS) is None
    assert stage.records() == []
    assert stage.call_of(stage.telecaller("tina")).status == "ACCEPTED"


def test_a_ringing_call_cannot_be_hung_up(ringing: None) -> None:
    assert stage.finish(stage.rows("tina", "ulla"), CALL, Trigger.END, NOW_MS) is None
    assert not stage.free("ulla", "tina")


@pytest.mark.parametrize("trigger", [Trigger.CANCEL, Trigger.TIMEOUT, Trigger.GONE])
def test_a_decision_on_a_stale_row_is_made_again_on_the_current_row(
    ringing: None, trigger: Trigger
) -> None:
    stale = stage.rows("tina", "ulla")
    stage.accept("tina", CALL, NOW_MS)
    record = stage.finish(stale, CALL, trigger, NOW_MS + 1_000)
    if trigger is Trigger.GONE:
        assert record
        assert record.status == "COMPLETED"
        assert record.duration_seconds == 1
    else:
        assert record is None


@pytest.mark.parametrize("trigger", list(Trigger))
def test_a_trigger_changes_neither_another_call_nor_a_finished_call(
    ringing: None, trigger: Trigger
) -> None:
    stale = stage.rows("tina", "ulla")
    assert stage.finish(stale, OTHER, trigger, NOW_MS) is None
    stage.finish(stage.rows("tina", "ulla"), CALL, Trigger.CANCEL, NOW_MS)
    assert stage.finish(stage.rows("tina", "ulla"), CALL, trigger, NOW_MS + 9) is None
    assert stage.finish(stale, CALL, trigger, NOW_MS + 9) is None
    stored = stage.record_of(CALL, "ulla")
    assert stored
    assert (stored.status, stored.ended_at) == ("CANCELLED", NOW_MS)


def test_a_late_timer_does_not_change_the_next_call_of_the_same_people(ringing: None) -> None:
    stale = stage.rows("tina", "ulla")
    stage.finish(stale, CALL, Trigger.CANCEL, NOW_MS)
    assert stage.start(OTHER, "ulla", "tina") is None
    assert stage.finish(stale, CALL, Trigger.TIMEOUT, NOW_MS) is None
    assert stage.call_of(stage.telecaller("tina")).id == OTHER
    assert stage.call_of(stage.user("ulla")).id == OTHER


@pytest.mark.parametrize("trigger", [Trigger.REJECT, Trigger.CANCEL, Trigger.TIMEOUT, Trigger.END])
def test_both_people_can_call_again_after_a_final_state(ringing: None, trigger: Trigger) -> None:
    if trigger is Trigger.END:
        stage.accept("tina", CALL, NOW_MS)
    assert stage.finish(stage.rows("tina", "ulla"), CALL, trigger, NOW_MS)
    assert stage.telecaller("tina").members == {"s:tina"}
    assert stage.start(OTHER, "ulla", "tina") is None


def test_a_call_that_goes_on_has_no_record(ringing: None) -> None:
    assert stage.record_of(CALL, "ulla") is None


RATE = 10


def balance(person: PartyRow) -> int:
    return int(person.coins)


def charge(coins: int, seconds: int) -> CallRecord:
    """Return the record of a call of ``seconds`` at ``RATE`` whose caller has ``coins``."""
    stage.online("tina")
    wallet.open_balance(USER.path, "ulla", coins)
    assert stage.start(CALL, "ulla", "tina", rate=RATE) is None
    stage.accept("tina", CALL)
    ended_at = NOW_MS + seconds * 1_000
    record = stage.finish(stage.rows("tina", "ulla"), CALL, Trigger.END, ended_at)
    assert record
    return record


@pytest.mark.parametrize(
    ("coins", "seconds", "taken"),
    [(100, 0, 0), (100, 1, 10), (100, 60, 10), (100, 61, 20), (15, 61, 15), (0, 61, 0)],
)
def test_started_minutes_are_paid_as_far_as_the_balance_goes(
    coins: int, seconds: int, taken: int
) -> None:
    record = charge(coins, seconds)
    assert record.coins == taken
    assert balance(stage.user("ulla")) == coins - taken
    assert balance(stage.telecaller("tina")) == taken
    assert stage.free("ulla", "tina")


def test_an_unanswered_call_costs_nothing() -> None:
    stage.online("tina")
    wallet.open_balance(USER.path, "ulla", 100)
    stage.start(CALL, "ulla", "tina", rate=RATE)
    record = stage.finish(stage.rows("tina", "ulla"), CALL, Trigger.TIMEOUT, NOW_MS + 90_000)
    assert record
    assert record.coins == 0
    assert balance(stage.user("ulla")) == 100


def test_the_price_is_limited_by_the_balance_at_the_end_of_the_call() -> None:
    stage.online("tina")
    wallet.open_balance(USER.path, "ulla", 100)
    stage.start(CALL, "ulla", "tina", rate=RATE)
    stage.accept("tina", CALL)
    stale = stage.rows("tina", "ulla")
    stage.user("ulla").update([PartyRow.coins.set(3)])
    record = stage.finish(stale, CALL, Trigger.END, NOW_MS + 61_000)
    assert record
    assert record.coins == 3
    assert (balance(stage.user("ulla")), balance(stage.telecaller("tina"))) == (0, 3)


def test_a_user_who_calls_too_often_is_limited_even_if_no_call_started() -> None:
    stage.online("tina")
    for number in (7, 8, 9):
        assert stage.start(f"{number:024x}", "ulla", "nobody", limit=3)
    for telecaller in ("tina", "nobody"):
        refused = stage.start(OTHER, "ulla", telecaller, limit=3)
        assert refused is NotStarted.LIMITED
    assert stage.free("ulla", "tina")


def test_a_withdrawn_call_leaves_both_free_without_a_record_and_cannot_start_again() -> None:
    stage.online("tina")
    call = stage.new_call(CALL, "ulla", "tina")
    assert stage.start(CALL, "ulla", "tina") is None
    for _ in range(2):
        starting.withdraw(call)
        assert stage.free("ulla", "tina")
    assert stage.records() == []
    with pytest.raises(Duplicate):
        stage.start(CALL, "ulla", "tina")
    assert stage.start(OTHER, "ulla", "tina") is None
    starting.withdraw(call)
    assert stage.call_of(stage.telecaller("tina")).id == OTHER


def test_a_call_that_is_started_twice_by_the_same_frame_is_a_duplicate(ringing: None) -> None:
    with pytest.raises(Duplicate):
        stage.start(CALL, "ulla", "tina")
    assert stage.call_of(stage.telecaller("tina")).id == CALL
