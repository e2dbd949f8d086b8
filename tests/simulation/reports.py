"""Reports of a team's backend in every order: the newest counts, whenever it arrives.

To add a sequence, name its reports in the order in which they happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Any, NamedTuple

from tests.simulation.bookings import BOOKING, CREATED, booked, booking_people
from tests.simulation.chat import CHANNEL, tabs
from tests.simulation.faults import Fault, Kind
from tests.simulation.runner import Outcome, Runner, verdict
from tests.simulation.stage import BACKEND, Step
from tests.simulation.world import ANNA, BERT, CARL, PAUL, PETRA

DAY_MS = 86_400_000


class Report(NamedTuple):
    """A backend event, and how long before the others' end it happened."""

    ago_ms: int
    type: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Sequence:
    """Reports in the order in which they happened, and the status of the booking after them.

    pause_ms: the time between the arrival of two reports.
    """

    name: str
    setup: Step
    reports: tuple[Report, ...]
    status: str | None = None
    pause_ms: int = 0


def assigned(ago_ms: int, partner_id: str) -> Report:
    """A booking is given to a partner."""
    data = {"bookingId": BOOKING, "partnerId": partner_id}
    return Report(ago_ms, "booking.assigned", data)


def became(ago_ms: int, status: str) -> Report:
    """A booking gets a status."""
    return Report(ago_ms, "booking.updated", {"bookingId": BOOKING, "status": status})


def members(ago_ms: int, *person_ids: str) -> Report:
    """A private channel has these members."""
    data = {"channelId": CHANNEL, "name": "General", "private": True, "members": list(person_ids)}
    return Report(ago_ms, "channel.upserted", data)


ON_ITS_WAY = (
    assigned(4_003, PAUL.id),
    became(3_002, "PARTNER_ACCEPTED"),
    became(2_001, "ON_THE_WAY"),
    became(1_004, "ARRIVED"),
)
NOTIFICATION = {"accountId": "cora", "text": "Hello"}
SEQUENCES = (
    Sequence("a booking on its way", booked, ON_ITS_WAY, "ARRIVED"),
    Sequence(
        "a booking from its beginning",
        booking_people,
        (Report(5_003, "booking.created", CREATED), *ON_ITS_WAY[:2], became(1_001, "CANCELLED")),
        "CANCELLED",
    ),
    Sequence("two partners", booked, (assigned(2_003, PAUL.id), assigned(1_002, PETRA.id)), None),
    Sequence(
        "members within a second",
        tabs,
        (members(702, ANNA.id, BERT.id, CARL.id), members(301, ANNA.id, CARL.id)),
    ),
    Sequence(
        "a notification of two days ago, twice",
        booking_people,
        (
            Report(2 * DAY_MS, "notification.created", NOTIFICATION),
            Report(2 * DAY_MS, "notification.created", NOTIFICATION),
        ),
        pause_ms=130_000,
    ),
)


def outcomes(runner: Runner, sequence: Sequence) -> Iterator[Outcome]:
    """Report everything in every order."""
    for order in permutations(range(len(sequence.reports))):
        stage = runner.prepare(sequence.setup).restore()
        world, last_ms = stage.world, int(stage.world.now_ms)
        for number in order:
            ago_ms, type_, data = sequence.reports[number]
            world.tell(type_, **data, happenedAt=last_ms - ago_ms)
            world.run(sequence.pause_ms or 500)
        broken = verdict(world)
        wrong = list(_wrong(runner, sequence))
        broken |= {"newest": wrong} if wrong else {}
        fault = Fault(Kind.OVERTAKEN, BACKEND)
        yield Outcome(sequence.name, fault, " ".join(map(str, order)), broken)


def _wrong(runner: Runner, sequence: Sequence) -> Iterator[str]:
    """Yield what is stored and is not what happened last."""
    rows, last = runner.dynamo.rows, sequence.reports[-1]
    booking = rows["bookings"].get((BOOKING,), {})
    status = booking.get("status", {}).get("S")
    if sequence.status and status != sequence.status:
        yield f"the booking is {status}, not {sequence.status}"
    if last.type == "booking.assigned":
        partner = booking.get("partnerId", {}).get("S")
        if partner != last.data["partnerId"]:
            yield f"the partner is {partner}, not {last.data['partnerId']}"
    if last.type == "channel.upserted":
        channel = rows["chat"].get((f"channel#{CHANNEL}", "about"), {})
        kept = sorted(channel.get("members", {}).get("SS", ()))
        if kept != sorted(last.data["members"]):
            yield f"the members are {kept}"
