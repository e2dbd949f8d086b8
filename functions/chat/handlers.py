"""What clients do in channels, and what the backend reports about channels.

Who joins, leaves or has read is announced by ``stream``, in the order in which it was written.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import NamedTuple

from functions.chat import (
    access,
    calls,
    channel_list,
    channel_store,
    counts,
    history,
    presence,
    routes,
    running,
)
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
    to_channel,
)
from shared import times
from shared.aws import event_order
from shared.aws.metrics import Metric, count
from shared.errors import Duplicate, Refusal
from shared.ids import compose
from shared.pipeline.context import Arrival, Background, Context
from shared.pipeline.deployment import Access
from shared.pipeline.returning import Seat
from shared.protocol import json
from shared.realtime import connections, recovery, rooms, session_store
from shared.realtime.address import Address
from shared.realtime.connections import Connection
from shared.realtime.sessions import Session

__all__ = ["access", "calls", "chat", "counts", "presence", "routes", "running"]

MESSAGE_NOT_FOUND = "Message not found"
LEAVE, DISCONNECT = "leave", "disconnect"
TYPING_KEPT_SECONDS = 3_600

_PUT_OUT = Access(
    {"chat": "GetItem UpdateItem", "connections": "UpdateItem", "rooms": "DeleteItem"}
)


@chat.on_backend(
    "channel.upserted",
    payload=ChannelUpserted,
    access=_PUT_OUT | Access({"chat": "DeleteItem PutItem Query", "connections": "GetItem"}),
)
def channel_upserted(background: Background, event: ChannelUpserted, happened_at_ms: int) -> None:
    """Create or change a channel. Users who are in a channel that is now private, and are not
    members, leave it: its other users receive ``user_left``. An older report than the last one
    changes nothing."""
    channel = Channel(
        channel_store.room_of(event.channel_id),
        channel_store.CHANNEL_ITEM,
        name=event.name,
        description=event.description,
        private=event.private,
        members=set(event.members) or None,
        changed_at=happened_at_ms,
        report=_digest(event, happened_at_ms),
    )
    if not channel_store.save_channel(channel):
        return
    channel_list.add(channel, event.channel_id)
    if not channel.private:
        return
    for participant in channel_store.participants(channel.topic):
        if not channel.lets_in(participant.person_id):
            _remove_tabs(background, participant, event)


def _digest(event: ChannelUpserted, happened_at_ms: int) -> str:
    """Return what identifies a report, however often it is delivered."""
    text = f"{happened_at_ms} {json.dumps(event)}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _remove_tabs(background: Background, participant: Participant, event: ChannelUpserted) -> None:
    """Let all tabs of a person leave the channel. Idempotent."""
    for member in participant.tabs or ():
        address = Address.of_member(CHAT.path, member)
        session = _session_of(address)
        if session is not None:
            leaving = Leaving(participant.topic, event.channel_id, LEAVE)
            _leave(background, address, session, leaving)


def _session_of(address: Address) -> Session | None:
    """Return the session in chat of a connection.

    Returns None if the connection is gone: its departure takes care of the rest.
    """
    connection = connections.get(address.connection_id)
    return connection.session(CHAT.path) if connection else None


@on(
    "join_channel",
    ChannelId,
    permission=ACCESS,
    refusals=[channel_store.UNKNOWN_CHANNEL],
)
def join_channel(context: Context, channel_id: ChannelId) -> None:
    """Join a channel with this tab. The payload is the channel's id; joining twice is no error.
    A private channel is answered to those who are no members as if it did not exist.
    If it is the user's first tab in the channel, the channel's other users receive
    ``user_joined``."""
    session, arrival = context.session, context.arrival
    event = UserJoined(
        session.person_id, session.name, session.role, channel_id, _arrived_at(context)
    )
    room = channel_store.room_of(channel_id)
    if session.restoring and room in (context.connection.rooms or ()):
        return  # the tab is moved from its former connection
    channel_store.join(
        context.address,
        session.person_id,
        channel_id,
        arrival=arrival,
        expires_at=expires_at(context.now_ms),
        joined=to_channel(context, room, event, others_only=True, by_ms=arrival.ms),
    )


@on("leave_channel", ChannelId, permission=ACCESS)
def leave_channel(context: Context, channel_id: ChannelId) -> None:
    """Leave a channel with this tab. The payload is the channel's id; leaving a channel that is not
    joined is no error. If it was the user's last tab in the channel, the channel's other users
    receive ``user_left``."""
    room = channel_store.room_of(channel_id)
    _leave(
        context,
        context.address,
        context.session,
        Leaving(room, channel_id, LEAVE, context.arrival.ms),
    )


@chat.on_leave(CHAT.path, access=_PUT_OUT)
def leave_all_channels(background: Background, connection: Connection, session: Session) -> None:
    """Let a connection that has ended leave every channel. Idempotent.

    A channel is removed from the connection's row only after everything about it is done.
    """
    until = recovery.kept_until(connection, session)
    for room in sorted(connection.rooms or ()):
        if room.startswith(channel_store.ROOM):
            channel_id = room.removeprefix(channel_store.ROOM)
            leaving = Leaving(room, channel_id, DISCONNECT, departing=True, kept_until=until)
            for address in recovery.addresses(connection, session):
                _leave(background, address, session, leaving)
            if until is None:
                session_store.forget_room(connection.connection_id, room)


@chat.on_return(
    CHAT.path,
    rooms=channel_store.ROOM,
    allowed=lambda session, room: channel_store.lets_in(room, session.person_id),
    arrived=lambda background, session: presence.record_arrival(
        background, session.person_id, session.name
    ),
    access=_PUT_OUT | Access({"chat": "ConditionCheckItem PutItem", "rooms": "PutItem UpdateItem"}),
)
def join_channel_again(
    background: Background, connection: Connection, session: Session, seat: Seat
) -> None:
    """Move a tab that has come back to its new connection, in a channel. The other users receive
    nothing, unless they have been told that the user has left. A tab that may not be there any more
    leaves the channel."""
    address = connection.address(session)
    channel_id = channel_store.channel_id_of(seat.form) if seat.form else seat.room
    asked = Arrival(connection.connection_id, session.sid, seat.joined_ms)
    event = UserJoined(
        session.person_id, session.name, session.role, channel_id, times.iso(background.now_ms)
    )
    joined = event.to_room(
        CHAT.path,
        seat.entry,
        group=seat.entry,
        skip_person=session.person_id,
        once=compose(address.connection_id, seat.entry),
        own_form=ROOM_FIELD,
    )
    with suppress(Refusal, Duplicate):
        channel_store.join(
            address,
            session.person_id,
            channel_id,
            arrival=asked,
            expires_at=int(connection.expires_at),
            joined=joined,
        )
    for former in recovery.addresses(connection, session)[1:]:
        leaving = Leaving(seat.entry, channel_id, DISCONNECT, departing=True)
        _leave(background, former, session, leaving)
        rooms.remove(rooms.key(CHAT.path, seat.entry), former.connection_id)


class Leaving(NamedTuple):
    """A tab that leaves a channel.

    channel_id: the channel's id in the form that the other people receive by default.
    reason: ``leave`` or ``disconnect``.
    asked_ms, departing, kept_until: see ``channel_store.leave``.
    """

    room: str
    channel_id: ChannelId
    reason: str
    asked_ms: int | None = None
    departing: bool = False
    kept_until: int | None = None


def _leave(background: Background, address: Address, session: Session, leaving: Leaving) -> None:
    """Leave a channel. It is announced if it was the person's last tab there. Idempotent."""
    person_id, room, now_ms = session.person_id, leaving.room, background.now_ms
    event = UserLeft(person_id, session.name, leaving.channel_id, times.iso(now_ms), leaving.reason)
    left = event.to_room(
        CHAT.path,
        room,
        group=room,
        skip_person=person_id,
        once=compose(address.connection_id, str(now_ms)),
        own_form=ROOM_FIELD,
    )
    channel_store.leave(
        address,
        person_id,
        room,
        left=left,
        asked_ms=leaving.asked_ms,
        departing=leaving.departing,
        kept_until=leaving.kept_until,
    )


