"""The Lambda function that the ring timer calls if a call still rings."""

from __future__ import annotations

from functions.products import REGISTRY
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, entry
from shared.pipeline.context import Background
from shared.pipeline.ring_timeouts import time_out


@entry
def handler(event: Event) -> None:
    """Hand a call that has not been answered in time to its product. Idempotent.

    The event is ``{"callId", "person"}``. ``person`` is the key of the row on which the call rings.
    """
    time_out(Background.on(REGISTRY, ports()), event["person"], event["callId"])
