"""What people do at once on the concurrent world: their frames, and those of others, all meet.

To add a burst, name a setup and the acts. They follow each other without a pause, as a client sends
frames; an act in ``soon`` comes a moment later, at random.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.simulation import races
from tests.simulation.acts import Comes, Leaves, Sends, What
from tests.simulation.bookings import BOOKING, OF_BOOKING, accepted, assigned, tracking
from tests.simulation.calls import INITIATE, call_people, leave_one, ringing_last
from tests.simulation.chat import chat_answered, tabs
from tests.simulation.clients import JOINED, App, Who
from tests.simulation.faults import Fault, Kind
from tests.simulation.runner import Outcome, Runner, verdict
from tests.simulation.stage import SHIM, Stage, Step
from tests.simulation.world import ANNA, BERT, CORA, PAUL, TINA, ULLA, UWE

SOON_MS = 400
LATE_OPENER_MS = 3_000


@dataclass(frozen=True)
class Burst:
    """Acts that meet."""

    name: str
    setup: Step
    acts: tuple[Step, ...]


def soon(act: Step) -> Step:
    """Let an act happen a moment later than those before it."""

    def later(stage: Stage) -> None:
        ms = stage.world.random.uniform(0, SOON_MS)
        stage.world.later(ms, partial(act, stage))

    return later


class Reacts:
    """An act: from now on a person's apps answer an event at once, with frames about its call."""

    def __init__(self, who: Who, event: str, *answers: What, leaves: bool = False) -> None:
        self._who, self._event, self._answers, self._leaves = who, event, answers, leaves

    def __call__(self, stage: Stage) -> None:
        for app in stage.world.of(self._who):
            app.reactions[self._event] = self._answer

    def _answer(self, app: App, heard: Any) -> None:
        for event, payload in self._answers:
            app.emit(event, heard if payload == "{heard}" else _about(payload, heard))
        if self._leaves:
            app.close()


def _about(payload: Any, heard: Any) -> Any:
    """Return a payload with the call that an app has just heard of."""
    if isinstance(payload, dict) and payload.get("callId") == "{call}":
        return payload | {"callId": heard["callId"]}
    return payload


def _comes_natively(stage: Stage) -> None:
    """An app of Uwe comes that calls as soon as its connection is open, before the opener runs."""
    stage.world.lambdas.late_ms["opener"] = LATE_OPENER_MS
    app = stage.world.come(UWE, wire="n")
    app.reactions[JOINED] = lambda one, _: one.emit("call:initiate", INITIATE)


def alone(stage: Stage) -> None:
    """People who have one device each."""
    call_people(stage)
    leave_one(stage, ULLA, TINA)


def _offers(stage: Stage) -> None:
    """Bert calls Anna, and sends the candidates that he has at once."""
    invite = {"targetUserId": ANNA.id, "callType": "audio", "offer": {}}
    for what in (What("call:invite", invite), *_candidates(ANNA)):
        stage.emit(BERT, *what)


def _candidates(who: Who, number: int = 4) -> list[What]:
    payload = {"targetUserId": who.id}
    return [What("call:ice_candidate", payload | {"candidate": {"n": n}}) for n in range(number)]


def _sends(who: Who, *whats: What) -> tuple[Step, ...]:
    return tuple(Sends(who, what) for what in whats)


def _status(status: str) -> What:
    return What("booking:status_update", OF_BOOKING | {"status": status})


def _presence(status: str) -> What:
    return What("presence:set_status", status)


LOCATIONS = [What("location:update", {"latitude": n, "longitude": n}) for n in range(5)]
ON_ITS_WAY = ("ON_THE_WAY", "ARRIVED", "IN_PROGRESS", "COMPLETED")
BURSTS = (
    *(Burst(one.name, one.setup, (one.first, soon(one.second))) for one in races.RACES),
    *(Burst(one.name, one.setup, (one.first, one.then)) for one in races.OVERTAKINGS),
    Burst(
        "a whole call",
        call_people,
        (
            Reacts(TINA, "call:incoming", races.ACCEPT),
            Reacts(ULLA, "call:accepted", races.END, leaves=True),
            Sends(ULLA, races.CALLS),
        ),
    ),
    Burst(
        "the user leaves when it rings, and it is accepted",
        alone,
        (
            Reacts(TINA, "call:incoming", races.ACCEPT),
            Reacts(ULLA, "call:ringing", leaves=True),
            Sends(ULLA, races.CALLS),
        ),
    ),
    Burst(
        "another device comes, and is called",
        alone,
        (Comes(TINA), soon(Sends(ULLA, races.CALLS))),
    ),
    Burst(
        "another tab comes, and is called",
        tabs,
        (Comes(ANNA), soon(_offers)),
    ),
    Burst(
        "a native caller whose opener is late",
        call_people,
        (Reacts(TINA, "call:incoming", races.ACCEPT), _comes_natively),
    ),
    Burst(
        "signalling",
        tabs,
        (
            Reacts(ANNA, "call:incoming", races.CHAT_ACCEPT, *_candidates(BERT)),
            Reacts(BERT, "call:accepted", *_candidates(ANNA)),
            _offers,
        ),
    ),
    Burst(
        "signalling, and the end",
        tabs,
        (
            Reacts(ANNA, "call:incoming", races.CHAT_ACCEPT, *_candidates(BERT), races.END),
            _offers,
        ),
    ),
    Burst(
        "candidates, goodbye",
        chat_answered,
        (*_sends(BERT, *_candidates(ANNA)), Leaves(BERT)),
    ),
    Burst(
        "three statuses",
        tabs,
        _sends(BERT, _presence("away"), _presence("busy"), _presence("online")),
    ),
    Burst("locations", tracking, _sends(PAUL, *LOCATIONS)),
    Burst(
        "a whole booking",
        assigned,
        (
            *_sends(PAUL, races.TAKE, *map(_status, ON_ITS_WAY)),
            soon(Sends(CORA, races.TRACK)),
        ),
    ),
    Burst(
        "track and untrack, twice",
        accepted,
        _sends(CORA, races.TRACK, races.UNTRACK, races.TRACK, races.UNTRACK),
    ),
    Burst(
        "on the way, and cancelled",
        tracking,
        (*_sends(PAUL, _status("ON_THE_WAY"), *LOCATIONS), soon(Sends(CORA, races.DROP))),
    ),
    Burst(
        "cancel as last words, and accept",
        ringing_last,
        (
            Sends(ULLA, races.CANCEL),
            Leaves(ULLA),
            soon(Sends(TINA, races.ACCEPT)),
        ),
    ),
)


def outcomes(runner: Runner, seed: int, only: str = "") -> Iterator[Outcome]:
    """Run all bursts with the delays of a seed. ``runner`` has concurrent worlds."""
    for burst in BURSTS:
        if only in burst.name:
            stage = runner.prepare(burst.setup).restore()
            world = stage.world
            world.random = random.Random(f"{seed} {burst.name}")
            world.slow = True
            for act in burst.acts:
                act(stage)
            world.run()
            world.slow = False
            fault = Fault(Kind.CONCURRENT, SHIM)
            yield Outcome(burst.name, fault, f"seed {seed}", verdict(world, fault))


__all__ = ["BOOKING", "BURSTS", "outcomes"]