@on(
    "chat:send_message",
    SendMessage,
    permission=SEND,
    refusals=[channel_store.NOT_JOINED, MESSAGE_NOT_FOUND],
)
def send_message(context: Context, request: SendMessage) -> None:
    """Send a message to a channel that the user has joined with any tab. Everyone in the channel,
    the sender's own tabs too, receives ``chat:new_message``. The message is stored."""
    session, now = context.session, context.arrival.ms
    room = channel_store.room_of(request.channel_id)
    channel_store.require_participant(room, session.person_id)
    reply_to = request.reply_to_id
    if reply_to is not None and not channel_store.has_message(room, reply_to):
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
        thread=None if reply_to is None else channel_store.thread_of(room, reply_to),
        sent_at=now,
    )
    if not message.create():
        raise Duplicate
    context.ports.tasks.broadcast(history.delivery_of(message))
    count(Metric.MESSAGES_SENT)


@on(
    "message_read",
    MessageRead,
    permission=ACCESS,
    refusals=[channel_store.NOT_JOINED, MESSAGE_NOT_FOUND],
)
def message_read(context: Context, request: MessageRead) -> None:
    """Mark a message and all older ones as read, or the whole channel. If the user had not read as
    far before, the channel's other users receive ``message_read_receipt``."""
    session, message_id = context.session, request.message_id
    room = channel_store.room_of(request.channel_id)
    participant = channel_store.require_participant(room, session.person_id)
    if message_id is not None and not channel_store.has_message(room, message_id):
        raise Refusal(MESSAGE_NOT_FOUND)
    event = ReadReceipt(
        session.person_id, session.name, request.channel_id, message_id, _arrived_at(context)
    )
    receipt = to_channel(context, room, event, others_only=True)
    channel_store.mark_read(participant, message_id or context.arrival.id, receipt)


