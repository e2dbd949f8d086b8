"""How people join and leave channels, and what the backend reports about channels.

Who joins or leaves is announced by ``stream``, in the order in which it was written.
"""

from __future__ import annotations

from functions.chat import channel_list, channel_rows, channel_store, presence
from functions.chat.channel_rows import Channel, Participant
from functions.chat.channel_store import Leaving
from functions.chat.events import ChannelId, ChannelUpserted, UserJoined, UserLeft
from functions.chat.namespaces import CHAT
from functions.chat.product import ACCESS, ROOM_FIELD, arrived_at, chat, expires_at, on, to_channel
from shared import times
from shared.aws.log import logger
from shared.errors import Duplicate, Refusal
from shared.ids import compose
from shared.pipeline.backend_events import digest
from shared.pipeline.context import Arrival, Background, Context
from shared.pipeline.deployment import Access
from shared.pipeline.returning import Seat
from shared.realtime import connections, recovery, rooms, session_store
from shared.realtime.address import Address
from shared.realtime.connections import Connection
from shared.realtime.sessions import Session

LEAVE, DISCONNECT = "leave", "disconnect"

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
        channel_rows.room_of(event.channel_id),
        channel_rows.CHANNEL_ITEM,
        name=event.name,
        description=event.description,
        private=event.private,
        members=set(event.members) or None,
        changed_at=happened_at_ms,
        report=digest(event, str(happened_at_ms)),
    )
    if not channel_store.save_channel(channel):
        return
    channel_list.add(channel, event.channel_id)
    if not channel.private:
        return
    for participant in channel_rows.participants(channel.topic):
        if not channel.lets_in(participant.person_id):
            _remove_tabs(background, participant, event)


def _remove_tabs(background: Background, participant: Participant, event: ChannelUpserted) -> None:
    """Let all tabs of a person leave the channel. Idempotent."""
    for member in participant.tabs or ():
        address = Address.of_member(CHAT.path, member)
        session = connections.session_at(address)
        if session is not None:  # otherwise the departure of the connection takes care of the rest
            leaving = Leaving(participant.topic, event.channel_id, LEAVE)
            _leave(background, address, session, leaving)


@on(
    "join_channel",
    ChannelId,
    permission=ACCESS,
    refusals=[channel_rows.UNKNOWN_CHANNEL],
    access=Access({"rooms": "UpdateItem"}),
)
def join_channel(context: Context, channel_id: ChannelId) -> None:
    """Join a channel with this tab. The payload is the channel's id; joining twice is no error.
    A private channel is answered to those who are no members as if it did not exist.
    If it is the user's first tab in the channel, the channel's other users receive
    ``user_joined``."""
    session, arrival = context.session, context.arrival
    event = UserJoined(
        session.person_id, session.name, session.role, channel_id, arrived_at(context)
    )
    room = channel_rows.room_of(channel_id)
    if channel_rows.comes_back(context, room):
        return
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
    room = channel_rows.room_of(channel_id)
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
        if room.startswith(channel_rows.ROOM):
            channel_id = room.removeprefix(channel_rows.ROOM)
            leaving = Leaving(room, channel_id, DISCONNECT, departing=True, kept_until=until)
            for address in recovery.addresses(connection, session):
                _leave(background, address, session, leaving)
            if until is None:
                session_store.forget_room(connection.connection_id, room)


@chat.on_return(
    CHAT.path,
    rooms=channel_rows.ROOM,
    allowed=lambda session, room: channel_rows.lets_in(room, session.person_id),
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
    channel_id = channel_rows.channel_id_of(seat.form) if seat.form else seat.room
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
    try:
        channel_store.join(
            address,
            session.person_id,
            channel_id,
            arrival=asked,
            expires_at=int(connection.expires_at),
            joined=joined,
        )
    except Duplicate:
        return  # the client is gone again, and its place waits for its next connection
    except Refusal:
        logger.info("not in the channel any more", extra={"room": seat.entry})
    for former in recovery.addresses(connection, session)[1:]:
        leaving = Leaving(seat.entry, channel_id, DISCONNECT, departing=True)
        _leave(background, former, session, leaving)
        rooms.remove(rooms.key(CHAT.path, seat.entry), former.connection_id)


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
    channel_store.leave(address, person_id, leaving, left)
