"""Calls that ring or go on, of all products, as the history of calls shows them."""

from __future__ import annotations

import msgspec


class RunningCall(msgspec.Struct, frozen=True):
    """A call that rings or goes on.

    product: the product whose call it is.
    type: the type of the call, for example audio or video.
    status: ``RINGING`` or ``ACCEPTED``.
    caller_id, callee_id: the persons who made and who received the call.
    started_at, accepted_at: when the call began to ring and was answered, epoch ms. ``accepted_at``
        is None if the call still rings.
    attendance: as in the record of a call.
    """

    id: str
    product: str
    type: str
    status: str
    caller_id: str
    callee_id: str
    started_at: int
    accepted_at: int | None
    attendance: str | None = None
