"""Scenarios of bookings, of backend events, and of silent connections."""

from __future__ import annotations

from typing import Any

from tests.simulation.calls import answered, call_people
from tests.simulation.chat import CHANNEL, tabs
from tests.simulation.stage import BACKEND, SHIM, Stage, event, nothing, report, scenario
from tests.simulation.world import ADA, ANNA, CORA, PAUL, PETRA, TINA, UWE

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


@scenario("typing too soon", accepted, "deadline")
def _too_soon(stage: Stage) -> None:
    stage.emit(CORA, "typing:start", PAUL.id)
    stage.emit(CORA, "typing:stop", PAUL.id)
    stage.world.run()


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
