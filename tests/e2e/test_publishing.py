"""Events for a team's own systems: a rule on the stack's bus delivers them to a queue."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest

from shared.ports import OWN_SOURCE
from tests.e2e.backend import Backend
from tests.e2e.calls import answer, ring
from tests.e2e.chat import make_channel, tab, unique
from tests.e2e.clients import SECONDS
from tests.e2e.stack import Stack
from tests.e2e.visit import Visit
from tests.e2e.world import World


class Bus:
    """A team's queue behind a rule on the stack's bus, and what has come to it.

    details: the details of all events by type, each event once.
    """

    def __init__(self, stack: Stack) -> None:
        self._bus = stack.facts["outputs"]["EventBus"]
        self._sqs = stack.client("sqs")
        name = f"team-{uuid.uuid4().hex[:8]}"
        self._queue = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(
            QueueUrl=self._queue, AttributeNames=["QueueArn"]
        )
        events = stack.client("events")
        pattern = json.dumps({"source": [OWN_SOURCE]})
        events.put_rule(Name=name, EventBusName=self._bus, EventPattern=pattern)
        target = {"Id": "queue", "Arn": attributes["Attributes"]["QueueArn"]}
        events.put_targets(Rule=name, EventBusName=self._bus, Targets=[target])
        self._details: dict[str, dict[str, Any]] = {}

    def wait(self, type_: str, **data: Any) -> dict[str, Any]:
        """Wait for an event of a type with such data, and return its detail."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            self._receive()
            for event in self._details.values():
                if event["type"] == type_ and data.items() <= event["detail"]["data"].items():
                    detail: dict[str, Any] = event["detail"]
                    return detail
        raise AssertionError(f"no {type_} {data}; came: {self._details}")

    def types(self, **data: Any) -> list[str]:
        """Return the types of the events with such data that have come so far."""
        self._receive()
        found = (one for one in self._details.values())
        return [one["type"] for one in found if data.items() <= one["detail"]["data"].items()]

    def _receive(self) -> None:
        answer = self._sqs.receive_message(
            QueueUrl=self._queue, MaxNumberOfMessages=10, WaitTimeSeconds=1
        )
        for message in answer.get("Messages", ()):
            event = json.loads(message["Body"])
            detail = event["detail"]
            kept = {"type": event["detail-type"], "detail": detail}
            # Whatever comes twice is the same.
            assert self._details.setdefault(detail["id"], kept) == kept
            self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])


@pytest.fixture(scope="module")
def bus(stack: Stack) -> Bus:
    return Bus(stack)


def test_a_call_is_published_from_its_start_to_its_end(world: World, bus: Bus) -> None:
    caller, user = world.user()
    callee, telecaller = world.telecaller("native")
    bus.wait("presence.changed", telecallerId=callee.id, presence="ONLINE")
    call_id = ring(user, telecaller, callee)
    rings = bus.wait("call.ringing", callId=call_id)
    assert rings["data"] == {
        "product": "calls",
        "callId": call_id,
        "callType": "AUDIO",
        "userId": caller.id,
        "telecallerId": callee.id,
        "startedAt": rings["time"],
    }
    answer(user, telecaller, call_id)
    bus.wait("presence.changed", telecallerId=callee.id, presence="ON_CALL")
    assert user.ask("call:end", {"callId": call_id}) is None
    ended = bus.wait("call.ended", callId=call_id)
    accepted = bus.wait("call.answered", callId=call_id)
    assert ended["data"] | {"coins": 0, "durationSeconds": 0} == accepted["data"] | {
        "endedAt": ended["time"],
        "durationSeconds": 0,
        "coins": 0,
        "endedBy": caller.id,
        "reason": None,
    }
    assert rings["time"] <= accepted["time"] <= ended["time"]
    telecaller.leave()
    bus.wait("presence.changed", telecallerId=callee.id, presence="OFFLINE")


def test_a_call_that_is_not_answered(world: World, bus: Bus) -> None:
    _, user = world.user()
    callee, telecaller = world.telecaller()
    call_id = ring(user, telecaller, callee)
    assert telecaller.ask("call:reject", {"callId": call_id}) is None
    assert bus.wait("call.rejected", callId=call_id)["data"]["endedBy"] == callee.id
    user.wait("call:rejected")
    call_id = ring(user, telecaller, callee)
    assert user.ask("call:cancel", {"callId": call_id}) is None
    bus.wait("call.cancelled", callId=call_id)
    telecaller.wait("call:cancelled")
    call_id = ring(user, telecaller, callee)
    assert bus.wait("call.missed", callId=call_id)["data"]["endedBy"] is None
    assert sorted(bus.types(callId=call_id)) == ["call.missed", "call.ringing"]
    # A call that rings is nobody else's business.
    assert bus.types(telecallerId=callee.id, presence="ON_CALL") == []


def test_chat_is_published_without_its_texts(world: World, bus: Bus) -> None:
    channel = f"{unique('deals')}\ufffe"
    make_channel(world, channel)
    anna, bert = (tab(world, unique(name), joins=channel) for name in ("anna", "bert"))
    anna.ask("chat:send_message", {"channelId": channel, "message": "secret"})
    sent = bus.wait("message.sent", channelId=channel)["data"]
    assert sent == {
        "product": "chat",
        "messageId": bert.take("chat:new_message")["id"],
        "channelId": channel,
        "senderId": anna.person_id,
        "messageType": "text",
        "replyToId": None,
    }
    assert anna.ask("presence:set_status", "busy") is None
    bus.wait("presence.changed", product="chat", userId=anna.person_id, status="busy")
    invite = {"targetUserId": bert.person_id, "callType": "audio", "offer": {"type": "offer"}}
    call_id = anna.ask("call:invite", invite)["callId"]
    about = {"product": "chat", "callId": call_id}
    bus.wait("call.ringing", **about, userId=anna.person_id, telecallerId=bert.person_id)
    bert.take("call:incoming")
    bert.ask("call:accept", {"callId": call_id, "answer": {"type": "answer"}})
    bus.wait("call.answered", **about)
    anna.ask("call:end", {"callId": call_id})
    bus.wait("call.ended", **about)
    bert.client.leave()
    bus.wait("presence.changed", userId=bert.person_id, status="offline", reason="disconnect")


def test_a_booking_is_published_and_does_not_come_back(world: World, bus: Bus) -> None:
    """``booking.created`` is both: what a backend reports, and what the stack publishes of it."""
    visit = Visit(world, Backend(world.stack))
    created = bus.wait("booking.created", bookingId=visit.id)["data"]
    assert created == {name: value for name, value in visit.data.items() if name != "address"} | {
        "partnerId": None,
        "status": "PENDING",
    }
    visit.to("PARTNER_ACCEPTED")
    changed = {"bookingId": visit.id, "partnerId": visit.partner_account.id}
    bus.wait(
        "booking.updated", **changed, previousStatus="PARTNER_ASSIGNED", status="PARTNER_ACCEPTED"
    )
    message = {"recipientId": visit.partner_account.id, "message": "secret", "bookingId": visit.id}
    sent = visit.customer.ask("message:send", message)
    assert bus.wait("message.sent", bookingId=visit.id)["data"] == {
        "product": "bookings",
        "messageId": sent["id"],
        "senderId": visit.customer_account.id,
        "recipientId": visit.partner_account.id,
        "bookingId": visit.id,
    }
    assert bus.types(bookingId=visit.id).count("booking.created") == 1
