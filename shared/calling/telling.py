"""Sends the events of a transition of a call that has been made."""

from __future__ import annotations

from collections.abc import Iterable

from shared.aws.metrics import Metric, count
from shared.realtime.address import Address, Delivery
from shared.realtime.emitter import Emitter


def tell(emit: Emitter, *deliveries: Delivery, but: Iterable[Address] = ()) -> bool:
    """Send events. Returns whether any connection was reached, or may have been.

    but: the sessions that receive none of them, as ``Emitter.tell`` says.
    """
    reached, missed = emit.tell(*deliveries, but=[one.receiver for one in but])
    if missed:
        count(Metric.POSTS_GIVEN_UP, len(missed))
    return bool(reached or missed)
