"""Lambda's asynchronous invocations, their retries, and the schedule of every minute."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from shared.pipeline.deployment import Asynchronous
from tests.simulation.stack import SPECS

if TYPE_CHECKING:
    from tests.simulation.invocation import Invocation
    from tests.simulation.world import World

MINUTE_MS = 60_000
HAND_OVER_MS = 5
DEFAULT = Asynchronous(retries=2, max_age_seconds=6 * 3_600)


class Lambdas:
    """Events for functions that nobody waits for.

    dead_letters: the functions and events that were given up.
    late_ms: how long a function's events wait, where that is longer than usual.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.dead_letters: list[tuple[str, Any]] = []
        self.late_ms: dict[str, float] = {}

    def accept(self, name: str, event: Any) -> None:
        """Take an event for an asynchronous invocation."""
        since, wait = self._world.now_ms, self.late_ms.get(name, HAND_OVER_MS)
        self._world.later(wait, partial(self._attempt, name, event, 0, since))

    def every_minute(self) -> None:
        """Run what runs every minute, from now on."""
        for spec in SPECS.values():
            if spec.every_minute:
                self.accept(spec.name, {"part": 0, "parts": 1})
        self._world.dynamo.expire(self._world.now_ms / 1000)
        self._world.later(MINUTE_MS, self.every_minute)

    def _attempt(self, name: str, event: Any, tried: int, since: float) -> None:
        self._world.invoke(name, event, partial(self._done, tried, since))

    def _done(self, tried: int, since: float, invocation: Invocation) -> None:
        """Try a failed event again after one minute, then after two, if it may grow as old.

        https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
        """
        if invocation.error is None:
            return
        name, event = invocation.spec.name, invocation.event
        rule = invocation.spec.asynchronous or DEFAULT
        wait = MINUTE_MS * (tried + 1)
        age = self._world.now_ms + wait - since
        if tried < rule.retries and age < rule.max_age_seconds * 1000:
            self._world.later(wait, partial(self._attempt, name, event, tried + 1, since))
        else:
            self.dead_letters.append((name, event))
