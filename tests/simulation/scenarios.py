"""Scenarios: an event or a background function at work, with the people whom it concerns.

To add one: write its setup and its act with ``@scenario``. A setup ends when everything that it
began has been done, and may keep what the act needs in ``Stage.kept``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.clients import App, Who
from tests.simulation.screens import Asked
from tests.simulation.world import (
    ADA,
    ANNA,
    BERT,
    CARL,
    CORA,
    PAUL,
    PETRA,
    THEO,
    TINA,
    ULLA,
    UWE,
    World,
)

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

    def tell(self, type_: str, /, **data: Any) -> None:
        """Report a backend event, and wait until everything has been done."""
        self.world.tell(type_, **data)
        self.world.run()


Step = Callable[[Stage], object]


@dataclass(frozen=True)
class Scenario:
    """An event to enumerate faults over.

    functions: the functions whose invocations are hit, each the first of them after the setup.
        None are hit if what goes wrong is the act itself.
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
    event_name = name.split(" ")[0]

    def act(stage: Stage) -> None:
        given = payload(stage.kept) if callable(payload) else payload
        stage.emit(who, event_name, given)

    SCENARIOS[name] = Scenario(name, setup, act, functions or (SHIM,))


def nothing(_: Stage) -> None:
    """Begin with nobody."""


def call_people(stage: Stage) -> None:
    """A user with two devices, a telecaller with two, another user, and an admin."""
    stage.come(ULLA, ULLA, TINA, TINA, UWE, ADA)
    stage.world.run(2_000)


def ringing(stage: Stage) -> None:
    """A call that rings."""
    call_people(stage)
    call = {"telecallerId": TINA.id, "callType": "AUDIO"}
    stage.kept["call"] = stage.ask(stage.app(ULLA), "call:initiate", call).answer["callId"]


def answered(stage: Stage) -> None:
    """A call that has been answered, some seconds ago."""
    ringing(stage)
    stage.ask(stage.app(TINA), "call:accept", {"callId": stage.kept["call"]})
    stage.world.run(5_000)


def ref(kept: dict[str, Any]) -> dict[str, str]:
    """The payload that names the call."""
    return {"callId": kept["call"]}


INITIATE = {"telecallerId": TINA.id, "callType": "AUDIO"}
event("call:initiate", call_people, ULLA, INITIATE, SHIM, "presence-stream")
event("call:accept", ringing, TINA, ref, SHIM, "presence-stream", "broadcast")
event("call:reject", ringing, TINA, ref)
event("call:cancel", ringing, ULLA, ref)
event("call:end by user", answered, ULLA, ref, SHIM, "presence-stream", "livekit-rooms")
event("call:end by telecaller", answered, TINA, ref)
event("presence:request-counts", call_people, ADA)


@scenario("ring timeout", ringing, "ring-timeout")
def _ring_timeout(stage: Stage) -> None:
    stage.world.run(31_000)


@scenario("sweep finds a forgotten ring", ringing, "sweep")
def _forgotten(stage: Stage) -> None:
    stage.world.ring.lost = True
    stage.world.run(60_000)


def leave_one(stage: Stage, *whos: Who) -> None:
    """Close the second app of people."""
    for who in whos:
        stage.app(who, 1).close()
    stage.world.run()


def ringing_last(stage: Stage) -> None:
    """A call that rings, with one device left on either side."""
    ringing(stage)
    leave_one(stage, ULLA, TINA)


def answered_last(stage: Stage) -> None:
    """A call that has been answered, with one device left on either side."""
    answered(stage)
    leave_one(stage, ULLA, TINA)


@scenario("user leaves while ringing", ringing_last, "disconnect")
def _user_leaves_ringing(stage: Stage) -> None:
    stage.app(ULLA).close()


@scenario("telecaller leaves while ringing", ringing_last, "disconnect")
def _telecaller_leaves_ringing(stage: Stage) -> None:
    stage.app(TINA).close()


@scenario("user leaves in a call", answered_last, "disconnect")
def _user_leaves(stage: Stage) -> None:
    stage.app(ULLA).close()


@scenario("telecaller leaves in a call", answered_last, "disconnect", "presence-stream")
def _telecaller_leaves(stage: Stage) -> None:
    stage.app(TINA).close()


@scenario("user breaks off in a call", answered_last)
def _user_breaks_off(stage: Stage) -> None:
    stage.world.gateway.vanish(stage.app(ULLA).id)


