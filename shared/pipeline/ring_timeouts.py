"""Hands calls that have not been answered in time to their products."""

from __future__ import annotations

from shared.calling import ring
from shared.pipeline.context import Background


def time_out(background: Background, person: str, call_id: str) -> None:
    """Have a call end that has rung long enough, if it still rings. Idempotent.

    person: the key of the row on which the call rings.
    """
    timeout = background.registry.ring_timeouts[ring.prefix(person)]
    try:
        row = timeout.row.get(person, consistent_read=True)
    except timeout.row.DoesNotExist:
        return  # the call had a row of its own and has ended
    timeout.handle(background, row, call_id)
