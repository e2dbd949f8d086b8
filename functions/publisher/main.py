"""The Lambda function that puts what has happened on the stack's bus.

It follows the streams of the tables, and exists with the setting ``publish_events`` only. Each
product declares which events a change of a row makes. An event is on the bus at least once, with
the same id each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from functions.products import REGISTRY
from shared.aws import bus_events, streams
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, entry
from shared.aws.log import logger
from shared.ports import BusMessage, RefusedMessage
from shared.protocol import json

Record = dict[str, Any]


@entry
def handler(event: Event) -> dict[str, list[dict[str, str]]]:
    """Put the events of a batch of changes on the bus.

    What can never be published goes to the function's dead letters, and those behind it go on.
    If the bus does not take an event for another reason, Lambda delivers the changes again, from
    the first such event on.

    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    made = [(one, record) for record in event["Records"] for one in _messages(record)]
    refused = ports().tasks.publish([message for message, _ in made])
    for one in refused:
        if one.lasting:
            _keep_refused(one)
    left = {one.message for one in refused if not one.lasting}
    again = [_sequence(record) for message, record in made if message in left]
    return {"batchItemFailures": [{"itemIdentifier": number} for number in again[:1]]}


def _messages(record: Record) -> list[BusMessage]:
    """Return the events of a change.

    A change of which no events can be made goes to the dead letters.
    """
    try:
        return list(messages_of(record))
    except Exception as error:  # noqa: BLE001 - a pure function fails each time
        about = {
            "table": record["eventSourceARN"],
            "keys": record["dynamodb"].get("Keys"),
            "sequence": _sequence(record),
            "error": repr(error)[:1_000],
        }
        logger.exception("change cannot be published", extra=about)
        ports().tasks.keep_unpublished(json.dumps(about))
        return []


def messages_of(record: Record) -> Iterator[BusMessage]:
    """Yield the events of a change, as the products declare them."""
    before, after = streams.images(record)
    table = streams.table(record)
    for hook in REGISTRY.bus_hooks:
        if hook.follows(table, record["dynamodb"]["Keys"]):
            for happened in hook.events_of(before, after):
                yield bus_events.message(record, happened)


def _keep_refused(refused: RefusedMessage) -> None:
    message = refused.message
    logger.error("event cannot be published", extra={"type": message.type, "why": refused.reason})
    event = {"source": message.source, "detail-type": message.type, "detail": message.data}
    ports().tasks.keep_unpublished(json.dumps(event | {"error": refused.reason}))


def _sequence(record: Record) -> str:
    number: str = record["dynamodb"]["SequenceNumber"]
    return number
