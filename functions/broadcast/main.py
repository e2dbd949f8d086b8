"""Sends an event to everybody in a room."""

from __future__ import annotations

from itertools import islice

import msgspec

from shared.adapters import ports
from shared.lambda_entry import Event, entry
from shared.log import logger
from shared.realtime import rooms
from shared.realtime.address import Delivery
from shared.realtime.broadcast import Broadcast
from shared.realtime.context import Emitter

AT_ONCE = 500
"""Addresses held in memory, however many there are."""


@entry
def handler(event: Event) -> dict[str, list[dict[str, str]]]:
    """A batch of the queue, in order. From the first that fails on, all are handed in again: the
    queue keeps the order within a group only if nothing overtakes.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    records = event["Records"]
    for done, record in enumerate(records):
        try:
            broadcast(msgspec.json.decode(record["body"], type=Broadcast))
        except Exception:  # noqa: BLE001 - reported for this message and those after it
            logger.exception("broadcast failed")
            failed = records[done:]
            return {"batchItemFailures": [{"itemIdentifier": one["messageId"]} for one in failed]}
    return {"batchItemFailures": []}


def broadcast(message: Broadcast) -> None:
    emit = Emitter(ports())
    addresses = rooms.members(message.room, message.namespace, message.skip_person)
    while some := tuple(islice(addresses, AT_ONCE)):
        emit(Delivery(message.event, message.payload, some))