@on("chat:typing", Typing, permission=ACCESS, refusals=[channel_store.NOT_JOINED])
def typing(context: Context, request: Typing) -> None:
    """Show that the user is typing in a channel, or has stopped. The channel's other users receive
    ``chat:user_typing``."""
    session, room = context.session, channel_store.room_of(request.channel_id)
    channel_store.require_participant(room, session.person_id)
    group = compose("typing", CHAT.path, session.person_id, room)
    arrival = context.arrival
    # A frame that a newer one has overtaken sends nothing. Order and pace have a row of their own,
    # because the stream carries every change of a participant.
    if event_order.claim_paced(
        group, arrival.ms, arrival.id, now_ms=context.now_ms, kept_seconds=TYPING_KEPT_SECONDS
    ):
        event = UserTyping(session.person_id, session.name, request.is_typing)
        context.ports.tasks.broadcast(
            event.to_room(
                CHAT.path, room, group=group, skip_person=session.person_id, once=arrival.id
            )
        )


@on("file_uploaded", FileUploaded, permission=SEND, refusals=[channel_store.NOT_JOINED])
def file_uploaded(context: Context, request: FileUploaded) -> None:
    """Announce an uploaded file to a channel that the user has joined. Everyone in the channel, the
    sender's own tabs too, receives ``file_upload_notification``."""
    session, room = context.session, channel_store.room_of(request.channel_id)
    channel_store.require_participant(room, session.person_id)
    event = FileNotification(
        message_id=request.message_id,
        channel_id=request.channel_id,
        uploaded_by=session.person_id,
        uploader_name=session.name,
        file_name=request.file_name,
        file_size=request.file_size,
        file_type=request.file_type,
        uploaded_at=_arrived_at(context),
    )
    context.ports.tasks.broadcast(to_channel(context, room, event))


@on("channel_updated", ChannelUpdate, permission=MANAGE, refusals=[channel_store.NOT_JOINED])
def channel_updated(context: Context, request: ChannelUpdate) -> None:
    """Announce changes of a channel that the user has joined. Everyone in the channel, the sender's
    own tabs too, receives ``channel_updated``. The channel itself stays as it is: the team's
    backend changes it."""
    session, room = context.session, channel_store.room_of(request.channel_id)
    channel_store.require_participant(room, session.person_id)
    event = ChannelUpdated(
        request.channel_id,
        request.changes,
        session.person_id,
        session.name,
        _arrived_at(context),
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
        broadcast_at=_arrived_at(context),
        broadcast_id=context.arrival.id,
    )
    context.ports.tasks.broadcast(
        event.to_everybody(CHAT.path, group="system", once=context.arrival.id)
    )


def _arrived_at(context: Context) -> str:
    """Return when the frame arrived, ISO 8601."""
    return times.iso(context.arrival.ms)
