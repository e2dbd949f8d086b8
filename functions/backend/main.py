"""Hears the stack's EventBridge bus, through a queue: what a team's own systems tell."""

from __future__ import annotations

import msgspec

from functions.products import REGISTRY
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, queue_entry
from shared.pipeline import backend_events
from shared.pipeline.context import Background
from shared.pipeline.registry import Registry
from shared.ports import Ports


@queue_entry()
def handler(body: str) -> None:
    """An event that is unknown, wrong or cannot be handled is tried again and then goes to the
    dead-letter queue for people to look at."""
    hear(REGISTRY, ports(), msgspec.json.decode(body))


def hear(registry: Registry, ports: Ports, event: Event) -> None:
    """Check an event of the bus and hand it to the product whose it is. Raises
    ``InvalidRequest``."""
    told = backend_events.read(
        registry, event["detail-type"], event["detail"], ports.clock.now_ms()
    )
    at_ms = backend_events.time_of(event) if told.happened_at_ms is None else told.happened_at_ms
    told.event.handle(Background.on(registry, ports), told.payload, at_ms)
