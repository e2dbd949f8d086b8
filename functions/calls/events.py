"""The events of calls in ``/user`` and ``/telecaller``."""

from __future__ import annotations

from typing import Literal

import msgspec

from shared.ids import Id
from shared.pipeline.payloads import Answer, Error, Inbound, Outbound

CallType = Literal["AUDIO", "VIDEO"]


class Initiate(Inbound, frozen=True):
    """Which telecaller to call, and how."""

    telecaller_id: Id
    call_type: CallType


class CallRef(Inbound, frozen=True):
    """Which call the event is about."""

    call_id: Id


class Initiated(Answer, frozen=True):
    """The id of the call that has been started."""

    call_id: str


class Party(msgspec.Struct, frozen=True):
    """The other person in a call."""

    id: str = msgspec.field(name="_id")
    name: str
    profile: str | None


class Credentials(msgspec.Struct, frozen=True, rename="camel"):
    """What a client needs to join the call's LiveKit room."""

    token: str
    url: str
    room_name: str


class CallError(Error, frozen=True):
    """Why an event of a call was refused."""

    event = "call:error"


class Ringing(Outbound, frozen=True):
    """The call rings on the telecaller's devices."""

    event = "call:ringing"
    call_id: str
    telecaller: Party


class Incoming(Outbound, frozen=True):
    """A user calls."""

    event = "call:incoming"
    call_id: str
    call_type: str
    caller: Party


class AcceptedByTelecaller(Outbound, frozen=True):
    """The telecaller has accepted the call."""

    event = "call:accepted"
    call_id: str
    livekit: Credentials


class Accepted(Outbound, frozen=True):
    """This device has accepted the call. Only this device receives the event."""

    event = "call:accepted"
    call_id: str
    call_type: str
    caller: Party
    livekit: Credentials


class Rejected(Outbound, frozen=True):
    """The telecaller has rejected the call."""

    event = "call:rejected"
    call_id: str


class Cancelled(Outbound, frozen=True):
    """The call no longer rings on this device: it was cancelled, or handled on another device."""

    event = "call:cancelled"
    call_id: str


class Missed(Outbound, frozen=True):
    """The call was not answered, or one of its persons left while it rang."""

    event = "call:missed"
    call_id: str


class Ended(Outbound, frozen=True):
    """The call is over."""

    event = "call:ended"
    call_id: str
