"""Acts of races: what a person or a team's backend does, as a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.simulation.clients import Who
from tests.simulation.stage import Stage


class What(NamedTuple):
    """An event to send. ``{call}`` in its payload stands for the call of the setup."""

    event: str
    payload: Any = None


class Sends:
    """An act: a person sends an event with one of their apps."""

    def __init__(self, who: Who, what: What, number: int = 0) -> None:
        self._who, self._what, self._number = who, what, number

    def __call__(self, stage: Stage) -> None:
        event, payload = self._what
        stage.emit(self._who, event, filled(payload, stage.kept), self._number)


class Leaves:
    """An act: a person's app closes."""

    def __init__(self, who: Who, number: int = 0) -> None:
        self._who, self._number = who, number

    def __call__(self, stage: Stage) -> None:
        stage.app(self._who, self._number).close()


class Vanishes:
    """An act: the connection of a person's app breaks, and then the person does something."""

    def __init__(self, who: Who, then: Callable[[Stage], object]) -> None:
        self._who, self._then = who, then

    def __call__(self, stage: Stage) -> None:
        stage.world.gateway.vanish(stage.app(self._who).id)
        self._then(stage)


class Comes:
    """An act: a person connects."""

    def __init__(self, who: Who) -> None:
        self._who = who

    def __call__(self, stage: Stage) -> None:
        stage.world.come(self._who)


class Tells:
    """An act: a team's backend reports an event."""

    def __init__(self, type_: str, /, **data: Any) -> None:
        self._type, self._data = type_, data

    def __call__(self, stage: Stage) -> None:
        stage.world.tell(self._type, **self._data)


def filled(payload: Any, kept: dict[str, Any]) -> Any:
    """Return a payload with what the setup has kept."""
    if isinstance(payload, dict):
        return {name: filled(value, kept) for name, value in payload.items()}
    return kept["call"] if payload == "{call}" else payload


class Departs:
    """An act: a function finds a person's connection gone, whose ``$disconnect`` comes as well."""

    def __init__(self, who: Who) -> None:
        self._who = who

    def __call__(self, stage: Stage) -> None:
        stage.world.lambdas.accept("disconnect", {"connectionId": stage.app(self._who).id})
