"""The check of the events that a stack puts on its bus for the team's own systems."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from bench.verify.calls import Pair
from bench.verify.check import Outcome, judged, not_checked
from bench.verify.run import Run
from shared.ports import OWN_SOURCE

RULE_SECONDS = 60
"""How long EventBridge may take until a new rule matches."""

EVENT_SECONDS = 60.0
TYPES = ("call.ringing", "call.answered", "call.ended")


async def published(run: Run) -> Outcome:
    """Make a call, and receive its events through a rule and a queue of our own."""
    if not run.settings.publish_events:
        return not_checked("The stack publishes no events: publish_events")
    caller, callee = run.people.guest("USER"), await run.people.telecaller()
    async with _queue(run, {"userId": [caller.id]}) as queue:
        await asyncio.sleep(0 if run.account.emulator else RULE_SECONDS)
        pair = await Pair.between(run, caller, callee)
        call_id, _, _ = await pair.ring()
        await pair.telecaller.ask("call:accept", {"callId": call_id})
        await pair.telecaller.ask("call:end", {"callId": call_id})
        ended = time.monotonic()
        await pair.close()
        events = await _events(run, queue, call_id)
    took = time.monotonic() - ended
    if missing := [type_ for type_ in TYPES if type_ not in events]:
        return judged(False, f"{took:.0f} s after the call, {', '.join(missing)} had not come")
    return judged(
        True,
        f"{', '.join(TYPES)} came, the last {took:.1f} s after the call",
        **{"events on the bus, s": round(took, 1)},
    )


@asynccontextmanager
async def _queue(run: Run, data: dict[str, list[str]]) -> AsyncIterator[str]:
    """Send the stack's events with such data to a new queue while the block runs.

    Yields the queue's URL. The queue, the rule and its target are deleted in the end.
    """
    ask, bus = run.account.ask, run.settings.event_bus
    name = f"{run.people.mark}-events"
    pattern = {"source": [OWN_SOURCE], "detail": {"data": data}}
    async with AsyncExitStack() as made:
        queue: str = (await ask("sqs", "create_queue", QueueName=name))["QueueUrl"]
        made.push_async_callback(ask, "sqs", "delete_queue", QueueUrl=queue)
        attributes = await ask(
            "sqs", "get_queue_attributes", QueueUrl=queue, AttributeNames=["QueueArn"]
        )
        arn = attributes["Attributes"]["QueueArn"]
        rule = await ask(
            "events", "put_rule", Name=name, EventBusName=bus, EventPattern=json.dumps(pattern)
        )
        made.push_async_callback(ask, "events", "delete_rule", Name=name, EventBusName=bus)
        policy = {"Policy": json.dumps(_policy(arn, rule["RuleArn"]))}
        await ask("sqs", "set_queue_attributes", QueueUrl=queue, Attributes=policy)
        target = {"Id": "queue", "Arn": arn}
        await ask("events", "put_targets", Rule=name, EventBusName=bus, Targets=[target])
        made.push_async_callback(
            ask, "events", "remove_targets", Rule=name, EventBusName=bus, Ids=["queue"]
        )
        yield queue


def _policy(queue: str, rule: str) -> dict[str, Any]:
    """Return the policy with which a queue takes the events of a rule."""
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    return {"Version": "2012-10-17", "Statement": [allowed]}


async def _events(run: Run, queue: str, call_id: str) -> set[str]:
    """Return the types of a call's events that come into a queue, as soon as all have come."""
    found: set[str] = set()
    deadline = time.monotonic() + EVENT_SECONDS
    while found != set(TYPES) and time.monotonic() < deadline:
        received = await run.account.ask(
            "sqs", "receive_message", QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1
        )
        events = [json.loads(message["Body"]) for message in received.get("Messages", ())]
        found |= {
            one["detail-type"] for one in events if one["detail"]["data"].get("callId") == call_id
        }
    return found
