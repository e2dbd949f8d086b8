"""Queues: those that functions read, and a dead-letter queue for everything that retries."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.nag import acknowledge
from infra.settings import StackSettings

DEAD_LETTERS = "DeadLetters"
MAX_RECEIVES = 5
RECEIVES = {"livekit-rooms": 8, "events": 3}
"""Where five are not right. A room is tried again after 15, 30, … 960 s: an outage of LiveKit may
take half an hour before people have to see to it.
What a backend told wrongly does not get better."""


ORDERED = frozenset({"broadcasts"})
"""What is about one person or room arrives in the order in which it was sent."""


def make_queue(
    scope: Construct,
    id_: str,
    settings: StackSettings,
    *,
    visibility: cdk.Duration | None = None,
    retention: cdk.Duration | None = None,
    dead_letters: sqs.Queue | None = None,
    receives: int = MAX_RECEIVES,
    ordered: bool = False,
) -> sqs.Queue:
    """A queue that refuses plain http, except to the emulator, which speaks nothing else."""
    queue = sqs.Queue(
        scope,
        id_,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        fifo=ordered or None,  # CloudFormation knows no false
        fifo_throughput_limit=sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID if ordered else None,
        deduplication_scope=sqs.DeduplicationScope.MESSAGE_GROUP if ordered else None,
        enforce_ssl=not settings.local,
        visibility_timeout=visibility,
        retention_period=retention,
        dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=receives)
        if dead_letters
        else None,
    )
    if settings.local:
        acknowledge(queue, {"SQS4": "The emulator is reached over plain http on this machine."})
    return queue


def make_dead_letters(
    scope: Construct, of: str, settings: StackSettings, *, ordered: bool = False
) -> sqs.Queue:
    """Where work of ``of`` goes that failed for good: two weeks to look at it and send it again."""
    queue = make_queue(
        scope,
        f"{of.title().replace('-', '')}{DEAD_LETTERS}",
        settings,
        retention=cdk.Duration.days(14),
        ordered=ordered,
    )
    acknowledge(queue, {"SQS3": "It is itself a dead-letter queue; nothing reads it but people."})
    return queue


def dead_letters(scope: Construct) -> dict[str, sqs.Queue]:
    """All that there are, by whose they are."""
    return {
        one.node.id.removesuffix(DEAD_LETTERS).lower(): one
        for one in scope.node.children
        if isinstance(one, sqs.Queue) and one.node.id.endswith(DEAD_LETTERS)
    }
