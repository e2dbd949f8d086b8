"""Hears the stack's EventBridge bus: what a team's own systems tell, whoever put it there."""

from __future__ import annotations

from functions.products import REGISTRY
from shared import backend
from shared.adapters import ports
from shared.lambda_entry import Event, entry
from shared.log import logger
from shared.ports import Ports
from shared.realtime.context import Background
from shared.registry import Registry


@entry
def handler(event: Event) -> None:
    """One event of the bus. Raises where it is unknown, wrong or cannot be handled: it is tried
    again, and then goes to the dead-letter queue for people to look at."""
    try:
        hear(REGISTRY, ports(), event)
    except Exception:
        logger.exception("event not handled", extra={"event_type": event.get("detail-type")})
        raise


def hear(registry: Registry, ports: Ports, event: Event) -> None:
    """Check the event and hand it to the product whose it is. Raises ``InvalidRequest``."""
    told = backend.read(registry, event["detail-type"], event["detail"], ports.clock.now_ms())
    at_ms = backend.time_of(event) if told.happened_at_ms is None else told.happened_at_ms
    told.event.handle(Background.on(ports), told.payload, at_ms)
