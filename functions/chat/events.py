"""The events of the chat namespace, ``/``.

All times are ISO 8601 in UTC, with milliseconds. ``Inbound`` payloads come from clients, except for
``ChannelUpserted``, which comes from a team's backend.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import msgspec

from shared.ids import Id
from shared.pipeline.payloads import Answer, Inbound, Outbound, one_of

MESSAGE_CHARACTERS = 8_000
"""The longest text of a message, in Unicode code points."""

ChannelId = Id | int | float
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=1_024)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MESSAGE_CHARACTERS)]
Note = Annotated[str, msgspec.Meta(max_length=1_024)]
MessageType = Literal["text", "file", "image", "gif", "ticket_link"]
Status = Literal["online", "away", "busy", "offline"]
Priority = Literal["high", "normal", "low"]
SentType = Annotated[str, one_of(*get_args(MessageType))]
SentStatus = Annotated[str, one_of(*get_args(Status))]


class SendMessage(Inbound, frozen=True):
    """A message to send to a channel.

    ``message``: 1 to 8,000 Unicode code points.
    ``messageType``: ``text`` (the default), ``file``, ``image``, ``gif`` or ``ticket_link``.
    ``replyToId``: the id of the message that this one replies to, or null.
    """

    channel_id: ChannelId
    message: Text
    message_type: MessageType = "text"
    reply_to_id: Id | None = None


class MessageRead(Inbound, frozen=True):
    """How far the user has read a channel.

    ``messageId``: this message and all older ones are read; null means the whole channel.
    """

    channel_id: ChannelId
    message_id: Id | None = None


class Typing(Inbound, frozen=True):
    """Whether the user is typing in a channel.

    ``isTyping``: true when the user begins to type, false when they stop.
    """

    channel_id: ChannelId
    is_typing: bool


class UpdatePresence(Inbound, frozen=True):
    """The user's status and what they say about it.

    ``status``: ``online``, ``away``, ``busy`` or ``offline``.
    ``statusMessage``, ``customStatus``: up to 1,024 characters; null or absent clears the text.
    """

    status: Status
    status_message: Note | None = None
    custom_status: Note | None = None


class FileUploaded(Inbound, frozen=True):
    """A file that the user has uploaded elsewhere.

    ``fileName``, ``fileType``: 1 to 1,024 characters.
    ``fileSize``: bytes, 0 or more.
    ``messageId``: the message that the file belongs to; it is passed on unchanged.
    """

    channel_id: ChannelId
    file_name: Name
    file_size: Annotated[float, msgspec.Meta(ge=0)] | Annotated[int, msgspec.Meta(ge=0)]
    file_type: Name
    message_id: Id | int | None = None


class ChannelUpdate(Inbound, frozen=True):
    """Changes of a channel to announce.

    ``changes``: the new values by field, in any form; they are passed on unchanged.
    """

    channel_id: ChannelId
    changes: dict[str, Any]


class SystemBroadcast(Inbound, frozen=True):
    """A notice for all authenticated users.

    ``message``: 1 to 8,000 Unicode code points.
    ``priority``: ``high``, ``normal`` (the default) or ``low``.
    """

    message: Text
    priority: Priority = "normal"


class ChannelUpserted(Inbound, frozen=True):
    """A channel that a team's backend has created or changed.

    ``private``: true if only ``members`` may join the channel.
    ``members``: the ids of these users; they are ignored unless ``private`` is true.
    """

    channel_id: ChannelId
    name: str
    description: str | None = None
    private: bool = False
    members: tuple[Id, ...] = ()


class OnlineUser(Answer, frozen=True):
    """A user who is connected.

    ``status``: ``online``, ``away``, ``busy`` or ``offline``.
    ``connectionCount``: how many connections (tabs) the user has.
    """

    user_id: str
    status: SentStatus
    connection_count: int


class Authenticated(Outbound, frozen=True):
    """The user as whom the connection is authenticated.

    ``role``: the role in the user's token.
    """

    event = "authenticated"
    user_id: str
    display_name: str
    role: str


class NewMessage(Outbound, frozen=True):
    """A message in a channel that the client has joined.

    ``id``: 24 hex digits; the ids of a channel's messages sort in the order of arrival.
    ``messageType``: ``text``, ``file``, ``image``, ``gif`` or ``ticket_link``.
    ``replyToId``: the id of the message that this one replies to, or null.
    ``timestamp``: when the message arrived, ISO 8601.
    """

    event = "chat:new_message"
    id: str
    channel_id: ChannelId
    user_id: str
    user_display_name: str
    message: str
    message_type: SentType
    reply_to_id: str | None
    timestamp: str


class ReadReceipt(Outbound, frozen=True):
    """How far another user has read a channel.

    ``messageId``: they have read this message and all older ones; null means the whole channel.
    ``readAt``: ISO 8601.
    """

    event = "message_read_receipt"
    user_id: str
    user_display_name: str
    channel_id: ChannelId
    message_id: str | None
    read_at: str


class UserJoined(Outbound, frozen=True):
    """Another user who has joined a channel with their first tab.

    ``userRole``: the role in the user's token.
    ``joinedAt``: ISO 8601.
    """

    event = "user_joined"
    user_id: str
    user_display_name: str
    user_role: str
    channel_id: ChannelId
    joined_at: str


class UserLeft(Outbound, frozen=True):
    """Another user whose last tab has left a channel.

    ``leftAt``: ISO 8601.
    ``reason``: ``leave`` if the user left the channel, ``disconnect`` if the connection ended.
    """

    event = "user_left"
    user_id: str
    user_display_name: str
    channel_id: ChannelId
    left_at: str
    reason: Annotated[str, one_of("leave", "disconnect")]


class UserTyping(Outbound, frozen=True):
    """Whether another user is typing in a channel that the client has joined."""

    event = "chat:user_typing"
    user_id: str
    user_display_name: str
    is_typing: bool


class PresenceUpdated(Outbound, frozen=True):
    """The status of a user, with what they say about it.

    ``status``: ``online``, ``away``, ``busy`` or ``offline``.
    ``statusMessage``, ``customStatus``: texts of the user, or null.
    ``timestamp``: ISO 8601.
    ``reason``: ``disconnect`` if the user's last tab has closed, else ``status_change``.
    """

    event = "presence_updated"
    user_id: str
    user_display_name: str
    status: SentStatus
    status_message: str | None
    custom_status: str | None
    timestamp: str
    reason: Annotated[str, one_of("status_change", "disconnect")]


class PresenceUpdate(Outbound, frozen=True):
    """The status of a user, in short.

    ``status``: ``online``, ``away``, ``busy`` or ``offline``.
    ``connectionCount``: how many connections (tabs) the user has.
    """

    event = "presence:update"
    user_id: str
    status: SentStatus
    connection_count: int


class BroadcastReceived(Outbound, frozen=True):
    """A notice for all authenticated users.

    ``priority``: ``high``, ``normal`` or ``low``.
    ``from``: the sender's display name.
    ``broadcastAt``: ISO 8601.
    """

    event = "system_broadcast_received"
    message: str
    priority: Annotated[str, one_of(*get_args(Priority))]
    from_: str = msgspec.field(name="from")
    broadcast_at: str
    broadcast_id: str


class ChannelUpdated(Outbound, frozen=True):
    """Changes of a channel that the client has joined.

    ``changes``: the new values by field, as the sender gave them.
    ``updatedBy``, ``updaterName``: the id and the display name of the sender.
    ``updatedAt``: ISO 8601.
    """

    event = "channel_updated"
    channel_id: ChannelId
    changes: dict[str, Any]
    updated_by: str
    updater_name: str
    updated_at: str


class FileNotification(Outbound, frozen=True):
    """A file that a user has uploaded to a channel that the client has joined.

    ``messageId``: as the sender gave it, or null.
    ``uploadedBy``, ``uploaderName``: the id and the display name of the sender.
    ``fileSize``: bytes.
    ``uploadedAt``: ISO 8601.
    """

    event = "file_upload_notification"
    message_id: str | int | None
    channel_id: ChannelId
    uploaded_by: str
    uploader_name: str
    file_name: str
    file_size: float
    file_type: str
    uploaded_at: str


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
)
"""What clients of ``/`` receive, beside errors."""
