"""Sends an event to everybody in a namespace."""

from __future__ import annotations

from typing import Any

import msgspec

from shared.adapters import ports
from shared.lambda_entry import Event, entry
from shared.log import logger
from shared.realtime import rooms
from shared.realtime.address import Delivery
from shared.realtime.context import Emitter


class Broadcast(msgspec.Struct, frozen=True):
    """A message of the queue."""

    namespace: str
    event: str
    payload: Any


@entry
def handler(event: Event) -> dict[str, list[dict[str, str]]]:
    """A batch of the queue; what fails is handed in again, alone.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    failed = []
    for record in event["Records"]:
        try:
            broadcast(msgspec.json.decode(record["body"], type=Broadcast))
        except Exception:  # noqa: BLE001 - reported for this message, the others go on
            logger.exception("broadcast failed")
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def broadcast(message: Broadcast) -> None:
    members = tuple(rooms.members(message.namespace, message.namespace))
    Emitter(ports())(Delivery(message.event, message.payload, members))
