"""The Lambda function that the ring timer calls if a call still rings."""

from __future__ import annotations

from functions.products import REGISTRY
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, entry
from shared.calling import ring
from shared.pipeline.context import Background


@entry
def handler(event: Event) -> None:
    """Hand a call that has not been answered in time to its product. Idempotent.

    The event is ``{"callId", "person"}``. ``person`` is the key of the row on which the call rings.
    """
    timeout = REGISTRY.ring_timeouts[ring.prefix(event["person"])]
    try:
        row = timeout.row.get(event["person"], consistent_read=True)
    except timeout.row.DoesNotExist:
        return  # the call had a row of its own and has ended
    timeout.handle(Background.on(REGISTRY, ports()), row, event["callId"])
