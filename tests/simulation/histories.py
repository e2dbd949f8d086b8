"""Seeded random histories of all products: people, devices, backend events, pauses and faults.

Requests and frames take time here, so that everything that runs at once meets in every way. The
seed decides all of it: the same seed is the same history.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from tests.simulation import world as worlds
from tests.simulation.clients import App, Who
from tests.simulation.faults import Fault, Kind
from tests.simulation.recovering import RecoveringApp
from tests.simulation.runner import Outcome, Runner, verdict
from tests.simulation.screens import CALLING, IN_CALL, RINGING
from tests.simulation.stage import Stage, Step
from tests.simulation.world import World

STEPS = 25
BURSTS = (1, 1, 2, 3)
"""How many things happen at the same moment."""

MOST_DEVICES = 2
LOSSES, NOTICED = 0.2, 0.7
"""How often an app with recovery loses its connection, and how often API Gateway reports it."""

CUSTOMERS = "customers"
CHANNELS = ("general", "random")
PAUSES_MS = (0, 0, 20, 100, 400, 2_000, 10_000)
FAULTS = (Kind.DIES, Kind.LOST, Kind.UNANSWERED, Kind.THROTTLED, Kind.CONFLICT, Kind.FORBIDDEN)
FAULTY = ("socketio", "disconnect", "broadcast", "presence-stream", "bookings-stream", "backend")
MOST_REQUESTS = 12
BOOKINGS = 3
PEOPLE = (
    (worlds.ULLA, worlds.UWE, worlds.TINA, worlds.THEO),
    (worlds.ANNA, worlds.BERT, worlds.CARL),
    (worlds.CORA, worlds.CURT, worlds.PAUL, worlds.PETRA),
)


@dataclass(frozen=True)
class Plan:
    """What a history may contain.

    faults: how likely a fault is at each step.
    polling: how likely it is that a device that comes polls, and stays so or upgrades.
    recovery: how likely it is that a device asks for recovery. Such a device loses its connection
        now and then, and comes back.
    """

    steps: int = STEPS
    faults: float = 0.0
    polling: float = 0.0
    recovery: float = 0.0


SETUPS = 8
"""How many different beginnings there are. They are prepared once, because to connect everybody
takes longer than most of what happens then."""


def outcomes(runner: Runner, seeds: Iterable[int], plan: Plan) -> Iterator[Outcome]:
    """Run the history of each seed, and judge it."""
    for seed in seeds:
        world = played(runner, seed, plan)
        yield Outcome("histories", None, f"seed {seed}", verdict(world, world.fault))


def played(runner: Runner, seed: int, plan: Plan) -> World:
    """Run the history of a seed, and return its world."""
    stage = runner.prepare(beginning(seed % SETUPS, plan.recovery)).restore()
    stage.world.random = random.Random(seed)
    History(stage, plan).run()
    return stage.world


@cache
def beginning(number: int, recovery: float = 0.0) -> Step:
    """Return the setup of this number. ``recovery``: as in ``Plan``."""
    return partial(_begin, number, recovery)


def _begin(number: int, recovery: float, stage: Stage) -> None:
    """Let everybody come, and give each product something to begin with."""
    world = stage.world
    world.random = random.Random(number)
    stage.kept[CUSTOMERS] = {}
    for channel in CHANNELS:
        world.tell("channel.upserted", channelId=channel, name=channel)
    admin = world.come(worlds.ADA)
    for group in PEOPLE:
        for who in group:
            recovers = _happens(world.random, recovery)
            world.come(who, wire=worlds.RECOVERING if recovers else "")
    world.run()
    admin.emit("monitor:bookings")
    for who in (worlds.ANNA, worlds.BERT, worlds.CARL):
        world.of(who)[0].emit("join_channel", CHANNELS[0])
    history = History(stage, Plan())
    history.book()
    world.run()
    history.assign()
    world.run()


def _happens(source: random.Random, likelihood: float) -> bool:
    """Return True as often as ``likelihood`` says.

    What is never to happen takes nothing from ``source``, so that the seeds of other plans stay.
    """
    return likelihood > 0 and source.random() < likelihood


class History:
    """One history, on a stage that a setup has left."""

    def __init__(self, stage: Stage, plan: Plan) -> None:
        self.world, self.plan, self.random = stage.world, plan, stage.world.random
        self._customers: dict[str, Who] = stage.kept[CUSTOMERS]
        """The customer of each booking."""

        self._acts: dict[str, Callable[[App], None]] = {
            "/user": self._user,
            "/telecaller": self._telecaller,
            "/": self._tab,
            "/customer": self._customer,
            "/partner": self._partner,
        }

    def run(self) -> None:
        """Let things happen."""
        world = self.world
        # Most histories are about one product, so that people meet in them.
        self._group = self.random.choice((*((group,) for group in PEOPLE), PEOPLE))
        # API Gateway may or may not tell a client that a function has failed.
        world.error_frames = self.random.random() < 0.5
        world.slow = True
        for _ in range(self.plan.steps):
            if self.random.random() < self.plan.faults:
                self._break()
            for _ in range(self.random.choice(BURSTS)):
                self._step()
            world.run(self.random.choice(PAUSES_MS))
        world.slow = False
        world.run()

    def _step(self) -> None:
        who = self.random.choice(self.random.choice(self._group))
        apps = self.world.of(who)
        chance = self.random.random()
        if not apps or (chance < 0.06 and len(apps) < MOST_DEVICES):
            self.world.come(who, wire=self._wire())
        elif self.plan.recovery and self.random.random() < LOSSES:
            self._lose(self.random.choice(apps))
        elif chance < 0.12:
            self.random.choice(apps).close()
        elif chance < 0.13:
            self.world.gateway.vanish(self.random.choice(apps).id)
        elif chance < (0.35 if who.namespace in ("/customer", "/partner") else 0.15):
            self._backend()
        else:
            self._acts[who.namespace](self.random.choice(apps))

    def _wire(self) -> str:
        """Return what a device speaks that comes, empty for what the world's apps speak."""
        if _happens(self.random, self.plan.recovery):
            return worlds.RECOVERING
        polls = _happens(self.random, self.plan.polling)
        return self.random.choice((worlds.POLLING, worlds.UPGRADING)) if polls else ""

    def _lose(self, app: App) -> None:
        """Tear the connection of an app that comes back, with or without ``$disconnect``."""
        if isinstance(app, RecoveringApp):
            if self.random.random() < NOTICED:
                app.lose()
            else:
                self.world.gateway.vanish(app.id)

    def _break(self) -> None:
        """Have a fault hit an invocation that is to come."""
        kind, function = self.random.choice(FAULTS), self.random.choice(FAULTY)
        self.world.inject(Fault(kind, function, at=self.random.randint(1, MOST_REQUESTS)))

    def _user(self, app: App) -> None:
        call_id = self._call(app, CALLING, IN_CALL)
        if call_id is None:
            telecaller = self.random.choice((worlds.TINA, worlds.THEO))
            app.emit("call:initiate", {"telecallerId": telecaller.id, "callType": "AUDIO"})
        else:
            calling = app.screen.calls[call_id] == CALLING
            app.emit("call:cancel" if calling else "call:end", {"callId": call_id})

    def _telecaller(self, app: App) -> None:
        call_id = self._call(app, RINGING, IN_CALL)
        if call_id is None:
            return
        if app.screen.calls[call_id] == RINGING:
            event = self.random.choice(("call:accept", "call:accept", "call:reject"))
            app.emit(event, {"callId": call_id})
            if event == "call:accept" and self.random.random() < 0.1:
                app.emit("call:end", {"callId": call_id})
        else:
            app.emit("call:end", {"callId": call_id})

    def _tab(self, app: App) -> None:
        channel = self.random.choice(CHANNELS)
        other = self.random.choice([one for one in PEOPLE[1] if one != app.who])
        call_id = self._call(app, CALLING, RINGING, IN_CALL)
        candidate = {"targetUserId": other.id, "candidate": {}}
        if call_id is not None and self.random.random() < 0.5:
            if app.screen.calls[call_id] == RINGING and self.random.random() < 0.7:
                app.emit("call:accept", {"callId": call_id, "answer": {}})
            else:
                app.emit("call:end", {"callId": call_id})
            return
        invite = candidate | {"callType": "audio", "offer": {}}
        event, payload = self.random.choice(
            (
                ("join_channel", channel),
                ("join_channel", channel),
                ("leave_channel", channel),
                ("chat:send_message", {"channelId": channel, "message": "Hello"}),
                ("chat:send_message", {"channelId": channel, "message": "Hello"}),
                ("message_read", {"channelId": channel, "messageId": None}),
                ("chat:typing", {"channelId": channel, "isTyping": True}),
                ("presence:set_status", self.random.choice(("online", "away", "busy"))),
                ("update_presence", {"status": "away", "statusMessage": "Lunch"}),
                ("call:invite", invite),
            )
        )
        app.emit(event, payload)

    def _customer(self, app: App) -> None:
        mine = [id_ for id_, customer in self._customers.items() if customer == app.who]
        booking_id = self.random.choice(mine or list(self._customers))
        heard = app.screen.last("partner:assigned", booking_id)
        partner = heard["partner"]["_id"] if heard else worlds.PAUL.id
        event, payload = self.random.choice(
            (
                ("booking:track", booking_id),
                ("booking:track", booking_id),
                ("booking:untrack", booking_id),
                ("booking:cancel", {"bookingId": booking_id}),
                ("message:send", self._message(partner, booking_id)),
                ("typing:start", partner),
            )
        )
        app.emit(event, payload)

    def _partner(self, app: App) -> None:
        offered = [about for event, about in app.screen.told if event == "booking:new_request"]
        booking_id = self.random.choice(offered or list(self._customers))
        if not app.screen.done("booking:accept", booking_id) and self.random.random() < 0.7:
            if self.random.random() < 0.8:
                app.emit("booking:accept", booking_id)
            else:
                app.emit("booking:reject", {"bookingId": booking_id})
            return
        status = self.random.choice(
            ("ON_THE_WAY", "ON_THE_WAY", "ARRIVED", "IN_PROGRESS", "COMPLETED")
        )
        event, payload = self.random.choice(
            (
                ("booking:status_update", {"bookingId": booking_id, "status": status}),
                ("location:update", {"latitude": 1, "longitude": self.random.randint(0, 9)}),
                ("message:send", self._message(self._customers[booking_id].id, booking_id)),
            )
        )
        app.emit(event, payload)

    def _backend(self) -> None:
        """Let a team's backend report something."""
        partner = self.random.choice((worlds.PAUL, worlds.PETRA))
        number = self.random.randint(0, 10**6)
        match self.random.randint(0, 6):
            case 0 | 1 if len(self._customers) < BOOKINGS:
                self.book()
            case 0 | 1 | 2 | 3:
                self.assign()
            case 4:
                self.world.tell("notification.created", accountId=worlds.CORA.id, number=number)
            case 5:
                self.world.tell("earnings.updated", partnerId=partner.id, total=number)
            case _:
                members = self.random.sample([one.id for one in PEOPLE[1]], 2)
                channel = {"channelId": CHANNELS[1], "name": "random"}
                self.world.tell("channel.upserted", **channel, private=True, members=members)

    def assign(self) -> None:
        """Report that a booking has a partner."""
        booking_id = self.random.choice(list(self._customers))
        partner = self.random.choice((worlds.PAUL, worlds.PETRA))
        self.world.tell("booking.assigned", bookingId=booking_id, partnerId=partner.id)

    def book(self) -> None:
        """Report a new booking."""
        booking_id = f"booking-{len(self._customers) + 1}"
        self._customers[booking_id] = self.random.choice((worlds.CORA, worlds.CURT))
        self.world.tell(
            "booking.created",
            bookingId=booking_id,
            bookingNumber=booking_id,
            customerId=self._customers[booking_id].id,
            service="Cleaning",
            scheduledAt="2026-01-20T10:00:00.000Z",
            address="Here",
            amount=10,
        )

    def _message(self, recipient_id: str, booking_id: str) -> dict[str, Any]:
        return {"recipientId": recipient_id, "message": "When?", "bookingId": booking_id}

    def _call(self, app: App, *shown: str) -> str | None:
        """Return a call that the app shows in one of these ways, if there is any."""
        calls = [call_id for call_id, how in app.screen.calls.items() if how in shown]
        return self.random.choice(calls) if calls else None
