"""The event bus between the stack and a team's own systems.

They report on it what has happened on their side. With ``publish_events``, they find on it what has
happened here: their rules may match these events, and ours does not.

Every other event on the bus is believed. So the permission to put events on it is granted to single
roles, never to a whole account. A queue behind the bus lets a burst of events wait, instead of
starting a function for every event. An event that cannot be handled ends in the queue's dead-letter
queue.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.settings import StackSettings
from shared.ports import OWN_SOURCE

DELIVERY_RETRIES = 20
DELIVERY_HOURS = 2


def make_bus(scope: Construct, settings: StackSettings, queue: sqs.Queue) -> events.EventBus:
    """Make the bus. All its events go to ``queue``, except those that the stack itself puts on it:
    they are for rules of the team, and some have the types of events that the stack handles.
    """
    bus = events.EventBus(scope, "Bus", event_bus_name=settings.stack_name)
    failed = queue.dead_letter_queue
    if failed is None:
        raise ValueError("The queue of the bus has no dead-letter queue")
    events.Rule(
        scope,
        "BusRule",
        event_bus=bus,
        event_pattern=events.EventPattern(
            account=[cdk.Aws.ACCOUNT_ID], source=events.Match.anything_but(OWN_SOURCE)
        ),
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
