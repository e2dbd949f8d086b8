"""What happens in channels."""

from __future__ import annotations

from typing import NamedTuple

from functions.chat import access, calls, channel_store, history, presence
from functions.chat.channel_store import Channel, Message, Participant
from functions.chat.events import (
    BroadcastReceived,
    ChannelId,
    ChannelUpdate,
    ChannelUpdated,
    ChannelUpserted,
    FileNotification,
    FileUploaded,
    MessageRead,
    ReadReceipt,
    SendMessage,
    SystemBroadcast,
    Typing,
    UserJoined,
    UserLeft,
    UserTyping,
)
from functions.chat.namespaces import CHAT
from functions.chat.product import (
    ACCESS,
    BROADCAST,
    BROADCAST_ERROR,
    MANAGE,
    ROOM_FIELD,
    SEND,
    chat,
    expires_at,
    on,
    tell_channel,
)
from shared import times
from shared.aws.metrics import Metric, count
from shared.errors import Duplicate, Refusal
from shared.pipeline.context import Background, Context
from shared.pipeline.deployment import Access
from shared.protocol import json
from shared.realtime import connections
from shared.realtime.address import Address
from shared.realtime.connections import Connection, Session

__all__ = ["access", "calls", "chat", "presence"]

MESSAGE_UNKNOWN = "Message not found"
LEAVE, DISCONNECT = "leave", "disconnect"


_PUT_OUT = Access(
    {"chat": "GetItem UpdateItem", "connections": "UpdateItem", "rooms": "DeleteItem"},
    may="send-broadcast",
)


@chat.on_backend(
    "channel.upserted",
    payload=ChannelUpserted,
    access=_PUT_OUT | Access({"chat": "PutItem Query", "connections": "GetItem"}),
)
def channel_upserted(background: Background, told: ChannelUpserted, happened_at_ms: int) -> None:
    """Whoever is in a channel that they may not see any more is put out."""
    channel = Channel(
        channel_store.room_of(told.channel_id),
        channel_store.ABOUT,
        name=told.name,
        description=told.description,
        private=told.private,
        members=set(told.members) or None,
        changed_at=happened_at_ms,
    )
    if not channel_store.save_channel(channel) or not channel.private:
        return
    for there in channel_store.participants(channel.topic):
        if not channel.lets_in(there.person_id):
            _put_out(background, there, told)


def _put_out(background: Background, there: Participant, told: ChannelUpserted) -> None:
    for member in there.tabs or ():
        address = Address.of_member(CHAT.path, member)
        session = _session_of(address)
        if session is not None:
            _leave(background, address, session, Leaving(there.topic, told.channel_id, LEAVE))


def _session_of(address: Address) -> Session | None:
    """None where it is gone: its departure takes care of the rest."""
    connection = connections.get(address.connection_id)
    return connection.session(CHAT.path) if connection else None


@on("join_channel", ChannelId, permission=ACCESS)
def join_channel(context: Context, channel_id: ChannelId) -> None:
    """The first tab is announced to the people who are there; joining twice is no error."""
    me, arrival = context.session, context.arrival
    first = channel_store.join(
        context.address,
        me.person_id,
        channel_id,
        arrival=arrival,
        expires_at=expires_at(context.now_ms),
    )
    if first:
        event = UserJoined(me.person_id, me.name, me.role, channel_id, _arrived(context))
        room = channel_store.room_of(channel_id)
        tell_channel(context, room, event, others_only=True, by_ms=arrival.ms)


@on("leave_channel", ChannelId, permission=ACCESS)
def leave_channel(context: Context, channel_id: ChannelId) -> None:
    """Leaving what was not joined is no error."""
    room = channel_store.room_of(channel_id)
    _leave(
        context,
        context.address,
        context.session,
        Leaving(room, channel_id, LEAVE, context.arrival.ms),
    )


@chat.on_leave(CHAT.path, access=_PUT_OUT)
def tab_gone(background: Background, connection: Connection, session: Session) -> None:
    """A connection leaves every channel it is in; each is forgotten only when all is done."""
    address = connection.address(session.namespace)
    for room in sorted(connection.rooms or ()):
        if room.startswith(channel_store.ROOM):
            leaving = Leaving(
                room, room.removeprefix(channel_store.ROOM), DISCONNECT, departing=True
            )
            _leave(background, address, session, leaving)
            connections.forget_room(connection.connection_id, room)


class Leaving(NamedTuple):
    """``reason`` is the spec's; ``asked_ms`` and ``departing``: see ``channel_store.leave``."""

    room: str
    channel_id: ChannelId
    reason: str
    asked_ms: int | None = None
    departing: bool = False


