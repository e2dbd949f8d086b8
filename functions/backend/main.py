"""Hears the stack's EventBridge bus, through a queue: what a team's own systems tell."""

from __future__ import annotations

import msgspec

from functions.products import REGISTRY
from shared import backend
from shared.adapters import ports
from shared.lambda_entry import Event, entry
from shared.log import logger
from shared.ports import Ports
from shared.realtime.context import Background
from shared.registry import Registry


@entry
def handler(event: Event) -> dict[str, list[dict[str, str]]]:
    """A batch of the queue. An event that is unknown, wrong or cannot be handled is handed in
    again, alone, and then goes to the dead-letter queue for people to look at."""
    failed = []
    for record in event["Records"]:
        try:
            hear(REGISTRY, ports(), msgspec.json.decode(record["body"]))
        except Exception:  # noqa: BLE001 - reported for this event, the others go on
            logger.exception("event not handled", extra={"message": record["messageId"]})
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def hear(registry: Registry, ports: Ports, event: Event) -> None:
    """Check an event of the bus and hand it to the product whose it is. Raises
    ``InvalidRequest``."""
    told = backend.read(registry, event["detail-type"], event["detail"], ports.clock.now_ms())
    at_ms = backend.time_of(event) if told.happened_at_ms is None else told.happened_at_ms
    told.event.handle(Background.on(ports), told.payload, at_ms)
