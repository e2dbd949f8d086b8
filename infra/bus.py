"""The bus on which a team's own systems tell what happened.

Whoever may put events on it is trusted with everything that they say, so it is granted to single
roles, never to all of an account. A queue behind it lets a burst wait instead of starting a
function for every event. What cannot be handled ends in the queue's dead-letter queue.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.settings import StackSettings

DELIVERY_RETRIES = 20
DELIVERY_HOURS = 2


def make_bus(scope: Construct, settings: StackSettings, queue: sqs.Queue) -> events.EventBus:
    """The bus, everything on which goes to ``queue``, whatever its source."""
    bus = events.EventBus(scope, "Bus", event_bus_name=settings.stack_name)
    failed = queue.dead_letter_queue
    if failed is None:
        raise ValueError("The queue of the bus has no dead-letter queue")
    events.Rule(
        scope,
        "BusRule",
        event_bus=bus,
        event_pattern=events.EventPattern(account=[cdk.Aws.ACCOUNT_ID]),
        targets=[
            targets.SqsQueue(
                queue,
                retry_attempts=DELIVERY_RETRIES,
                max_event_age=cdk.Duration.hours(DELIVERY_HOURS),
                dead_letter_queue=failed.queue,
            )
        ],
    )
    return bus
