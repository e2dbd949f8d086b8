"""The payloads of the events of WebRTC calls, in ``/``."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import msgspec

from shared.ids import Id
from shared.pipeline.payloads import Answer, Inbound, Outbound, one_of

CallType = Literal["audio", "video"]
SentCallType = Annotated[str, one_of(*get_args(CallType))]


class Invite(Inbound, frozen=True):
    """A call to another user.

    ``targetUserId``: the user to call.
    ``callType``: ``audio`` or ``video``.
    ``offer``: the caller's WebRTC offer; it is passed on unchanged.
    """

    target_user_id: Id
    call_type: CallType
    offer: Any


class Accept(Inbound, frozen=True):
    """The call to accept.

    ``answer``: the callee's WebRTC answer; it is passed on unchanged.
    ``targetUserId``: the other party; it may be absent.
    """

    call_id: Id
    answer: Any
    target_user_id: Id | None = None


class CallRef(Inbound, frozen=True):
    """The call to reject or to end.

    ``targetUserId``: the other party; it may be absent.
    """

    call_id: Id
    target_user_id: Id | None = None


class Candidate(Inbound, frozen=True):
    """A WebRTC ICE candidate for the other party of a call.

    ``candidate``: it is passed on unchanged.
    """

    target_user_id: Id
    candidate: Any


class Invited(Answer, frozen=True):
    """The call that has begun to ring."""

    call_id: str


class Incoming(Outbound, frozen=True):
    """A call to the user that rings.

    ``from``, ``fromName``: the id and the display name of the caller.
    ``callType``: ``audio`` or ``video``.
    ``offer``: the caller's WebRTC offer, unchanged.
    """

    event = "call:incoming"
    kept = False
    call_id: str
    from_: str = msgspec.field(name="from")
    from_name: str
    call_type: SentCallType
    offer: Any


class Accepted(Outbound, frozen=True):
    """The caller's call, which the callee has accepted.

    ``answer``: the callee's WebRTC answer, unchanged.
    """

    event = "call:accepted"
    call_id: str
    answer: Any


class Rejected(Outbound, frozen=True):
    """The caller's call, which the callee has rejected."""

    event = "call:rejected"
    call_id: str


class Ended(Outbound, frozen=True):
    """A call that is over for this tab: stop ringing, or hang up."""

    event = "call:ended"
    call_id: str


class CandidateReceived(Outbound, frozen=True):
    """A WebRTC ICE candidate of the other party of a call.

    ``from``: the id of the other party.
    ``candidate``: as the other party sent it.
    """

    event = "call:ice_candidate"
    from_: str = msgspec.field(name="from")
    candidate: Any


SENT = (Incoming, Accepted, Rejected, Ended, CandidateReceived)
"""What clients of ``/`` receive about calls, besides errors."""
