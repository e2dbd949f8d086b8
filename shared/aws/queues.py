"""Messages of a queue that could not be handled, and how many messages wait."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from shared.aws import clients
from shared.aws.log import logger

Record = dict[str, Any]
"""A message of SQS in the form in which Lambda passes it on."""

MOST_SECONDS = 12 * 3_600 - 60
"""The longest a message is hidden. SQS allows 12 h, counted from when the message was received."""


def postpone(records: Iterable[Record], queue_url: str, seconds: int) -> None:
    """Hide messages until their next attempt.

    After the first attempt a message is hidden for ``seconds``, then twice as long each time. If a
    message cannot be hidden, it keeps the queue's own visibility timeout. The function's role needs
    no further permission, because the one to read the queue includes this.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
    """
    for record in records:
        tries = int(record["attributes"]["ApproximateReceiveCount"])
        try:
            clients.client("sqs").change_message_visibility(
                QueueUrl=queue_url,
                ReceiptHandle=record["receiptHandle"],
                VisibilityTimeout=backoff(seconds, tries),
            )
        except Exception:  # noqa: BLE001 - the message is delivered again either way
            logger.exception("message not postponed")


def backoff(seconds: int, tries: int) -> int:
    """Return the seconds until the next attempt, after ``tries`` attempts."""
    return min(seconds << min(tries - 1, 16), MOST_SECONDS)


class Depth(msgspec.Struct, frozen=True):
    """How many messages a queue has, as SQS estimates it.

    waiting: those that wait to be received.
    in_flight: those that are being handled, or wait for their next attempt.
    dead_letters: the name of the queue of those that have failed, or None.
    """

    waiting: int
    in_flight: int
    dead_letters: str | None


def depth(queue_url: str) -> Depth:
    """Return how many messages a queue has.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
    """
    answer = clients.client("sqs").get_queue_attributes(
        QueueUrl=queue_url,
        AttributeNames=[
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "RedrivePolicy",
        ],
    )
    attributes = answer["Attributes"]
    policy = msgspec.json.decode(attributes.get("RedrivePolicy", "{}"))
    arn = policy.get("deadLetterTargetArn")
    return Depth(
        waiting=int(attributes["ApproximateNumberOfMessages"]),
        in_flight=int(attributes["ApproximateNumberOfMessagesNotVisible"]),
        dead_letters=arn and arn.rpartition(":")[2],
    )


def beside(queue_url: str, name: str) -> str:
    """Return the URL of a queue of the same account and region, by its name."""
    return f"{queue_url.rpartition('/')[0]}/{name}"
