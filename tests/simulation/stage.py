"""What scenarios are made of: a stage, a setup and an act.

To add one: write its setup and its act with ``@scenario`` in the module of its product. A setup
ends when everything that it began has been done, and may keep what the act needs in ``Stage.kept``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.clients import App, Who
from tests.simulation.screens import Asked
from tests.simulation.world import World

SHIM = "socketio"


@dataclass
class Stage:
    """A world with its apps by name, and what the setup keeps for the act."""

    world: World
    kept: dict[str, Any] = field(default_factory=dict)

    def come(self, *whos: Who) -> list[App]:
        """Connect an app of each person, and wait until they are ready."""
        apps = [self.world.come(who) for who in whos]
        self.world.run()
        return apps

    def ask(self, app: App, event: str, payload: Any = None) -> Asked:
        """Send an event, wait until everything has been done, and expect success."""
        asked = app.emit(event, payload)
        self.world.run()
        if not asked.done:
            raise AssertionError(f"{event} was not confirmed: {asked.answer}")
        return asked

    def app(self, who: Who, number: int = 0) -> App:
        """Return an app of a person, in the order of their coming."""
        return [app for app in self.world.apps if app.who == who][number]

    def emit(self, who: Who, event: str, payload: Any = None, number: int = 0) -> Asked:
        """Send an event."""
        return self.app(who, number).emit(event, payload)

    def call(self, who: Who, event: str, payload: Any) -> None:
        """Start a call, and keep its id."""
        self.kept["call"] = self.ask(self.app(who), event, payload).answer["callId"]

    def tell(self, type_: str, /, **data: Any) -> None:
        """Report a backend event, and wait until everything has been done."""
        self.world.tell(type_, **data)
        self.world.run()


Step = Callable[[Stage], object]


@dataclass(frozen=True)
class Scenario:
    """An event to enumerate faults over.

    functions: the functions whose invocations are hit, each the first of them after the setup.
        None are hit if what goes wrong is the act itself. If any is, the publisher is, too.
    """

    name: str
    setup: Step
    act: Step
    functions: tuple[str, ...] = ()


SCENARIOS: dict[str, Scenario] = {}


def scenario(name: str, setup: Step, *functions: str) -> Callable[[Step], Step]:
    """Register an act under a name, behind a setup."""

    def register(act: Step) -> Step:
        SCENARIOS[name] = Scenario(name, setup, act, functions)
        return act

    return register


def event(name: str, setup: Step, who: Who, payload: Any = None, *functions: str) -> None:
    """Register an event of a client. A payload may be made from what the setup has kept."""
    event_name = name.split(" ", maxsplit=1)[0]

    def act(stage: Stage) -> None:
        given = payload(stage.kept) if callable(payload) else payload
        stage.emit(who, event_name, given)

    SCENARIOS[name] = Scenario(name, setup, act, functions or (SHIM,))


BACKEND = "backend"


def report(name: str, setup: Step, /, **data: Any) -> None:
    """Register a backend event."""

    def act(stage: Stage) -> None:
        stage.world.tell(name.split(" ", maxsplit=1)[0], **data)

    SCENARIOS[name] = Scenario(name, setup, act, (BACKEND,))


def nothing(_: Stage) -> None:
    """Begin with nobody."""