@scenario("person of a silent connection comes back", answered_last, "disconnect")
def _comes_back_in_call(stage: Stage) -> None:
    stage.app(ULLA).close()
    stage.world.come(ULLA)


@scenario("user connects", nothing, "connect", "opener", SHIM, "presence-stream")
def _user_connects(stage: Stage) -> None:
    stage.world.come(ULLA)


@scenario("telecaller connects", call_people, "connect", "opener", SHIM, "broadcast")
def _telecaller_connects(stage: Stage) -> None:
    stage.world.come(THEO)


@scenario("native telecaller connects", call_people, "connect", "opener")
def _native_connects(stage: Stage) -> None:
    stage.world.come(THEO, wire="n")


@scenario("tab connects", nothing, "connect", "opener", SHIM)
def _tab_connects(stage: Stage) -> None:
    stage.world.come(ANNA)


# Chat.

CHANNEL = "general"


def tabs(stage: Stage) -> None:
    """Three people in chat, two of whom are in a channel, one with two tabs."""
    stage.tell("channel.upserted", channelId=CHANNEL, name="General")
    anna, bert, again, _ = stage.come(ANNA, BERT, ANNA, CARL)
    for app in (anna, bert, again):
        stage.ask(app, "join_channel", CHANNEL)


def message_sent(stage: Stage) -> None:
    """A message in the channel."""
    tabs(stage)
    sent = {"channelId": CHANNEL, "message": "Hello"}
    stage.kept["message"] = stage.ask(stage.app(ANNA), "chat:send_message", sent).own_id


def chat_ringing(stage: Stage) -> None:
    """A chat call that rings at two tabs of Anna."""
    tabs(stage)
    invite = {"targetUserId": ANNA.id, "callType": "audio", "offer": {}}
    stage.kept["call"] = stage.ask(stage.app(BERT), "call:invite", invite).answer["callId"]


def chat_answered(stage: Stage) -> None:
    """A chat call that has been answered."""
    chat_ringing(stage)
    stage.ask(stage.app(ANNA), "call:accept", {"callId": stage.kept["call"], "answer": {}})


def read(kept: dict[str, Any]) -> dict[str, Any]:
    """The payload that marks the message as read."""
    return {"channelId": CHANNEL, "messageId": kept["message"]}


IN_CHANNEL: dict[str, Any] = {"channelId": CHANNEL}
FILE = IN_CHANNEL | {"fileName": "a.txt", "fileSize": 1, "fileType": "text/plain"}
event("join_channel", tabs, CARL, CHANNEL, SHIM, "broadcast")
event("leave_channel", tabs, BERT, CHANNEL)
event("chat:send_message", tabs, ANNA, IN_CHANNEL | {"message": "Hello"}, SHIM, "broadcast")
event("message_read", message_sent, BERT, read)
event("chat:typing", tabs, ANNA, IN_CHANNEL | {"isTyping": True})
event("file_uploaded", tabs, ANNA, FILE)
event("channel_updated", tabs, ANNA, IN_CHANNEL | {"changes": {"name": "Other"}})
event("system_broadcast", tabs, ANNA, {"message": "Hello all"})
event("update_presence", tabs, ANNA, {"status": "away", "statusMessage": "Lunch"})
event("presence:set_status", tabs, ANNA, "busy")
event("presence:get_online_users", tabs, ANNA)
event("call:invite", tabs, BERT, {"targetUserId": ANNA.id, "callType": "audio", "offer": {}})
event("call:accept in chat", chat_ringing, ANNA, lambda kept: ref(kept) | {"answer": {}})
event("call:reject in chat", chat_ringing, ANNA, ref)
event("call:end in chat", chat_answered, BERT, ref)
event("call:ice_candidate", chat_answered, BERT, {"targetUserId": ANNA.id, "candidate": {}})


@scenario("chat ring timeout", chat_ringing, "ring-timeout")
def _chat_ring_timeout(stage: Stage) -> None:
    stage.world.run(31_000)


@scenario("tab of a call and a channel closes", chat_answered, "disconnect")
def _tab_closes(stage: Stage) -> None:
    stage.app(BERT).close()


@scenario("authenticate comes back", tabs, SHIM)
def _comes_back(stage: Stage) -> None:
    stage.app(BERT).close()
    stage.world.run()
    stage.world.come(BERT)


# Bookings.

