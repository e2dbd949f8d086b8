"""The ring timer: Step Functions runs ``infra/ring.asl.json``."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tests.simulation.stack import RING

if TYPE_CHECKING:
    from tests.simulation.invocation import Invocation
    from tests.simulation.world import World

WAIT, READ, LOOK, TIME_OUT = "Ring", "Read the call", "Still ringing?", "Time out"
FUNCTION = "ring-timeout"


class Ring:
    """The executions of the state machine. It is express: two starts are two executions.

    lost: whether executions end without having done anything.
    broken: whether no execution can be started.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.lost = self.broken = False
        self.failed: list[dict[str, Any]] = []

    def start(self, params: dict[str, Any]) -> dict[str, str]:
        """Start an execution, in the form of ``StartExecution``."""
        if self.broken:
            error = {"Error": {"Code": "InternalServerError", "Message": "no state machine"}}
            raise ClientError(error, "StartExecution")  # type: ignore[arg-type]
        given = json.loads(params["input"])
        seconds = _value(given, RING[WAIT]["SecondsPath"])
        self._world.later(seconds * 1000, partial(self._read, given))
        return {"executionArn": params["name"]}

    def _read(self, given: dict[str, Any]) -> None:
        if self.lost:
            return
        (name,) = RING[READ]["Parameters"]["Key"]
        key = _value(given, RING[READ]["Parameters"]["Key"][name]["S.$"])
        item = self._world.dynamo.rows["people"].get((key,))
        state = given | {"row": {"Item": item} if item else {}}
        choice = RING[LOOK]["Choices"][0]
        if all(_holds(rule, state) for rule in choice["And"]):
            self._time_out(given, 0)

    def _time_out(self, given: dict[str, Any], tried: int) -> None:
        self._world.invoke(FUNCTION, given, partial(self._done, tried))

    def _done(self, tried: int, invocation: Invocation) -> None:
        if invocation.error is None:
            return
        rule = RING[TIME_OUT]["Retry"][0]
        if tried >= rule["MaxAttempts"]:
            self.failed.append(invocation.event)
            return
        wait = rule["IntervalSeconds"] * rule["BackoffRate"] ** tried * 1000
        self._world.later(wait, partial(self._time_out, invocation.event, tried + 1))


def _holds(rule: dict[str, Any], state: dict[str, Any]) -> bool:
    found = _value(state, rule["Variable"])
    if "IsPresent" in rule:
        return bool((found is not None) == rule["IsPresent"])
    if "StringEqualsPath" in rule:
        return bool(found == _value(state, rule["StringEqualsPath"]))
    return bool(found == rule["StringEquals"])


def _value(state: Any, path: str) -> Any:
    """Return what a path like ``$.row.Item`` names. Returns None if there is nothing."""
    for name in path.removeprefix("$.").split("."):
        state = state.get(name) if isinstance(state, dict) else None
    return state
