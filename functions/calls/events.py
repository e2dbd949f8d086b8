"""The events of ``/user`` and ``/telecaller``."""

from __future__ import annotations

from typing import Literal

import msgspec

from shared.ids import Id
from shared.pipeline.payloads import Answer, Error, Inbound, Outbound

CallType = Literal["AUDIO", "VIDEO"]


class Initiate(Inbound, frozen=True):
    telecaller_id: Id
    call_type: CallType


class CallRef(Inbound, frozen=True):
    """The payload of everything that happens to a call that exists."""

    call_id: Id


class Initiated(Answer, frozen=True):
    call_id: str


class Party(msgspec.Struct, frozen=True):
    """The other side, as far as it is shown."""

    id: str = msgspec.field(name="_id")
    name: str
    profile: str | None


class Credentials(msgspec.Struct, frozen=True, rename="camel"):
    """What a client joins the LiveKit room with."""

    token: str
    url: str
    room_name: str


class CallError(Error, frozen=True):
    event = "call:error"


class Ringing(Outbound, frozen=True):
    event = "call:ringing"
    call_id: str
    telecaller: Party


class Incoming(Outbound, frozen=True):
    event = "call:incoming"
    call_id: str
    call_type: str
    caller: Party


class AcceptedByTelecaller(Outbound, frozen=True):
    """To the user."""

    event = "call:accepted"
    call_id: str
    livekit: Credentials


class Accepted(Outbound, frozen=True):
    """To the telecaller's device that accepted."""

    event = "call:accepted"
    call_id: str
    call_type: str
    caller: Party
    livekit: Credentials


class Rejected(Outbound, frozen=True):
    event = "call:rejected"
    call_id: str


class Cancelled(Outbound, frozen=True):
    event = "call:cancelled"
    call_id: str


class Missed(Outbound, frozen=True):
    event = "call:missed"
    call_id: str


class Ended(Outbound, frozen=True):
    event = "call:ended"
    call_id: str
