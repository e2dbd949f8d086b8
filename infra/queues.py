"""The queues that functions read, and dead-letter queues for all work that is tried again."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.nag import acknowledge
from infra.settings import StackSettings
from shared.pipeline.deployment import FunctionSpec

DEAD_LETTERS = "DeadLetters"
MAX_RECEIVES = 5
RECEIVES = {"livekit-rooms": 8, "events": 6}
"""How often a message is received before it is a dead letter, for queues that need another number
than five. The deletion of a LiveKit room is tried again after 15, 30, … 960 s: an outage of LiveKit
may take half an hour before people have to act. An event of a team's own system is tried again
after 10, 20, … 160 s, and then people look at it: a wrong event does not become right by itself."""


ORDERED = frozenset({"broadcasts", "shards"})
"""The queues in which messages about one person or room arrive in the order in which they were
sent."""

PROMPT = ORDERED | {"events", "pushes"}
"""The queues whose messages people wait for."""

HIDDEN_TIMES = 6
"""How many times as long as its function may run a message stays hidden, as Lambda's manual asks:
Lambda may receive a message and then have to wait for a free process.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""

PROMPT_MARGIN_SECONDS = 30
"""How much longer than its function may run a message of a prompt queue stays hidden.

A message whose process has died is handled again only then, and in an ordered queue it holds up its
whole group. So six times the timeout would be far too long. The manual's reason for it hardly
applies here: Lambda receives no more messages than ``FunctionSpec.at_once`` allows it to handle.
What is left is an account without a free process; it may last for this margin before a message
could be handled twice at the same time, which an event of a backend allows anyway.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
"""


def hidden_seconds(row: FunctionSpec) -> int:
    """Return how long a message of a function's queue stays hidden after it has been received."""
    if row.takes in PROMPT:
        return row.timeout_seconds + PROMPT_MARGIN_SECONDS
    return HIDDEN_TIMES * row.timeout_seconds


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
    """Make a queue. It refuses plain http, except for the emulator, which supports nothing else."""
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
    """Make the queue for work of ``of`` that has failed for good.

    It keeps messages for two weeks, in which people may look at them and send them again.
    """
    queue = make_queue(
        scope,
        f"{of.title().replace('-', '')}{DEAD_LETTERS}",
        settings,
        retention=cdk.Duration.days(14),
        ordered=ordered,
    )
    acknowledge(queue, {"SQS3": "It is itself a dead-letter queue; only people read it."})
    return queue


def dead_letters(scope: Construct) -> dict[str, sqs.Queue]:
    """Return all dead-letter queues, by the name of the queue or function they belong to."""
    return {
        one.node.id.removesuffix(DEAD_LETTERS).lower(): one
        for one in scope.node.children
        if isinstance(one, sqs.Queue) and one.node.id.endswith(DEAD_LETTERS)
    }
