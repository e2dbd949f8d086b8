"""What clients send to the channels that they have joined, and notices to all users.

Who has read is announced by ``stream``, in the order in which it was written.
"""

from __future__ import annotations

from functools import partial

import msgspec

from functions.chat import (
    access,
    bus,
    calls,
    channel_rows,
    channel_store,
    channels,
    counts,
    history,
    presence,
    routes,
    running,
)
from functions.chat.events import (
    BroadcastReceived,
    ChannelId,
    ChannelUpdate,
    ChannelUpdated,
    FileNotification,
    FileUploaded,
    MessageRead,
    ReadReceipt,
    SendMessage,
    SystemBroadcast,
    Typing,
    UserTyping,
)
from functions.chat.history import Message
from functions.chat.namespaces import CHAT
from functions.chat.product import (
    ACCESS,
    BROADCAST,
    BROADCAST_ERROR,
    MANAGE,
    SEND,
    arrived_at,
    chat,
    on,
    to_channel,
)
from shared.aws import event_order
from shared.aws.event_order import Frame
from shared.aws.metrics import Metric, count
from shared.aws.parallel import both
from shared.errors import Duplicate, Refusal
from shared.ids import compose
from shared.pipeline.context import Background, Context, Decided
from shared.pipeline.deployment import BROADCASTS, Access
from shared.ports import Broadcast
from shared.protocol import json

__all__ = ["access", "bus", "calls", "channels", "chat", "counts", "presence", "routes", "running"]

MESSAGE_NOT_FOUND = "Message not found"
TYPING_KEPT_SECONDS = 3_600
TYPING_POSTPONED = "chat.typing"
"""The name of the hook for a typing event that has to wait."""


@on(
    "chat:send_message",
    SendMessage,
    permission=SEND,
    refusals=[channel_rows.NOT_JOINED, MESSAGE_NOT_FOUND],
    preload=lambda request: _has_message(request.channel_id, request.reply_to_id),
)
def send_message(context: Context, request: SendMessage) -> Decided[None]:
    """Send a message to a channel that the user has joined with any tab. Everyone in the channel,
    the sender's own tabs too, receives ``chat:new_message``. The message is stored."""
    session, now = context.session, context.arrival.ms
    room = channel_rows.room_of(request.channel_id)
    channel_rows.require_participant(context, room)
    reply_to = request.reply_to_id
    if not context.preloaded:
        raise Refusal(MESSAGE_NOT_FOUND)
    message = Message(
        room,
        context.arrival.id,
        form=json.dumps(request.channel_id),
        user_id=session.person_id,
        user_name=session.name,
        text=request.message,
        type=request.message_type,
        reply_to=reply_to,
        thread=None if reply_to is None else history.thread_of(room, reply_to),
        sent_at=now,
    )
    if not message.create():
        raise Duplicate
    count(Metric.MESSAGES_SENT)
    return Decided(None, lambda: context.ports.tasks.broadcast(history.delivery_of(message)))


def _has_message(channel_id: ChannelId, message_id: str | None) -> bool:
    """Return whether a channel has the message that a request names, if it names one."""
    return message_id is None or history.has_message(channel_rows.room_of(channel_id), message_id)


@on(
    "message_read",
    MessageRead,
    permission=ACCESS,
    refusals=[channel_rows.NOT_JOINED, MESSAGE_NOT_FOUND],
    preload=lambda request: _has_message(request.channel_id, request.message_id),
)
def message_read(context: Context, request: MessageRead) -> None:
    """Mark a message and all older ones as read, or the whole channel. If the user had not read as
    far before, the channel's other users receive ``message_read_receipt``."""
    session, message_id = context.session, request.message_id
    room = channel_rows.room_of(request.channel_id)
    participant = channel_rows.require_participant(context, room)
    if not context.preloaded:
        raise Refusal(MESSAGE_NOT_FOUND)
    event = ReadReceipt(
        session.person_id, session.name, request.channel_id, message_id, arrived_at(context)
    )
    receipt = to_channel(context, room, event, others_only=True)
    channel_store.mark_read(participant, message_id or context.arrival.id, receipt)


