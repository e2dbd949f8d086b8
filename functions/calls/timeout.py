"""Called by the ring timer for a call that still rings."""

from __future__ import annotations

from functions.calls.handlers import ring_timeout
from shared.adapters import ports
from shared.lambda_entry import Event, entry
from shared.realtime.context import Background
from shared.realtime.people import Person


@entry
def handler(event: Event) -> None:
    """``{"callId", "person"}``: the call, and the key of the row on which it rings."""
    telecaller = Person.get(event["person"], consistent_read=True)
    ring_timeout(Background.on(ports()), telecaller, event["callId"])
