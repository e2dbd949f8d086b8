"""Messages of a queue that could not be dealt with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shared.aws import clients
from shared.aws.log import logger

Record = dict[str, Any]
"""A message of SQS as Lambda hands it over."""

MOST_SECONDS = 12 * 3_600 - 60
"""SQS hides a message for 12 h at most, from when it was received."""


def postpone(records: Iterable[Record], queue_url: str, seconds: int) -> None:
    """Hide messages until their next try: ``seconds``, twice as long each time. Where that cannot
    be done the queue's own timeout holds.

    The role may: it is among what reading a queue takes.
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
        except Exception:  # noqa: BLE001 - it is tried again either way
            logger.exception("message not postponed")


def backoff(seconds: int, tries: int) -> int:
    """Seconds until the next try."""
    return min(seconds << min(tries - 1, 16), MOST_SECONDS)
