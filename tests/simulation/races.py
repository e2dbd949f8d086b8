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
from tests.simulation.world import ANNA, BERT, CARL, CORA, PAUL, PETRA, TINA, ULLA, UWE

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
    """A frame that is held back, and what its client does next, which is handled first."""

    name: str
    setup: Step
    first: Step
    then: Step


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


class Departs:
    """An act: a function finds a person's connection gone, whose ``$disconnect`` comes as well."""

    def __init__(self, who: Who) -> None:
        self._who = who

    def __call__(self, stage: Stage) -> None:
        stage.world.lambdas.accept("disconnect", {"connectionId": stage.app(self._who).id})


CALL = {"callId": "{call}"}
ACCEPT, REJECT, CANCEL, END = (
    {"event": f"call:{name}", "payload": CALL} for name in ("accept", "reject", "cancel", "end")
)
CHAT_ACCEPT = {"event": "call:accept", "payload": CALL | {"answer": {}}}
CALLS = {"event": "call:initiate", "payload": INITIATE}
AWAY, BUSY = ({"event": "presence:set_status", "payload": name} for name in ("away", "busy"))
JOIN, LEAVE = ({"event": f"{name}_channel", "payload": CHANNEL} for name in ("join", "leave"))
SAY = {"event": "chat:send_message", "payload": {"channelId": CHANNEL, "message": "Hello"}}
CANDIDATE = {"event": "call:ice_candidate", "payload": {"targetUserId": BERT.id, "candidate": {}}}
TAKE = {"event": "booking:accept", "payload": BOOKING}
DROP = {"event": "booking:cancel", "payload": OF_BOOKING}
ON_THE_WAY = {"event": "booking:status_update", "payload": OF_BOOKING | {"status": "ON_THE_WAY"}}
TRACK, UNTRACK = ({"event": f"booking:{name}", "payload": BOOKING} for name in ("track", "untrack"))
ASK = {"event": "message:send", "payload": {"recipientId": PAUL.id, "message": "When?"}}
SUSPENDED = {"_id": ULLA.id, "role": "USER", "name": "U", "accountStatus": "SUSPENDED", "coins": 1_000}
GONE = "disconnect"

