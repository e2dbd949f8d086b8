"""Decorators that make Lambda handlers: logging, metrics, and the answers that Lambda expects."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from shared.aws import garbage, log, metrics
from shared.aws.log import logger

Event = dict[str, Any]
Entry = Callable[[Event, Any], Any]

WARM_UP = "warm"


def entry(function: Callable[[Event], Any]) -> Entry:
    """Make a Lambda handler from a function of the event.

    The handler logs under the correlation id of the invocation's cause. At the end it logs one line
    for each cause with the milliseconds that the invocation took, then writes the metrics.

    For ``{"warm": true}`` it returns at once. This event only starts a process, after a
    deployment or to keep a function warm.
    """

    @wraps(function)
    def handler(event: Event, context: Any) -> Any:
        garbage.resume()
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


SUBPROTOCOL_HEADER = "Sec-WebSocket-Protocol"


def websocket_entry(function: Callable[[Event], int | None]) -> Entry:
    """Make a Lambda handler for a WebSocket route.

    ``function`` may return a status for ``$connect``. The handler never raises and never returns a
    body, because API Gateway would send either to the client. It confirms the first subprotocol
    that a handshake names: a browser closes a connection whose subprotocol is not confirmed.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-connect-route-subprotocol.html
    """

    def answer(event: Event) -> dict[str, Any]:
        try:
            status = function(event)
        except Exception:  # noqa: BLE001 - API Gateway would send the error to the client
            logger.exception("route failed")
            status = 500
        result: dict[str, Any] = {"statusCode": status or 200}
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        if protocols := headers.get(SUBPROTOCOL_HEADER.lower()):
            result["headers"] = {SUBPROTOCOL_HEADER: protocols.split(",")[0].strip()}
        return result

    return entry(answer)


def queue_entry(
    *, ordered: bool = False, failed: Callable[[list[Event]], None] | None = None
) -> Callable[[Callable[[str], None]], Entry]:
    """Make a Lambda handler for a queue from a function of a message's body.

    A message for which the function fails is delivered again, alone. If the queue is ``ordered``,
    all messages after it are delivered again too: the order within a group is kept only if no
    message overtakes another. ``failed`` is called with the messages that are delivered again.

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
                except Exception:  # noqa: BLE001 - reported for this message; the others are handled
                    logger.exception("message failed", extra={"message_id": record["messageId"]})
                    again += records[number:] if ordered else [record]
                    if ordered:
                        break
            if again and failed:
                failed(again)
            return {"batchItemFailures": [{"itemIdentifier": one["messageId"]} for one in again]}

        return entry(each)

    return of