class TypingChange(msgspec.Struct, frozen=True):
    """That a person is typing in a channel, or has stopped."""

    event: UserTyping
    room: str
    frame: Frame

    @property
    def key(self) -> str:
        """What the frame is ordered by, and what the broadcasts are."""
        return compose("typing", CHAT.path, self.event.user_id, self.room)

    @property
    def broadcast(self) -> Broadcast:
        """The broadcast of the event."""
        return self.event.to_room(
            CHAT.path,
            self.room,
            group=self.key,
            skip_person=self.event.user_id,
            once=self.frame.id,
        )


@on("chat:typing", Typing, permission=ACCESS, refusals=[channel_rows.NOT_JOINED])
def typing(context: Context, request: Typing) -> None:
    """Show that the user is typing in a channel, or has stopped. The channel's other users receive
    ``chat:user_typing``, once a second at most, and the last state always."""
    session, room = context.session, channel_rows.room_of(request.channel_id)
    change = TypingChange(
        UserTyping(session.person_id, session.name, request.is_typing),
        room,
        Frame(context.arrival.id, context.arrival.ms, context.now_ms // 1000 + TYPING_KEPT_SECONDS),
    )
    # A frame that a newer one has overtaken sends nothing. Order and pace have a row of their own,
    # because the stream carries every change of a participant.
    _, now = both(
        lambda: channel_rows.require_participant(context, room),
        lambda: event_order.claim_paced(change.key, change.frame),
    )
    if now:
        context.ports.tasks.broadcast(change.broadcast)
    else:
        postpone = partial(context.ports.tasks.postpone, TYPING_POSTPONED, change)
        event_order.postpone_claim(change.key, change.frame, postpone)


@chat.on_later(
    TYPING_POSTPONED,
    payload=TypingChange,
    access=BROADCASTS | Access({"limits": "UpdateItem"}),
)
def show_postponed_typing(background: Background, change: TypingChange) -> None:
    """Send what came too soon after another frame, unless a newer one has come. Idempotent."""
    if event_order.claim_postponed(change.key, change.frame, background.now_ms):
        background.ports.tasks.broadcast(change.broadcast)


@on("file_uploaded", FileUploaded, permission=SEND, refusals=[channel_rows.NOT_JOINED])
def file_uploaded(context: Context, request: FileUploaded) -> None:
    """Announce an uploaded file to a channel that the user has joined. Everyone in the channel, the
    sender's own tabs too, receives ``file_upload_notification``."""
    session, room = context.session, channel_rows.room_of(request.channel_id)
    channel_rows.require_participant(context, room)
    event = FileNotification(
        message_id=request.message_id,
        channel_id=request.channel_id,
        uploaded_by=session.person_id,
        uploader_name=session.name,
        file_name=request.file_name,
        file_size=request.file_size,
        file_type=request.file_type,
        uploaded_at=arrived_at(context),
    )
    context.ports.tasks.broadcast(to_channel(context, room, event))


@on("channel_updated", ChannelUpdate, permission=MANAGE, refusals=[channel_rows.NOT_JOINED])
def channel_updated(context: Context, request: ChannelUpdate) -> None:
    """Announce changes of a channel that the user has joined. Everyone in the channel, the sender's
    own tabs too, receives ``channel_updated``. The channel itself stays as it is: the team's
    backend changes it."""
    session, room = context.session, channel_rows.room_of(request.channel_id)
    channel_rows.require_participant(context, room)
    event = ChannelUpdated(
        request.channel_id,
        request.changes,
        session.person_id,
        session.name,
        arrived_at(context),
    )
    context.ports.tasks.broadcast(to_channel(context, room, event))


@on("system_broadcast", SystemBroadcast, permission=BROADCAST, error_event=BROADCAST_ERROR)
def system_broadcast(context: Context, request: SystemBroadcast) -> None:
    """Send a notice to all users. Every authenticated user, the sender too, receives
    ``system_broadcast_received``."""
    event = BroadcastReceived(
        message=request.message,
        priority=request.priority,
        from_=context.session.name,
        broadcast_at=arrived_at(context),
        broadcast_id=context.arrival.id,
    )
    context.ports.tasks.broadcast(
        event.to_everybody(CHAT.path, group="system", once=context.arrival.id)
    )