RACES = (
    Race("accept | cancel", ringing, Sends(TINA, **ACCEPT), Sends(ULLA, **CANCEL)),
    Race("cancel | accept", ringing, Sends(ULLA, **CANCEL), Sends(TINA, **ACCEPT)),
    Race("accept | accept elsewhere", ringing, Sends(TINA, **ACCEPT), Sends(TINA, **ACCEPT, number=1)),
    Race("accept | reject elsewhere", ringing, Sends(TINA, **ACCEPT), Sends(TINA, **REJECT, number=1)),
    Race("accept | user leaves", ringing_last, Sends(TINA, **ACCEPT), Leaves(ULLA)),
    Race("user leaves | accept", ringing_last, Leaves(ULLA), Sends(TINA, **ACCEPT), GONE),
    Race("accept | telecaller leaves", ringing_last, Sends(TINA, **ACCEPT), Leaves(TINA)),
    Race("end | end", answered, Sends(ULLA, **END), Sends(TINA, **END)),
    Race("end | user leaves", answered_last, Sends(TINA, **END), Leaves(ULLA)),
    Race("user leaves | telecaller leaves", answered_last, Leaves(ULLA), Leaves(TINA), GONE),
    Race("initiate | initiate by another", call_people, Sends(ULLA, **CALLS), Sends(UWE, **CALLS)),
    Race("initiate | initiate elsewhere", call_people, Sends(ULLA, **CALLS), Sends(ULLA, **CALLS, number=1)),
    Race("initiate | another device comes", call_people, Sends(ULLA, **CALLS), Comes(TINA)),
    Race("user leaves | user comes back", ringing_last, Leaves(ULLA), Comes(ULLA), GONE),
    Race("user departs | user departs", answered_last, Leaves(ULLA), Departs(ULLA), GONE),
    Race("chat: accept | accept", chat_ringing, Sends(ANNA, **CHAT_ACCEPT), Sends(ANNA, **CHAT_ACCEPT, number=1)),
    Race("chat: accept | end", chat_ringing, Sends(ANNA, **CHAT_ACCEPT), Sends(BERT, **END)),
    Race("chat: accept | caller leaves", chat_ringing, Sends(ANNA, **CHAT_ACCEPT), Leaves(BERT)),
    Race("chat: end | end", chat_answered, Sends(ANNA, **END), Sends(BERT, **END)),
    Race("chat: caller leaves | callee leaves", chat_answered, Leaves(BERT), Leaves(ANNA), GONE),
    Race("tab leaves | tab leaves", tabs, Leaves(ANNA), Leaves(ANNA, 1), GONE),
    Race("tab departs | tab departs", tabs, Leaves(BERT), Departs(BERT), GONE),
    Race("tab leaves | person comes back", tabs, Leaves(BERT), Comes(BERT), GONE),
    Race("status | status elsewhere", tabs, Sends(ANNA, **AWAY), Sends(ANNA, **BUSY, number=1)),
    Race("status | tab leaves", tabs, Sends(BERT, **AWAY), Leaves(BERT)),
    Race("join | another leaves", tabs, Sends(CARL, **JOIN), Sends(BERT, **LEAVE)),
    Race("say | leave", tabs, Sends(BERT, **SAY), Sends(BERT, **LEAVE)),
    Race("booking: accept | cancel", assigned, Sends(PAUL, **TAKE), Sends(CORA, **DROP)),
    Race("booking: cancel | accept", assigned, Sends(CORA, **DROP), Sends(PAUL, **TAKE)),
    Race("booking: accept | reassigned", assigned, Sends(PAUL, **TAKE), Tells("booking.assigned", bookingId=BOOKING, partnerId=PETRA.id)),
    Race("booking: status | cancelled", accepted, Sends(PAUL, **ON_THE_WAY), Tells("booking.updated", bookingId=BOOKING, status="CANCELLED")),
    Race("booking: track | cancel", accepted, Sends(CORA, **TRACK), Sends(CORA, **DROP, number=1)),
    Race("suspended | initiate", call_people, Tells("account.upserted", **SUSPENDED), Sends(ULLA, **CALLS), "backend"),
)
OVERTAKINGS = (
    Overtaking("accept, end", ringing, Sends(TINA, **ACCEPT), Sends(TINA, **END)),
    Overtaking("chat: accept, end", chat_ringing, Sends(ANNA, **CHAT_ACCEPT), Sends(ANNA, **END)),
    Overtaking("chat: accept, candidate", chat_ringing, Sends(ANNA, **CHAT_ACCEPT), Sends(ANNA, **CANDIDATE)),
    Overtaking("join, leave", tabs, Sends(CARL, **JOIN), Sends(CARL, **LEAVE)),
    Overtaking("leave, join", tabs, Sends(BERT, **LEAVE), Sends(BERT, **JOIN)),
    Overtaking("join, say", tabs, Sends(CARL, **JOIN), Sends(CARL, **SAY)),
    Overtaking("away, busy", tabs, Sends(ANNA, **AWAY), Sends(ANNA, **BUSY)),
    Overtaking("track, untrack", accepted, Sends(CORA, **TRACK), Sends(CORA, **UNTRACK)),
    Overtaking("untrack, track", tracking, Sends(CORA, **UNTRACK), Sends(CORA, **TRACK)),
    Overtaking("booking: accept, on the way", assigned, Sends(PAUL, **TAKE), Sends(PAUL, **ON_THE_WAY)),
    Overtaking("say, goodbye", tabs, Sends(BERT, **SAY), Leaves(BERT)),
    Overtaking("message, goodbye", accepted, Sends(CORA, **ASK), Leaves(CORA)),
    Overtaking("cancel, goodbye", ringing_last, Sends(ULLA, **CANCEL), Leaves(ULLA)),
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
    """Hold the frame back until what comes next has been handled, or at least has begun to be."""
    snapshot = runner.prepare(overtaking.setup)
    for late_ms in LATE_MS:
        stage = snapshot.restore()
        stage.world.gateway.hold_ms = late_ms
        overtaking.first(stage)
        overtaking.then(stage)
        stage.world.run(3_000 + late_ms)
        fault = Fault(Kind.OVERTAKEN, SHIM, at=late_ms)
        yield Outcome(overtaking.name, fault, f"{late_ms} ms", verdict(stage.world))
