"""The events of ``/``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from shared.ids import Id
from shared.pipeline.payloads import Answer, Inbound, Outbound

MESSAGE_CHARACTERS = 8_000

ChannelId = Id | int | float
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=1_024)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MESSAGE_CHARACTERS)]
Note = Annotated[str, msgspec.Meta(max_length=1_024)]
MessageType = Literal["text", "file", "image", "gif", "ticket_link"]
Status = Literal["online", "away", "busy", "offline"]
Priority = Literal["high", "normal", "low"]
CallType = Literal["audio", "video"]


class SendMessage(Inbound, frozen=True):
    channel_id: ChannelId
    message: Text
    message_type: MessageType = "text"
    reply_to_id: Id | None = None


class MessageRead(Inbound, frozen=True):
    """``message_id``: this one and all older ones; None for the whole channel."""

    channel_id: ChannelId
    message_id: Id | None = None


class Typing(Inbound, frozen=True):
    channel_id: ChannelId
    is_typing: bool


class UpdatePresence(Inbound, frozen=True):
    status: Status
    status_message: Note | None = None
    custom_status: Note | None = None


class FileUploaded(Inbound, frozen=True):
    """``file_size`` in bytes. ``message_id`` comes back as it was given."""

    channel_id: ChannelId
    file_name: Name
    file_size: Annotated[float, msgspec.Meta(ge=0)] | Annotated[int, msgspec.Meta(ge=0)]
    file_type: Name
    message_id: Id | int | None = None


class ChannelUpdate(Inbound, frozen=True):
    channel_id: ChannelId
    changes: dict[str, Any]


class SystemBroadcast(Inbound, frozen=True):
    message: Text
    priority: Priority = "normal"


class Invite(Inbound, frozen=True):
    target_user_id: Id
    call_type: CallType
    offer: Any


class Accept(Inbound, frozen=True):
    call_id: Id
    answer: Any
    target_user_id: Id | None = None


class CallRef(Inbound, frozen=True):
    call_id: Id
    target_user_id: Id | None = None


class Candidate(Inbound, frozen=True):
    target_user_id: Id
    candidate: Any


class ChannelUpserted(Inbound, frozen=True):
    """What a team's own system tells of a channel. ``members`` count where it is ``private``."""

    channel_id: ChannelId
    name: str
    description: str | None = None
    private: bool = False
    members: tuple[Id, ...] = ()


class Invited(Answer, frozen=True):
    call_id: str


class OnlineUser(Answer, frozen=True):
    user_id: str
    status: str
    connection_count: int


class Authenticated(Outbound, frozen=True):
    event = "authenticated"
    user_id: str
    display_name: str
    role: str


class NewMessage(Outbound, frozen=True):
    event = "chat:new_message"
    id: str
    channel_id: ChannelId
    user_id: str
    user_display_name: str
    message: str
    message_type: str
    reply_to_id: str | None
    timestamp: str


class ReadReceipt(Outbound, frozen=True):
    event = "message_read_receipt"
    user_id: str
    user_display_name: str
    channel_id: ChannelId
    message_id: str | None
    read_at: str


class UserJoined(Outbound, frozen=True):
    event = "user_joined"
    user_id: str
    user_display_name: str
    user_role: str
    channel_id: ChannelId
    joined_at: str


class UserLeft(Outbound, frozen=True):
    """``reason``: ``disconnect`` or ``leave``."""

    event = "user_left"
    user_id: str
    user_display_name: str
    channel_id: ChannelId
    left_at: str
    reason: str


class UserTyping(Outbound, frozen=True):
    event = "chat:user_typing"
    user_id: str
    user_display_name: str
    is_typing: bool


class PresenceUpdated(Outbound, frozen=True):
    """``reason``: ``status_change`` or ``disconnect``."""

    event = "presence_updated"
    user_id: str
    user_display_name: str
    status: str
    status_message: str | None
    custom_status: str | None
    timestamp: str
    reason: str


class PresenceUpdate(Outbound, frozen=True):
    event = "presence:update"
    user_id: str
    status: str
    connection_count: int


class BroadcastReceived(Outbound, frozen=True):
    """``from``: the sender's display name."""

    event = "system_broadcast_received"
    message: str
    priority: str
    from_: str = msgspec.field(name="from")
    broadcast_at: str
    broadcast_id: str


class ChannelUpdated(Outbound, frozen=True):
    event = "channel_updated"
    channel_id: ChannelId
    changes: dict[str, Any]
    updated_by: str
    updater_name: str
    updated_at: str


class FileNotification(Outbound, frozen=True):
    event = "file_upload_notification"
    message_id: str | int | None
    channel_id: ChannelId
    uploaded_by: str
    uploader_name: str
    file_name: str
    file_size: float
    file_type: str
    uploaded_at: str


class Incoming(Outbound, frozen=True):
    event = "call:incoming"
    call_id: str
    from_: str = msgspec.field(name="from")
    from_name: str
    call_type: str
    offer: Any


class Accepted(Outbound, frozen=True):
    event = "call:accepted"
    call_id: str
    answer: Any


class Rejected(Outbound, frozen=True):
    event = "call:rejected"
    call_id: str


class Ended(Outbound, frozen=True):
    event = "call:ended"
    call_id: str


class CandidateReceived(Outbound, frozen=True):
    event = "call:ice_candidate"
    from_: str = msgspec.field(name="from")
    candidate: Any


SENT = (
    Authenticated,
    NewMessage,
    ReadReceipt,
    UserJoined,
    UserLeft,
    UserTyping,
    PresenceUpdated,
    PresenceUpdate,
    BroadcastReceived,
    ChannelUpdated,
    FileNotification,
    Incoming,
    Accepted,
    Rejected,
    Ended,
    CandidateReceived,
)
"""What clients of ``/`` receive, beside errors."""
