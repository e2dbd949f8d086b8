"""The Lambda function that handles the events of the stack's EventBridge bus.

A team's own systems report them. They come through a queue.
"""

from __future__ import annotations

import msgspec

from functions.products import REGISTRY
from shared.aws import queues
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, queue_entry
from shared.aws.queues import Record
from shared.pipeline import backend_events
from shared.pipeline.context import Background
from shared.pipeline.registry import Registry
from shared.ports import Ports
from shared.settings import settings


def _try_again(records: list[Record]) -> None:
    """Postpone events that could not be handled."""
    values = settings()
    queues.postpone(records, values.events_queue_url, values.report_retry_seconds)


@queue_entry(failed=_try_again)
def handler(body: str) -> None:
    """Handle one event of the bus.

    An event that is unknown, wrong or cannot be handled is tried again. Then it goes to the
    dead-letter queue, for people to look at.
    """
    deliver(REGISTRY, ports(), msgspec.json.decode(body))


def deliver(registry: Registry, ports: Ports, event: Event) -> None:
    """Check an event of the bus and hand it to the product that has declared its type.

    Raises ``InvalidRequest`` if the type is unknown or the data is wrong.
    """
    reported = backend_events.read(
        registry, event["detail-type"], event["detail"], ports.clock.now_ms()
    )
    happened_at_ms = reported.happened_at_ms
    if happened_at_ms is None:
        happened_at_ms = backend_events.time_of(event)
    reported.event.handle(Background.on(registry, ports), reported.payload, happened_at_ms)
