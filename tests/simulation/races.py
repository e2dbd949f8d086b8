"""Two events that meet: one is handled whole at each request of the other. And frames of one
connection that overtake each other.

To add a race, name a setup and two acts; to add an overtaking, a setup and the two frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.simulation.clients import Who
from tests.simulation.enumeration import trace_of
from tests.simulation.faults import Fault, Kind
from tests.simulation.runner import Outcome, Runner, verdict
from tests.simulation.scenarios import (
    BOOKING,
    CHANNEL,
    INITIATE,
    OF_BOOKING,
    SHIM,
    Stage,
    Step,
    accepted,
    answered,
    answered_last,
    assigned,
    call_people,
    chat_answered,
    chat_ringing,
    ringing,
    ringing_last,
    tabs,
    tracking,
)
from tests.simulation.world import ADA, ANNA, BERT, CARL, CORA, PAUL, TINA, ULLA, UWE

LATE_MS = (30, 100, 300, 2_000)
"""How much later a frame is handled than one that was sent after it."""


@dataclass(frozen=True)
class Race:
    """Two acts that meet; the requests of the first are where the second happens."""

    name: str
    setup: Step
    first: Step
    second: Step
    function: str = SHIM


@dataclass(frozen=True)
class Overtaking:
    """Two frames of one connection, of which the later is handled first."""

    name: str
    setup: Step
    who: Who
    frames: tuple[tuple[str, Any], tuple[str, Any]]


class Sends:
    """An act: a person sends an event. ``{call}`` stands for the call of the setup."""

    def __init__(self, who: Who, event: str, payload: Any = None, number: int = 0) -> None:
        self._who, self._event, self._payload, self._number = who, event, payload, number

    def __call__(self, stage: Stage) -> None:
        stage.emit(self._who, self._event, filled(self._payload, stage.kept), self._number)


class Leaves:
    """An act: a person's app closes."""

    def __init__(self, who: Who, number: int = 0) -> None:
        self._who, self._number = who, number

    def __call__(self, stage: Stage) -> None:
        stage.app(self._who, self._number).close()


class Comes:
    """An act: a person connects."""

    def __init__(self, who: Who) -> None:
        self._who = who

    def __call__(self, stage: Stage) -> None:
        stage.world.come(self._who)


class Tells:
    """An act: a team's backend reports an event."""

    def __init__(self, type_: str, **data: Any) -> None:
        self._type, self._data = type_, data

    def __call__(self, stage: Stage) -> None:
        stage.world.tell(self._type, **self._data)


def filled(payload: Any, kept: dict[str, Any]) -> Any:
    """Return a payload with what the setup has kept."""
    if isinstance(payload, dict):
        return {name: filled(value, kept) for name, value in payload.items()}
    return kept["call"] if payload == "{call}" else payload


