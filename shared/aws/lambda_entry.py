"""What every Lambda entry has around it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from shared.aws import log, metrics
from shared.aws.log import logger

Event = dict[str, Any]
Entry = Callable[[Event, Any], Any]

WARM_UP = "warm"


def entry(function: Callable[[Event], Any]) -> Entry:
    """A Lambda handler from a function of the event.

    Logs under the id of what caused the invocation, and at its end a line for each cause with the
    milliseconds that it took; then writes what was counted.

    ``{"warm": true}`` returns at once: whoever starts a stack for the first time, or keeps
    functions warm, sends it.
    """

    @wraps(function)
    def handler(event: Event, context: Any) -> Any:
        if event.get(WARM_UP):
            return None
        causes, begin = log.causes(event, context), time.perf_counter()
        log.set_correlation_id(causes[0])
        try:
            return function(event)
        finally:
            ms = round((time.perf_counter() - begin) * 1000, 1)
            for cause in causes:
                logger.info("done", extra={"correlation_id": cause, "ms": ms})
            metrics.flush()

    return handler


def websocket_entry(function: Callable[[Event], int | None]) -> Entry:
    """An entry behind a WebSocket route. It never raises and never returns a body, either of which
    API Gateway would send to the client; ``function`` may return a status for ``$connect``."""

    def answer(event: Event) -> dict[str, int]:
        try:
            status = function(event)
        except Exception:  # noqa: BLE001 - API Gateway would send it to the client
            logger.exception("route failed")
            status = 500
        return {"statusCode": status or 200}

    return entry(answer)


def queue_entry(
    *, ordered: bool = False, failed: Callable[[list[Event]], None] | None = None
) -> Callable[[Callable[[str], None]], Entry]:
    """An entry behind a queue, from a function of a message's body. A message with which it fails
    is handed in again, alone; where the queue is ``ordered``, with all that came after it: it keeps
    the order within a group only if nothing overtakes. ``failed`` is told of those.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """

    def of(function: Callable[[str], None]) -> Entry:
        def each(event: Event) -> dict[str, list[dict[str, str]]]:
            records: list[Event] = event["Records"]
            again: list[Event] = []
            for number, record in enumerate(records):
                log.set_correlation_id(log.of_message(record))
                try:
                    function(record["body"])
                except Exception:  # noqa: BLE001 - reported for this message, the others go on
                    logger.exception("message failed", extra={"message_id": record["messageId"]})
                    again += records[number:] if ordered else [record]
                    if ordered:
                        break
            if again and failed:
                failed(again)
            return {"batchItemFailures": [{"itemIdentifier": one["messageId"]} for one in again]}

        return entry(each)

    return of
