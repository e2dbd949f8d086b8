"""The timers of calls: Step Functions runs ``infra/call_timer.asl.json``."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infra.call_timers import BALANCE, RING, Timer
from tests.simulation.stack import TIMER

if TYPE_CHECKING:
    from tests.simulation.invocation import Invocation
    from tests.simulation.world import World

WAIT, READ, LOOK, ACT, AGAIN = "Wait", "Read the call", "Still so?", "Act", "Again?"
TIMERS = {f"{timer.name}_state_machine_arn": timer for timer in (RING, BALANCE)}
"""The timers by their names in the functions' environment."""


class Ring:
    """The executions of the state machines. Of an Express one, two starts are two executions.

    lost: whether executions end without having done anything.
    broken: whether no execution can be started.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.lost = self.broken = False
        self.failed: list[dict[str, Any]] = []
        self._names: set[str] = set()

    def start(self, params: dict[str, Any]) -> dict[str, str]:
        """Start an execution, in the form of ``StartExecution``."""
        timer, name = TIMERS[params["stateMachineArn"]], params["name"]
        if self.broken:
            raise _error("InternalServerError")
        if not timer.express:
            if name in self._names:
                raise _error("ExecutionAlreadyExists")
            self._names.add(name)
        given = json.loads(params["input"])
        self._wait(timer, given, _value(given, TIMER[WAIT]["SecondsPath"]))
        return {"executionArn": name}

    def _wait(self, timer: Timer, given: dict[str, Any], seconds: float) -> None:
        self._world.later(seconds * 1000, partial(self._read, timer, given))

    def _read(self, timer: Timer, given: dict[str, Any]) -> None:
        if self.lost:
            return
        (name,) = TIMER[READ]["Parameters"]["Key"]
        key = _value(given, TIMER[READ]["Parameters"]["Key"][name]["S.$"])
        item = self._world.dynamo.rows["people"].get((key,))
        state = given | {"row": {"Item": item} if item else {}}
        if all(_holds(rule, state, timer) for rule in TIMER[LOOK]["Choices"][0]["And"]):
            self._act(timer, given, 0)

    def _act(self, timer: Timer, given: dict[str, Any], tried: int) -> None:
        self._world.invoke(timer.function, given, partial(self._done, timer, tried))

    def _done(self, timer: Timer, tried: int, invocation: Invocation) -> None:
        given = invocation.event
        if invocation.error is None:
            state = given | {"acted": {"Payload": invocation.result}}
            if _holds(TIMER[AGAIN]["Choices"][0], state, timer):
                self._wait(timer, given, _value(state, TIMER["Wait again"]["SecondsPath"]))
            return
        rule = TIMER[ACT]["Retry"][0]
        if tried >= rule["MaxAttempts"]:
            self.failed.append(given)
            return
        wait = rule["IntervalSeconds"] * rule["BackoffRate"] ** tried * 1000
        self._world.later(wait, partial(self._act, timer, given, tried + 1))


def _error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "StartExecution")


def _holds(rule: dict[str, Any], state: dict[str, Any], timer: Timer) -> bool:
    found = _value(state, rule["Variable"])
    if "IsPresent" in rule:
        return bool((found is not None) == rule["IsPresent"])
    if "StringEqualsPath" in rule:
        return bool(found == _value(state, rule["StringEqualsPath"]))
    return bool(found == rule["StringEquals"].replace("${Status}", timer.status))


def _value(state: Any, path: str) -> Any:
    """Return what a path like ``$.row.Item`` names. Returns None if there is nothing."""
    for name in path.removeprefix("$.").split("."):
        state = state.get(name) if isinstance(state, dict) else None
    return state