CALL = {"callId": "{call}"}
ANSWER = CALL | {"answer": {}}
DISCONNECT = "disconnect"
RACES = (
    Race("accept | cancel", ringing, Sends(TINA, "call:accept", CALL), Sends(ULLA, "call:cancel", CALL)),
    Race("cancel | accept", ringing, Sends(ULLA, "call:cancel", CALL), Sends(TINA, "call:accept", CALL)),
    Race("accept | accept elsewhere", ringing, Sends(TINA, "call:accept", CALL), Sends(TINA, "call:accept", CALL, 1)),
    Race("accept | reject elsewhere", ringing, Sends(TINA, "call:accept", CALL), Sends(TINA, "call:reject", CALL, 1)),
    Race("accept | user leaves", ringing_last, Sends(TINA, "call:accept", CALL), Leaves(ULLA)),
    Race("user leaves | accept", ringing_last, Leaves(ULLA), Sends(TINA, "call:accept", CALL), DISCONNECT),
    Race("accept | telecaller leaves", ringing_last, Sends(TINA, "call:accept", CALL), Leaves(TINA)),
    Race("end | end", answered, Sends(ULLA, "call:end", CALL), Sends(TINA, "call:end", CALL)),
    Race("end | user leaves", answered_last, Sends(TINA, "call:end", CALL), Leaves(ULLA)),
    Race("user leaves | telecaller leaves", answered_last, Leaves(ULLA), Leaves(TINA), DISCONNECT),
    Race("initiate | initiate by another", call_people, Sends(ULLA, "call:initiate", INITIATE), Sends(UWE, "call:initiate", INITIATE)),
    Race("initiate | initiate elsewhere", call_people, Sends(ULLA, "call:initiate", INITIATE), Sends(ULLA, "call:initiate", INITIATE, 1)),
    Race("initiate | another device comes", call_people, Sends(ULLA, "call:initiate", INITIATE), Comes(TINA)),
    Race("user leaves | user comes back", ringing_last, Leaves(ULLA), Comes(ULLA), DISCONNECT),
    Race("accept | accept in chat", chat_ringing, Sends(ANNA, "call:accept", ANSWER), Sends(ANNA, "call:accept", ANSWER, 1)),
    Race("accept | end in chat", chat_ringing, Sends(ANNA, "call:accept", ANSWER), Sends(BERT, "call:end", CALL)),
    Race("accept | caller's tab closes", chat_ringing, Sends(ANNA, "call:accept", ANSWER), Leaves(BERT)),
    Race("end | end in chat", chat_answered, Sends(ANNA, "call:end", CALL), Sends(BERT, "call:end", CALL)),
    Race("tab closes | the other's closes", chat_answered, Leaves(ANNA), Leaves(BERT), DISCONNECT),
    Race("two tabs close", tabs, Leaves(ANNA), Leaves(ANNA, 1), DISCONNECT),
    Race("tab closes | person comes back", tabs, Leaves(BERT), Comes(BERT), DISCONNECT),
    Race("status | status elsewhere", tabs, Sends(ANNA, "presence:set_status", "away"), Sends(ANNA, "presence:set_status", "busy", 1)),
    Race("status | tab closes", tabs, Sends(BERT, "presence:set_status", "away"), Leaves(BERT)),
    Race("join | leave by another", tabs, Sends(CARL, "join_channel", CHANNEL), Sends(BERT, "leave_channel", CHANNEL)),
    Race("send | leave", tabs, Sends(BERT, "chat:send_message", {"channelId": CHANNEL, "message": "a"}), Sends(BERT, "leave_channel", CHANNEL)),
    Race("accept | cancel of a booking", assigned, Sends(PAUL, "booking:accept", BOOKING), Sends(CORA, "booking:cancel", OF_BOOKING)),
    Race("cancel | accept of a booking", assigned, Sends(CORA, "booking:cancel", OF_BOOKING), Sends(PAUL, "booking:accept", BOOKING)),
    Race("accept | reassigned", assigned, Sends(PAUL, "booking:accept", BOOKING), Tells("booking.assigned", bookingId=BOOKING, partnerId="petra")),
    Race("status | cancelled by the backend", accepted, Sends(PAUL, "booking:status_update", OF_BOOKING | {"status": "ON_THE_WAY"}), Tells("booking.updated", bookingId=BOOKING, status="CANCELLED")),
    Race("track | cancel", accepted, Sends(CORA, "booking:track", BOOKING), Sends(CORA, "booking:cancel", OF_BOOKING, 1)),
    Race("account suspended | initiate", call_people, Tells("account.upserted", _id=ULLA.id, role="USER", name="U", accountStatus="SUSPENDED", coins=1_000), Sends(ULLA, "call:initiate", INITIATE), "backend"),
)
OVERTAKINGS = (
    Overtaking("accept, end", ringing, TINA, (("call:accept", CALL), ("call:end", CALL))),
    Overtaking("accept, end in chat", chat_ringing, ANNA, (("call:accept", ANSWER), ("call:end", CALL))),
    Overtaking("join, leave", tabs, CARL, (("join_channel", CHANNEL), ("leave_channel", CHANNEL))),
    Overtaking("leave, join", tabs, BERT, (("leave_channel", CHANNEL), ("join_channel", CHANNEL))),
    Overtaking("track, untrack", accepted, CORA, (("booking:track", BOOKING), ("booking:untrack", BOOKING))),
    Overtaking("untrack, track", tracking, CORA, (("booking:untrack", BOOKING), ("booking:track", BOOKING))),
    Overtaking("away, busy", tabs, ANNA, (("presence:set_status", "away"), ("presence:set_status", "busy"))),
    Overtaking(
        "accept, on the way",
        assigned,
        PAUL,
        (("booking:accept", BOOKING), ("booking:status_update", OF_BOOKING | {"status": "ON_THE_WAY"})),
    ),
    Overtaking(
        "join, send",
        tabs,
        CARL,
        (("join_channel", CHANNEL), ("chat:send_message", {"channelId": CHANNEL, "message": "a"})),
    ),
)


def outcomes(runner: Runner, race: Race) -> Iterator[Outcome]:
    """Let the second event happen at each request of the first, and after all of them."""
    snapshot = runner.prepare(race.setup)
    requests = trace_of(snapshot, race.first)[race.function]
    for at in range(1, len(requests) + 2):
        stage = snapshot.restore()
        world = stage.world
        fault = Fault(Kind.RACE, race.function, at=at)
        world.inject(fault)
        world.rival = partial(race.second, stage)
        race.first(stage)
        world.run()
        rival = world.rival
        if rival:
            rival()
            world.run()
        request = str(requests[at - 1]) if at <= len(requests) else "the end"
        yield Outcome(race.name, fault, f"{at}/{len(requests)} {request}", verdict(world))


def overtaken(runner: Runner, overtaking: Overtaking) -> Iterator[Outcome]:
    """Hold the first frame back until the second has been handled, or at least has begun to be."""
    snapshot = runner.prepare(overtaking.setup)
    for late_ms in LATE_MS:
        stage = snapshot.restore()
        stage.world.gateway.hold_ms = late_ms
        for event, payload in overtaking.frames:
            stage.emit(overtaking.who, event, filled(payload, stage.kept))
        stage.world.run(3_000 + late_ms)
        fault = Fault(Kind.OVERTAKEN, SHIM, at=late_ms)
        yield Outcome(overtaking.name, fault, f"{late_ms} ms", verdict(stage.world))


__all__ = ["ADA", "OVERTAKINGS", "RACES"]