BOOKING = "booking-1"
CREATED: dict[str, Any] = {
    "bookingId": BOOKING,
    "bookingNumber": "B1",
    "customerId": CORA.id,
    "service": "Cleaning",
    "scheduledAt": "2026-01-20T10:00:00.000Z",
    "address": "Here",
    "amount": 10,
}


def booking_people(stage: Stage) -> None:
    """A customer with two devices, two partners, an admin who monitors."""
    *_, admin = stage.come(CORA, CORA, PAUL, PETRA, ADA)
    stage.ask(admin, "monitor:bookings")


def booked(stage: Stage) -> None:
    """A booking without a partner."""
    booking_people(stage)
    stage.tell("booking.created", **CREATED)


def assigned(stage: Stage) -> None:
    """A booking that is offered to Paul."""
    booked(stage)
    stage.tell("booking.assigned", bookingId=BOOKING, partnerId=PAUL.id)


def accepted(stage: Stage) -> None:
    """A booking that Paul has accepted."""
    assigned(stage)
    stage.ask(stage.app(PAUL), "booking:accept", BOOKING)


def tracking(stage: Stage) -> None:
    """A booking that Cora tracks."""
    accepted(stage)
    stage.ask(stage.app(CORA), "booking:track", BOOKING)


def written(stage: Stage) -> None:
    """A message to Paul."""
    accepted(stage)
    sent = {"recipientId": PAUL.id, "message": "When?", "bookingId": BOOKING}
    stage.kept["message"] = stage.ask(stage.app(CORA), "message:send", sent).own_id


OF_BOOKING = {"bookingId": BOOKING}
event("booking:accept", assigned, PAUL, BOOKING, SHIM, "bookings-stream", "broadcast")
event("booking:reject", assigned, PAUL, OF_BOOKING)
event("booking:cancel", accepted, CORA, OF_BOOKING, SHIM, "bookings-stream")
event("booking:status_update", accepted, PAUL, OF_BOOKING | {"status": "ON_THE_WAY"})
event("booking:track", accepted, CORA, BOOKING)
event("booking:untrack", tracking, CORA, BOOKING)
event("location:update", tracking, PAUL, {"latitude": 1, "longitude": 2})
event("message:send", accepted, CORA, {"recipientId": PAUL.id, "message": "When?", **OF_BOOKING})
event("message:mark_read", written, PAUL, lambda kept: kept["message"])
event("typing:start", accepted, CORA, PAUL.id)
event("typing:stop", accepted, CORA, PAUL.id)
event("request:stats", booked, ADA)
event("monitor:bookings", call_people, ADA)

BACKEND = "backend"


def report(name: str, setup: Step, /, **data: Any) -> None:
    """Register a backend event."""

    def act(stage: Stage) -> None:
        stage.world.tell(name.split(" ")[0], **data)

    SCENARIOS[name] = Scenario(name, setup, act, (BACKEND,))


report("booking.created", booking_people, **CREATED)
report("booking.assigned", booked, bookingId=BOOKING, partnerId=PAUL.id)
report("booking.assigned to another", assigned, bookingId=BOOKING, partnerId=PETRA.id)
report("booking.updated", accepted, bookingId=BOOKING, status="CANCELLED")
report("earnings.updated", booking_people, partnerId=PAUL.id, total=5)
report("notification.created", booking_people, accountId=CORA.id, text="Hello")
report("partner.registered", booking_people, partnerId="new", name="New")
report("kyc.submitted", booking_people, partnerId="new", document="passport")
report("channel.upserted", tabs, channelId=CHANNEL, name="G", private=True, members=[ANNA.id])
report(
    "account.upserted",
    answered,
    _id=TINA.id,
    role="TELECALLER",
    name="Tina",
    accountStatus="SUSPENDED",
    approvalStatus="APPROVED",
)


@scenario("early assignment", booking_people, BACKEND)
def _early(stage: Stage) -> None:
    stage.tell("booking.assigned", bookingId=BOOKING, partnerId=PAUL.id)
    stage.world.tell("booking.created", **CREATED)


@scenario("POST /events", booking_people, "http", BACKEND)
def _post_events(stage: Stage) -> None:
    stage.world.post("booking.created", **CREATED)


@scenario("never authenticates", nothing, "deadline", "disconnect")
def _never(stage: Stage) -> None:
    app = stage.world.come(ANNA)
    app.shy = True
    stage.world.run(35_000)


@scenario("silent client", call_people, "sweep", "disconnect")
def _silent(stage: Stage) -> None:
    stage.app(UWE).mute = True
    stage.world.run(500_000)
