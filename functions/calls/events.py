"""The events of calls in ``/user`` and ``/telecaller``."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec

from functions.calls.livekit import Credentials
from shared.ids import Id
from shared.pipeline.payloads import Answer, Error, Inbound, Outbound, one_of

CallType = Literal["AUDIO", "VIDEO"]
SentCallType = Annotated[str, one_of(*get_args(CallType))]

INVALID_REQUEST = "Invalid call request"
"""The text for a request that does not name a call or a telecaller."""


class Initiate(Inbound, frozen=True):
    """A call to a telecaller.

    ``telecallerId``: the telecaller's account id.
    ``callType``: ``AUDIO`` or ``VIDEO``.
    """

    telecaller_id: Id
    call_type: CallType


class CallRef(Inbound, frozen=True):
    """The call to accept, reject, cancel or end.

    ``callId``: 24 hex digits.
    """

    call_id: Id


class Initiated(Answer, frozen=True):
    """The call that has begun to ring.

    ``callId``: 24 hex digits.
    """

    call_id: str


class Party(msgspec.Struct, frozen=True):
    """The other person of a call.

    ``_id``: their account id.
    ``profile``: from their account, or null.
    """

    id: str = msgspec.field(name="_id")
    name: str
    profile: str | None


class CallError(Error, frozen=True):
    """Why an event about a call was refused.

    ``message``: a text to show.
    """

    event = "call:error"


class Ringing(Outbound, frozen=True):
    """The user's call, which rings at the telecaller."""

    event = "call:ringing"
    call_id: str
    telecaller: Party


class Incoming(Outbound, frozen=True):
    """A call to the telecaller that rings.

    ``callType``: ``AUDIO`` or ``VIDEO``.
    ``caller``: the user who calls.
    """

    event = "call:incoming"
    kept = False
    call_id: str
    call_type: SentCallType
    caller: Party


class AcceptedByTelecaller(Outbound, frozen=True):
    """The user's call, which the telecaller has accepted.

    ``livekit``: what the user's client needs to join the LiveKit room.
    """

    event = "call:accepted"
    call_id: str
    livekit: Credentials


class Accepted(Outbound, frozen=True):
    """The call that this device of the telecaller has accepted.

    ``callType``: ``AUDIO`` or ``VIDEO``.
    ``livekit``: what the telecaller's client needs to join the LiveKit room.
    """

    event = "call:accepted"
    call_id: str
    call_type: SentCallType
    caller: Party
    livekit: Credentials


class Rejected(Outbound, frozen=True):
    """The user's call, which the telecaller has rejected."""

    event = "call:rejected"
    call_id: str


class Cancelled(Outbound, frozen=True):
    """A call that no longer rings at this device: it was cancelled, or another device of the
    telecaller has accepted or rejected it."""

    event = "call:cancelled"
    call_id: str


class Missed(Outbound, frozen=True):
    """A call that was not answered in time, or not before the other person's last connection
    closed."""

    event = "call:missed"
    call_id: str


class Ended(Outbound, frozen=True, omit_defaults=True):
    """An accepted call that has ended, or a call that the user has cancelled on another device.

    ``reason``: only if the call was prepaid and the user has no coins left for it.
    """

    event = "call:ended"
    call_id: str
    reason: Literal["BALANCE"] | msgspec.UnsetType = msgspec.UNSET


class BalanceLow(Outbound, frozen=True):
    """A prepaid call that ends soon, unless the user buys coins.

    ``secondsLeft``: the seconds until then.
    """

    event = "call:balance-low"
    call_id: str
    seconds_left: int
