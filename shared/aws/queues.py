"""Messages of a queue that could not be handled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

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
