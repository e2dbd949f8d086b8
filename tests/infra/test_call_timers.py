"""The definition of the timers of calls: its states, and the time that an execution may take."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.calls.rows import CurrentCall, PartyRow
from functions.chat.call_rows import CallRow, ChatCall
from infra.call_timers import BALANCE, DEFINITION, RING, Timer
from infra.functions import FUNCTIONS
from infra.settings import BOUNDS
from shared.calling import ring
from shared.calling.ring import CalledPerson, CallOnRow
from tests.infra.conftest import Stack

EXPRESS_SECONDS = 300

STATES: dict[str, Any] = json.loads(DEFINITION.read_text())["States"]


def test_every_state_is_reached_and_leads_on() -> None:
    definition = json.loads(DEFINITION.read_text())
    leads = {
        name: [
            state.get("Next"),
            state.get("Default"),
            *(one["Next"] for one in state.get("Choices", ())),
        ]
        for name, state in STATES.items()
    }
    seen, waiting = set(), [definition["StartAt"]]
    while waiting:
        name = waiting.pop()
        seen.add(name)
        following = [one for one in leads[name] if one]
        assert following or STATES[name]["Type"] == "Succeed", f"{name} is a dead end"
        waiting += [one for one in following if one not in seen]
    assert seen == set(STATES)


@pytest.mark.parametrize(("timer", "kind"), [(RING, "EXPRESS"), (BALANCE, "STANDARD")])
def test_a_timer_logs_errors_and_traces(stack: Stack, timer: Timer, kind: str) -> None:
    """A balance timer may wait for longer than an Express workflow may run."""
    (made,) = (
        one
        for one in stack.properties("AWS::StepFunctions::StateMachine")
        if one["StateMachineName"] == f"switchboard-dev-{timer.name}"
    )
    assert made["StateMachineType"] == kind
    assert made["TracingConfiguration"] == {"Enabled": True}
    assert made["LoggingConfiguration"]["Level"] == "ERROR"
    assert f"{timer.name.title()}Log" in json.dumps(made["LoggingConfiguration"]["Destinations"])
    given, text = made["DefinitionSubstitutions"], made["DefinitionString"]
    assert {name for name in given if f"${{{name}}}" in text} == set(given)
    assert text.count("${") == len(given)
    assert given["Status"] == timer.status
    assert timer.function.title().replace("-", "") in json.dumps(given["Function"])


def test_the_longest_ring_with_every_retry_fits_an_express_execution() -> None:
    (timeout,) = (row.timeout_seconds for row in FUNCTIONS if row.name == "ring-timeout")
    longest = BOUNDS["ring_timeout_seconds"][1]
    for state in (STATES["Read the call"], STATES["Act"]):
        (retry,) = state["Retry"]
        assert retry["ErrorEquals"] == ["States.ALL"]
        assert retry["JitterStrategy"] == "FULL"
        attempts, first, rate = (
            retry[key] for key in ("MaxAttempts", "IntervalSeconds", "BackoffRate")
        )
        longest += sum(first * rate**attempt for attempt in range(attempts))
        longest += timeout * (attempts + 1) if "FunctionName" in state["Parameters"] else 0
    assert longest < EXPRESS_SECONDS


def test_the_ring_timer_reads_the_call_consistently_and_nothing_else() -> None:
    read = STATES["Read the call"]["Parameters"]
    assert read["ConsistentRead"] is True
    assert read["ExpressionAttributeNames"][read["ProjectionExpression"]] == ring.ATTRIBUTE
    assert read["Key"].keys() == {PartyRow.person.attr_name} == {CallRow.person.attr_name}


RINGING = {"Item": {"call": {"M": {"id": {"S": "c1"}, "status": {"S": "RINGING"}}}}}


@pytest.mark.parametrize(
    ("row", "following"),
    [
        (RINGING, "Act"),
        ({"Item": {"call": {"M": {"id": {"S": "c2"}, "status": {"S": "RINGING"}}}}}, "Done"),
        ({"Item": {"call": {"M": {"id": {"S": "c1"}, "status": {"S": "ACCEPTED"}}}}}, "Done"),
        ({"Item": {"call": {"M": {"id": {"S": "c1"}}}}}, "Done"),
        ({"Item": {}}, "Done"),
        ({}, "Done"),
    ],
)
def test_the_ring_timer_times_out_only_the_call_that_still_rings(
    row: dict[str, Any], following: str
) -> None:
    assert choose({"callId": "c1", "person": "/telecaller#t1", "row": row}) == following


@pytest.mark.parametrize("status", [ring.RINGING, ring.ACCEPTED])
@pytest.mark.parametrize(
    "row",
    [
        PartyRow("/telecaller#t1", call=CurrentCall(id="c1")),
        CallRow(ring.row_of_call("c1"), call=ChatCall(id="c1")),
        CalledPerson("/telecaller#t1", call=CallOnRow(id="c1")),
    ],
    ids=lambda row: type(row).__name__,
)
def test_the_ring_timer_reads_the_rows_of_both_products(
    row: PartyRow | CallRow | CalledPerson, status: str
) -> None:
    row.call.status = status
    item = row.serialize(null_check=False)
    assert ring.on_image(item) == ("c1", status)
    following = "Act" if status == ring.RINGING else "Done"
    assert choose({"callId": "c1", "person": row.person, "row": {"Item": item}}) == following


def choose(state: dict[str, Any]) -> str:
    """Return the state that follows the choice, read as the language is specified.

    https://states-language.net/#choice-state: reading a path that does not exist fails the
    execution, so the guards must come first.
    """
    choice = STATES["Still so?"]
    (rule,) = choice["Choices"]
    holds = all(_holds(test, state) for test in rule["And"])
    return str(rule["Next"] if holds else choice["Default"])


def _holds(test: dict[str, Any], state: dict[str, Any]) -> bool:
    if "IsPresent" in test:
        try:
            _read(test["Variable"], state)
        except KeyError:
            return False
        return True
    value = _read(test["Variable"], state)
    if "StringEqualsPath" in test:
        return bool(value == _read(test["StringEqualsPath"], state))
    assert test["StringEquals"] == "${Status}"
    return bool(value == RING.status)


def _read(path: str, state: Any) -> Any:
    for part in path.removeprefix("$.").split("."):
        state = state[part]
    return state