def _leave(background: Background, address: Address, session: Session, leaving: Leaving) -> None:
    """Leave, and announce it where it was the person's last tab: once, because it is under the
    moment of leaving, which stays the same when this runs again."""
    me, room = session.person_id, leaving.room
    left_at = channel_store.leave(
        address,
        me,
        room,
        now_ms=background.now_ms,
        asked_ms=leaving.asked_ms,
        departing=leaving.departing,
    )
    if left_at is None:
        return
    moment = times.iso(left_at)
    event = UserLeft(me, session.name, leaving.channel_id, moment, leaving.reason)
    background.ports.tasks.broadcast(
        event.to_room(
            CHAT.path,
            room,
            group=room,
            skip_person=me,
            once=f"{address.connection_id}#{left_at}",
            own_form=ROOM_FIELD,
        )
    )


@on("chat:send_message", SendMessage, permission=SEND)
def send_message(context: Context, request: SendMessage) -> None:
    """Stored, then on its way to everybody in the channel, the sender's own tabs too.

    A frame that is delivered twice is one message. It goes to the queue again, which takes it for
    the same: the first time may have ended between the two.
    """
    me, room, now = context.session, channel_store.room_of(request.channel_id), context.arrival.ms
    channel_store.present(room, me.person_id)
    reply_to = request.reply_to_id
    if reply_to is not None and not channel_store.has_message(room, reply_to):
        raise Refusal(MESSAGE_UNKNOWN)
    message = Message(
        room,
        context.arrival.id,
        form=json.dumps(request.channel_id),
        user_id=me.person_id,
        user_name=me.name,
        text=request.message,
        type=request.message_type,
        reply_to=reply_to,
        thread=None if reply_to is None else channel_store.thread_of(room, reply_to),
        sent_at=now,
    )
    is_new = channel_store.save_message(message)
    tell_channel(context, room, history.shown(message))
    if not is_new:
        raise Duplicate
    count(Metric.MESSAGES_SENT)


@on("message_read", MessageRead, permission=ACCESS)
def message_read(context: Context, request: MessageRead) -> None:
    """The others are told when this one has read further than before."""
    me, room, message_id = (
        context.session,
        channel_store.room_of(request.channel_id),
        request.message_id,
    )
    there = channel_store.present(room, me.person_id)
    if message_id is not None and not channel_store.has_message(room, message_id):
        raise Refusal(MESSAGE_UNKNOWN)
    if channel_store.mark_read(there, message_id or context.arrival.id):
        receipt = ReadReceipt(
            me.person_id, me.name, request.channel_id, message_id, _arrived(context)
        )
        tell_channel(context, room, receipt, others_only=True)


@on("chat:typing", Typing, permission=ACCESS)
def typing(context: Context, request: Typing) -> None:
    """A frame that comes late tells nothing."""
    me, room = context.session, channel_store.room_of(request.channel_id)
    if channel_store.mark_typing(channel_store.present(room, me.person_id), context.arrival.ms):
        event = UserTyping(me.person_id, me.name, request.is_typing)
        context.ports.tasks.broadcast(
            event.to_room(
                CHAT.path,
                room,
                group=f"{room}#typing#{me.person_id}",
                skip_person=me.person_id,
                once=context.arrival.id,
            )
        )


@on("file_uploaded", FileUploaded, permission=SEND)
def file_uploaded(context: Context, request: FileUploaded) -> None:
    me, room = context.session, channel_store.room_of(request.channel_id)
    channel_store.present(room, me.person_id)
    event = FileNotification(
        message_id=request.message_id,
        channel_id=request.channel_id,
        uploaded_by=me.person_id,
        uploader_name=me.name,
        file_name=request.file_name,
        file_size=request.file_size,
        file_type=request.file_type,
        uploaded_at=_arrived(context),
    )
    tell_channel(context, room, event)


@on("channel_updated", ChannelUpdate, permission=MANAGE)
def channel_updated(context: Context, request: ChannelUpdate) -> None:
    """Tells of changes; the channel itself is changed by the team's own system."""
    me, room = context.session, channel_store.room_of(request.channel_id)
    channel_store.present(room, me.person_id)
    event = ChannelUpdated(
        request.channel_id, request.changes, me.person_id, me.name, _arrived(context)
    )
    tell_channel(context, room, event)


@on("system_broadcast", SystemBroadcast, permission=BROADCAST, error_event=BROADCAST_ERROR)
def system_broadcast(context: Context, request: SystemBroadcast) -> None:
    """To everybody who has authenticated."""
    event = BroadcastReceived(
        message=request.message,
        priority=request.priority,
        from_=context.session.name,
        broadcast_at=_arrived(context),
        broadcast_id=context.arrival.id,
    )
    context.ports.tasks.broadcast(
        event.to_everybody(CHAT.path, group="system", once=context.arrival.id)
    )


def _arrived(context: Context) -> str:
    return times.iso(context.arrival.ms)
