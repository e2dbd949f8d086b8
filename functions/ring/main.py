"""Called by the ring timer for a call that still rings."""

from __future__ import annotations

from functions.products import REGISTRY
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, entry
from shared.pipeline.context import Background
from shared.realtime.people import Person


@entry
def handler(event: Event) -> None:
    """``{"callId", "person"}``: the call, and the key of the row on which it rings, which begins
    with the namespace of whoever is called."""
    try:
        row = Person.get(event["person"], consistent_read=True)
    except Person.DoesNotExist:
        return  # a call that is a row of its own, and over
    REGISTRY.ring_timeouts[row.namespace](Background.on(REGISTRY, ports()), row, event["callId"])
