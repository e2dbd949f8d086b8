"""The events about calls for a team's own systems. They are the same for all products with calls.

Each call has one ``call.ringing``, one ``call.answered`` if it is answered, and in the end one of
``call.ended``, ``call.missed``, ``call.rejected`` and ``call.cancelled``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec

from shared import times
from shared.aws.bus_events import BusEvent, Happened
from shared.aws.streams import Row
from shared.calling import ring
from shared.calling.call_records import CallRecord


class CallEvent(BusEvent, frozen=True):
    """What all events about a call have.

    ``product``: the product that the call belongs to.
    ``userId``: the person who calls.
    ``telecallerId``: the person who is called; in chat, another user.
    ``startedAt``: when it began to ring, ISO 8601.
    """

    product: Literal["calls", "chat"]
    call_id: str
    call_type: Literal["AUDIO", "VIDEO", "audio", "video"]
    user_id: str
    telecaller_id: str
    started_at: str


class CallRinging(CallEvent, frozen=True):
    """A call that has begun to ring."""

    type = "call.ringing"


class CallAnswered(CallEvent, frozen=True):
    """A call that has been answered.

    ``acceptedAt``: when, ISO 8601.
    """

    type = "call.answered"
    accepted_at: str


class CallEnded(CallEvent, frozen=True):
    """A call that was answered and is over.

    ``acceptedAt``, ``endedAt``: ISO 8601.
    ``durationSeconds``: whole seconds since it was answered.
    ``coins``: what the user has paid.
    ``endedBy``: the person who ended it, or null if no person did.
    ``reason``: ``BALANCE`` if a prepaid call has used up its coins, otherwise null.
    """

    type = "call.ended"
    accepted_at: str
    ended_at: str
    duration_seconds: int
    coins: int
    ended_by: str | None
    reason: Annotated[str | None, msgspec.Meta(extra_json_schema={"enum": ["BALANCE", None]})]


class UnansweredCall(CallEvent, frozen=True):
    """A call that is over and was not answered.

    ``endedAt``: ISO 8601.
    ``endedBy``: the person who ended it, or null if no person did.
    """

    ended_at: str
    ended_by: str | None


class CallMissed(UnansweredCall, frozen=True):
    """A call that was not answered in time, or not before a party's last connection closed."""

    type = "call.missed"


class CallRejected(UnansweredCall, frozen=True):
    """A call that the person who was called has rejected."""

    type = "call.rejected"


class CallCancelled(UnansweredCall, frozen=True):
    """A call that ended before it was answered: the caller or an admin has cancelled it, or the
    devices of the person who was called turned out to be gone."""

    type = "call.cancelled"


ENDS = (CallEnded, CallMissed, CallRejected, CallCancelled)
_UNANSWERED: dict[str, type[UnansweredCall]] = {
    "MISSED": CallMissed,
    "REJECTED": CallRejected,
    "CANCELLED": CallCancelled,
}
"""The events of calls that were not answered, by the last status of the call."""


def progress(before: Row, after: Row, about: dict[str, Any], call: Any) -> Iterator[Happened]:
    """Yield that a call has begun to ring or has been answered, if the change of a row says so.

    about: the parties of the call and its product, as ``CallEvent`` has them.
    call: the call on the row as it is after the change, with ``started_at`` and ``accepted_at``.
    """
    then, now = ring.on_image(before), ring.on_image(after)
    about = about | {
        "call_id": call.id,
        "call_type": call.type,
        "started_at": times.iso(call.started_at),
    }
    if then.id != now.id:
        yield Happened(CallRinging(**about), call.started_at)
    if now.status == ring.ACCEPTED and then != now:
        accepted_at = times.iso(call.accepted_at)
        yield Happened(CallAnswered(**about, accepted_at=accepted_at), call.accepted_at)


def over(record: CallRecord, *, paid_off: str = "") -> Happened:
    """Return how a call has ended, from its record.

    paid_off: the ``trigger`` of calls whose coins were used up.
    """
    about: dict[str, Any] = {
        "product": record.product,
        "call_id": record.call_id,
        "call_type": record.call_type,
        "user_id": record.caller_id,
        "telecaller_id": record.callee_id,
        "started_at": times.iso(record.started_at),
        "ended_at": times.iso(record.ended_at),
        "ended_by": record.ender_id,
    }
    unanswered = _UNANSWERED.get(record.status)
    if unanswered:
        return Happened(unanswered(**about), record.ended_at)
    ended = CallEnded(
        **about,
        accepted_at=times.iso(record.accepted_at),
        duration_seconds=int(record.duration_seconds),
        coins=int(record.coins),
        reason="BALANCE" if paid_off and record.trigger == paid_off else None,
    )
    return Happened(ended, record.ended_at)
