"""Sends the events of a transition of a call that has been made."""

from __future__ import annotations

from shared.aws.metrics import Metric, count
from shared.realtime.address import Delivery
from shared.realtime.emitter import Emitter


def tell(emit: Emitter, *deliveries: Delivery) -> bool:
    """Send events. Returns whether any connection was reached, or may have been."""
    reached, missed = emit.tell(*deliveries)
    if missed:
        count(Metric.POSTS_GIVEN_UP, len(missed))
    return bool(reached or missed)
