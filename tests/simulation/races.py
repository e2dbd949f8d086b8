"""Two events that meet: one is handled whole at each request of the other. And frames of one
connection that overtake each other.

To add a race, name a setup and two acts; to add an overtaking, a setup and the two frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from tests.simulation.acts import Comes, Departs, Leaves, Sends, Tells, Vanishes, What
from tests.simulation.bookings import BOOKING, OF_BOOKING, accepted, assigned, booked, tracking
from tests.simulation.calls import (
    INITIATE,
    answered,
    answered_last,
    call_people,
    coins,
    one_device,
    paid_to_the_end,
    ringing,
    ringing_last,
)
from tests.simulation.chat import (
    CHANNEL,
    PRIVATE,
    chat_answered,
    chat_ringing,
    private_channel,
    tabs,
)
from tests.simulation.enumeration import trace_of
from tests.simulation.faults import Fault, Kind
from tests.simulation.runner import Outcome, Runner, verdict
from tests.simulation.stage import SHIM, Stage, Step
from tests.simulation.world import ANNA, BERT, CARL, CORA, PAUL, PETRA, RATES, TINA, ULLA, UWE

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


CALL = {"callId": "{call}"}
ACCEPT, REJECT, CANCEL, END = (
    What(f"call:{name}", CALL) for name in ("accept", "reject", "cancel", "end")
)
CHAT_ACCEPT = What("call:accept", CALL | {"answer": {}})
CALLS = What("call:initiate", INITIATE)
AWAY, BUSY = (What("presence:set_status", name) for name in ("away", "busy"))
JOIN, LEAVE = (What(f"{name}_channel", CHANNEL) for name in ("join", "leave"))
SAY = What("chat:send_message", {"channelId": CHANNEL, "message": "Hello"})
CANDIDATE = What("call:ice_candidate", {"targetUserId": BERT.id, "candidate": {}})
INVITE = What("call:invite", {"targetUserId": CARL.id, "callType": "audio", "offer": {}})
TAKE = What("booking:accept", BOOKING)
DROP = What("booking:cancel", OF_BOOKING)
ON_THE_WAY = What("booking:status_update", OF_BOOKING | {"status": "ON_THE_WAY"})
TRACK, UNTRACK = (What(f"booking:{name}", BOOKING) for name in ("track", "untrack"))
ASK = What("message:send", {"recipientId": PAUL.id, "message": "When?"})
SUSPENDED = {
    "_id": ULLA.id,
    "role": "USER",
    "name": "U",
    "accountStatus": "SUSPENDED",
    "coins": 1_000,
}
NAMED_ANEW = {"_id": ULLA.id, "role": "USER", "name": "New", "profile": "p", "coins": 1_000}
NOT_APPROVED = {"_id": TINA.id, "role": "TELECALLER", "name": "T", "approvalStatus": "REJECTED"}
WITHOUT_PERMISSIONS = {"_id": ANNA.id, "role": ANNA.role, "name": "A", "permissions": []}
ACCOUNT = "account.upserted"


def _wait(stage: Stage) -> None:
    """Let the coins run out."""
    stage.world.run(15_000)


def _buy(stage: Stage) -> None:
    """Buy coins for one more minute."""
    coins(stage, 3 * RATES["AUDIO"])


GONE = "disconnect"

RACES = (
    Race("accept | cancel", ringing, Sends(TINA, ACCEPT), Sends(ULLA, CANCEL)),
    Race("cancel | accept", ringing, Sends(ULLA, CANCEL), Sends(TINA, ACCEPT)),
    Race("accept | accept elsewhere", ringing, Sends(TINA, ACCEPT), Sends(TINA, ACCEPT, 1)),
    Race("accept | reject elsewhere", ringing, Sends(TINA, ACCEPT), Sends(TINA, REJECT, 1)),
    Race("accept | user leaves", ringing_last, Sends(TINA, ACCEPT), Leaves(ULLA)),
    Race("user leaves | accept", ringing_last, Leaves(ULLA), Sends(TINA, ACCEPT), GONE),
    Race("accept | telecaller leaves", ringing_last, Sends(TINA, ACCEPT), Leaves(TINA)),
    Race("end | end", answered, Sends(ULLA, END), Sends(TINA, END)),
    Race("end | user leaves", answered_last, Sends(TINA, END), Leaves(ULLA)),
    Race("user leaves | telecaller leaves", answered_last, Leaves(ULLA), Leaves(TINA), GONE),
    Race("coins run out | coins arrive", paid_to_the_end, _wait, _buy, "balance-due"),
    Race("coins run out | user ends", paid_to_the_end, _wait, Sends(ULLA, END), "balance-due"),
    Race("user ends | coins arrive", paid_to_the_end, Sends(ULLA, END), _buy),
    Race("coins arrive | user ends", paid_to_the_end, _buy, Sends(ULLA, END), "backend"),
    Race("initiate | initiate by another", call_people, Sends(ULLA, CALLS), Sends(UWE, CALLS)),
    Race(
        "initiate | initiate elsewhere",
        call_people,
        Sends(ULLA, CALLS),
        Sends(ULLA, CALLS, 1),
    ),
    Race("initiate | another device comes", call_people, Sends(ULLA, CALLS), Comes(TINA)),
    Race(
        "initiate to a lost device | another one comes",
        one_device,
        Vanishes(TINA, Sends(ULLA, CALLS)),
        Comes(TINA),
    ),
    Race(
        "invite to a lost tab | another one comes",
        tabs,
        Vanishes(CARL, Sends(BERT, INVITE)),
        Comes(CARL),
    ),
    Race("user leaves | user comes back", ringing_last, Leaves(ULLA), Comes(ULLA), GONE),
    Race("user departs | user departs", answered_last, Leaves(ULLA), Departs(ULLA), GONE),
    Race(
        "chat: accept | accept",
        chat_ringing,
        Sends(ANNA, CHAT_ACCEPT),
        Sends(ANNA, CHAT_ACCEPT, 1),
    ),
    Race("chat: accept | end", chat_ringing, Sends(ANNA, CHAT_ACCEPT), Sends(BERT, END)),
    Race("chat: accept | caller leaves", chat_ringing, Sends(ANNA, CHAT_ACCEPT), Leaves(BERT)),
    Race("chat: end | end", chat_answered, Sends(ANNA, END), Sends(BERT, END)),
    Race("chat: caller leaves | callee leaves", chat_answered, Leaves(BERT), Leaves(ANNA), GONE),
    Race("tab leaves | tab leaves", tabs, Leaves(ANNA), Leaves(ANNA, 1), GONE),
    Race("tab departs | tab departs", tabs, Leaves(BERT), Departs(BERT), GONE),
    Race("tab leaves | person comes back", tabs, Leaves(BERT), Comes(BERT), GONE),
    Race("status | status elsewhere", tabs, Sends(ANNA, AWAY), Sends(ANNA, BUSY, 1)),
    Race("status | tab leaves", tabs, Sends(BERT, AWAY), Leaves(BERT)),
    Race("join | another leaves", tabs, Sends(CARL, JOIN), Sends(BERT, LEAVE)),
    Race(
        "join | put out in the same second",
        private_channel,
        Sends(CARL, JOIN),
        Tells("channel.upserted", **PRIVATE, members=[ANNA.id]),
    ),
    Race("say | leave", tabs, Sends(BERT, SAY), Sends(BERT, LEAVE)),
    Race("booking: accept | cancel", assigned, Sends(PAUL, TAKE), Sends(CORA, DROP)),
    Race("booking: cancel | accept", assigned, Sends(CORA, DROP), Sends(PAUL, TAKE)),
    Race(
        "booking: accept | reassigned",
        assigned,
        Sends(PAUL, TAKE),
        Tells("booking.assigned", bookingId=BOOKING, partnerId=PETRA.id),
    ),
    Race(
        "booking: status | cancelled",
        accepted,
        Sends(PAUL, ON_THE_WAY),
        Tells("booking.updated", bookingId=BOOKING, status="CANCELLED"),
    ),
    Race(
        "booking: assigned | cancel",
        booked,
        Tells("booking.assigned", bookingId=BOOKING, partnerId=PAUL.id),
        Sends(CORA, DROP),
        "backend",
    ),
    Race("booking: track | cancel", accepted, Sends(CORA, TRACK), Sends(CORA, DROP, 1)),
    Race(
        "suspended | initiate",
        call_people,
        Tells(ACCOUNT, **SUSPENDED),
        Sends(ULLA, CALLS),
        "backend",
    ),
    Race("comes | suspended", call_people, Comes(ULLA), Tells(ACCOUNT, **SUSPENDED)),
    Race("comes | named anew", call_people, Comes(ULLA), Tells(ACCOUNT, **NAMED_ANEW)),
    Race("comes | approval withdrawn", call_people, Comes(TINA), Tells(ACCOUNT, **NOT_APPROVED)),
    Race("tab comes | may do nothing", tabs, Comes(ANNA), Tells(ACCOUNT, **WITHOUT_PERMISSIONS)),
    Race("named anew | leaves", call_people, Tells(ACCOUNT, **NAMED_ANEW), Leaves(ULLA), "backend"),
)
OVERTAKINGS = (
    Overtaking("accept, end", ringing, Sends(TINA, ACCEPT), Sends(TINA, END)),
    Overtaking("chat: accept, end", chat_ringing, Sends(ANNA, CHAT_ACCEPT), Sends(ANNA, END)),
    Overtaking(
        "chat: accept, candidate",
        chat_ringing,
        Sends(ANNA, CHAT_ACCEPT),
        Sends(ANNA, CANDIDATE),
    ),
    Overtaking("join, leave", tabs, Sends(CARL, JOIN), Sends(CARL, LEAVE)),
    Overtaking("leave, join", tabs, Sends(BERT, LEAVE), Sends(BERT, JOIN)),
    Overtaking("join, say", tabs, Sends(CARL, JOIN), Sends(CARL, SAY)),
    Overtaking("away, busy", tabs, Sends(ANNA, AWAY), Sends(ANNA, BUSY)),
    Overtaking("track, untrack", accepted, Sends(CORA, TRACK), Sends(CORA, UNTRACK)),
    Overtaking("untrack, track", tracking, Sends(CORA, UNTRACK), Sends(CORA, TRACK)),
    Overtaking("booking: accept, on the way", assigned, Sends(PAUL, TAKE), Sends(PAUL, ON_THE_WAY)),
    Overtaking("say, goodbye", tabs, Sends(BERT, SAY), Leaves(BERT)),
    Overtaking("message, goodbye", accepted, Sends(CORA, ASK), Leaves(CORA)),
    Overtaking("cancel, goodbye", ringing_last, Sends(ULLA, CANCEL), Leaves(ULLA)),
)


def outcomes(runner: Runner, race: Race) -> Iterator[Outcome]:
    """Let the second event happen at each request of the first, and after all of them."""
    snapshot = runner.prepare(race.setup)
    requests = trace_of(snapshot, race.first)[race.function][0]
    for at in range(1, len(requests) + 2):
        stage = snapshot.restore()
        world = stage.world
        fault = Fault(Kind.RACE, race.function, at=at)
        world.inject(fault)
        world.rival = partial(race.second, stage)
        race.first(stage)
        world.run()
        rival = world.rival
        if rival is not None:
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
