"""The tables of chat and the conditional writes on them.

The ``chat`` table has a topic's items beside each other: a channel's document and, one each, the
people who are or were in it; a person's status. Messages have a table of their own, in the order in
which they came.
"""

from __future__ import annotations

from typing import Any

import msgspec
from pynamodb.attributes import (
    BooleanAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from functions.chat.events import ChannelId
from functions.chat.namespaces import CHAT
from shared.aws.parallel import both
from shared.aws.retry import attempts
from shared.aws.tables import Table, TableName, Transaction, TransactionRefused, transact
from shared.errors import Duplicate, Refusal
from shared.pipeline.context import Arrival
from shared.protocol import json
from shared.realtime import connections, rooms
from shared.realtime.address import Address
from shared.realtime.connections import Connection

ROOM = "channel#"
ABOUT = "about"
PERSON = "person#"

UNKNOWN_CHANNEL = "Channel not found"
NOT_A_MEMBER = "You are not a member of this channel"
NOT_JOINED = "Join the channel first"

_ROUNDS = 12
"""A refused write is decided again on the rows as they are then; one person's tabs race at most."""


class Channel(Table):
    """What a team's system says of a channel. ``members`` count where it is ``private``;
    ``changed_at``: when it was so, in epoch milliseconds."""

    class Meta:
        table_name = TableName("chat")

    topic = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    name = UnicodeAttribute()
    description = UnicodeAttribute(null=True)
    private = BooleanAttribute(default=False)
    members = UnicodeSetAttribute(null=True)
    changed_at = NumberAttribute(attr_name="changedAt")

    def lets_in(self, person_id: str) -> bool:
        return not self.private or person_id in (self.members or ())


class Participant(Table):
    """Somebody in a channel. ``tabs``: their connections that have joined it. ``joined_by``: the
    frame with which the first did; ``left_by``: the connection that was the last, ``left_at`` when.
    ``read_up_to``: a message id, they have read it and all before. ``typing_at``: when the frame
    came that last told whether they type. Times are epoch milliseconds."""

    class Meta:
        table_name = TableName("chat")

    topic = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    tabs: Any = UnicodeSetAttribute(null=True)
    joined_by = UnicodeAttribute(attr_name="joinedBy", null=True)
    left_by = UnicodeAttribute(attr_name="leftBy", null=True)
    left_at: Any = NumberAttribute(attr_name="leftAt", null=True)
    read_up_to = UnicodeAttribute(attr_name="readUpTo", null=True)
    typing_at = NumberAttribute(attr_name="typingAt", null=True)

    @property
    def person_id(self) -> str:
        return self.item.removeprefix(PERSON)


class ByThread(GlobalSecondaryIndex["Message"]):
    class Meta:
        index_name = "thread"
        projection = AllProjection()

    thread = UnicodeAttribute(hash_key=True)
    message_id = UnicodeAttribute(range_key=True, attr_name="messageId")


class Message(Table):
    """``message_id`` begins with the arrival, so messages stand in the order in which they came.
    ``form``: the channel's id as the sender wrote it, in JSON. ``thread``: of a reply, the channel
    and the message that it replies to."""

    class Meta:
        table_name = TableName("messages")

    channel = UnicodeAttribute(hash_key=True)
    message_id = UnicodeAttribute(range_key=True, attr_name="messageId")
    form = UnicodeAttribute()
    user_id = UnicodeAttribute(attr_name="userId")
    user_name = UnicodeAttribute(attr_name="userName")
    text = UnicodeAttribute()
    type = UnicodeAttribute()
    reply_to = UnicodeAttribute(attr_name="replyTo", null=True)
    thread = UnicodeAttribute(null=True)
    sent_at = NumberAttribute(attr_name="sentAt")

    by_thread = ByThread()


def room_of(channel_id: ChannelId) -> str:
    """``1``, ``1.0`` and ``"1"`` are the same channel."""
    if isinstance(channel_id, float) and channel_id.is_integer():
        channel_id = int(channel_id)
    return f"{ROOM}{channel_id}"


def _members_of(room: str) -> str:
    """The key under which the connections in a channel are kept."""
    return rooms.key(CHAT.path, room)


def thread_of(room: str, message_id: str) -> str:
    return f"{message_id} {room}"


def save_channel(channel: Channel) -> bool:
    """Whether this is news: an older one loses, the same again does not."""
    condition = Channel.changed_at.does_not_exist() | (Channel.changed_at <= channel.changed_at)
    return channel.save_if(condition)


def channel(room: str) -> Channel | None:
    try:
        return Channel.get(room, ABOUT, consistent_read=True)
    except Channel.DoesNotExist:
        return None


def participant(room: str, person_id: str) -> Participant:
    """The row, strongly consistent; an empty one for somebody who was never there."""
    try:
        return Participant.get(room, PERSON + person_id, consistent_read=True)
    except Participant.DoesNotExist:
        return Participant(room, PERSON + person_id)


def participants(room: str) -> list[Participant]:
    """Everybody who is or was in a channel."""
    return list(Participant.query(room, Participant.item.startswith(PERSON), consistent_read=True))


def present(room: str, person_id: str) -> Participant:
    """The row of somebody with a tab in the channel. Raises ``Refusal``.

    Frames of one connection run in any order, so a join that was sent just before has a moment.
    """
    for _ in attempts():
        found = participant(room, person_id)
        if found.tabs:
            return found
    raise Refusal(NOT_JOINED)


def join(
    address: Address, person_id: str, channel_id: ChannelId, *, arrival: Arrival, expires_at: int
) -> bool:
    """Let a connection into a channel; whether it is its person's first there.

    The same frame handed in again has the same answer; one that comes after a newer one of the
    connection, which has joined or left, changes nothing. Raises ``Refusal``, and ``Duplicate``
    where the connection is gone.
    """
    room, frame = room_of(channel_id), arrival.id
    form = json.dumps(channel_id)
    member = rooms.Member.of(
        _members_of(room), address, expires_at, person_id, form=form, joined_ms=arrival.ms
    )
    for _ in range(_ROUNDS):
        about, there = both(lambda: channel(room), lambda: participant(room, person_id))
        if about is None:
            raise Refusal(UNKNOWN_CHANNEL)
        if not about.lets_in(person_id):
            raise Refusal(NOT_A_MEMBER)
        first = not there.tabs
        try:
            transact(_joining(about, there, member, address, frame))
        except TransactionRefused as refused:
            if refused.failed("connection"):
                raise Duplicate from refused
            if refused.failed("member"):
                return False
        else:
            return first or there.joined_by == frame
    raise RuntimeError(f"{room} cannot be joined")


def _joining(
    about: Channel, there: Participant, member: rooms.Member, address: Address, frame: str
) -> Any:
    """The channel must be as it was read, because it may have been made private meanwhile."""
    room, first = about.topic, not there.tabs
    actions: list[Action] = [Participant.tabs.add({address.member})]
    if first:
        actions += [
            Participant.joined_by.set(frame),
            Participant.left_by.remove(),
            Participant.left_at.remove(),
        ]

    def add_items(transaction: Transaction) -> None:
        transaction.check(
            "channel", Channel(room, ABOUT), condition=Channel.changed_at == about.changed_at
        )
        transaction.put("member", member, condition=_asked_by(member.joined_ms))
        transaction.update(
            "connection",
            Connection(address.connection_id),
            actions=[Connection.rooms.add({room})],
            condition=connections.is_live(address.namespace),
        )
        transaction.update(
            "participant",
            Participant(room, there.item),
            actions=actions,
            condition=Participant.tabs.does_not_exist() if first else Participant.tabs.exists(),
        )

    return add_items


def _asked_by(ms: float) -> Condition:
    """That a member has not asked for anything since."""
    condition: Condition = rooms.Member.joined_ms.does_not_exist() | (rooms.Member.joined_ms <= ms)
    return condition


def leave(
    address: Address,
    person_id: str,
    room: str,
    *,
    now_ms: int,
    asked_ms: int | None = None,
    departing: bool = False,
) -> int | None:
    """Take a connection out of a channel. When its person has left with it, in epoch ms, None
    while another tab stays; any number of times, with the same answer.

    ``asked_ms``: when the connection has asked for it, where it has. One that has joined since
    stays; one that has not joined yet is kept from joining with an older frame. ``departing``:
    nothing more can join, so the connection's row keeps the room until everything that follows has
    been done (``connections.forget_room``).
    """
    for _ in range(_ROUNDS):
        there = participant(room, person_id)
        tabs: set[str] = there.tabs or set()
        if address.member not in tabs:
            if asked_ms is not None and not _left_before_joining(address, room, asked_ms):
                continue
            was_last = not tabs and there.left_by == address.connection_id
            return int(there.left_at) if was_last else None
        last = tabs == {address.member}
        try:
            transact(_leaving(there, address, now_ms, asked_ms, last=last, departing=departing))
        except TransactionRefused as refused:
            if refused.failed("member"):
                return None
            continue
        return now_ms if last else None
    raise RuntimeError(f"{room} cannot be left")


def _left_before_joining(address: Address, room: str, asked_ms: int) -> bool:
    """Write that down as a nameless member whose time is over, whom nobody sends anything. False
    where the connection has joined meanwhile."""
    nobody = rooms.Member.of(_members_of(room), address, asked_ms // 1000, joined_ms=asked_ms)
    return nobody.save_if(rooms.Member.person_id.does_not_exist())


def _leaving(
    there: Participant,
    address: Address,
    now_ms: int,
    asked_ms: int | None,
    *,
    last: bool,
    departing: bool,
) -> Any:
    mine = {address.member}
    only: Condition = Participant.tabs == mine
    actions: list[Action] = [Participant.tabs.delete(mine)]
    condition: Condition = Participant.tabs.contains(address.member) & ~only
    if last:
        actions += [
            Participant.left_by.set(address.connection_id),
            Participant.left_at.set(now_ms),
        ]
        condition = only

    def add_items(transaction: Transaction) -> None:
        key = rooms.shard(_members_of(there.topic), address.connection_id)
        transaction.delete(
            "member",
            rooms.Member(key, address.connection_id),
            condition=None if asked_ms is None else _asked_by(asked_ms),
        )
        if not departing:
            transaction.update(
                "connection",
                Connection(address.connection_id),
                actions=[Connection.rooms.delete({there.topic})],
                condition=Connection.connection_id.exists(),
            )
        transaction.update(
            "participant",
            Participant(there.topic, there.item),
            actions=actions,
            condition=condition,
        )

    return add_items


def save_message(message: Message) -> bool:
    """False where the very same has been saved before."""
    return message.save_if(Message.message_id.does_not_exist())


def has_message(room: str, message_id: str) -> bool:
    try:
        Message.get(room, message_id, consistent_read=True, attributes_to_get=["messageId"])
    except Message.DoesNotExist:
        return False
    return True


def mark_read(there: Participant, up_to: str) -> bool:
    """False where they have read as far already."""
    condition = Participant.read_up_to.does_not_exist() | (Participant.read_up_to < up_to)
    row = Participant(there.topic, there.item)
    return row.update_if([Participant.read_up_to.set(up_to)], condition)


def mark_typing(there: Participant, at_ms: int) -> bool:
    """False where a newer frame has told already."""
    condition = Participant.typing_at.does_not_exist() | (Participant.typing_at <= at_ms)
    row = Participant(there.topic, there.item)
    return row.update_if([Participant.typing_at.set(at_ms)], condition)


def channel_id_of(form: str) -> ChannelId:
    """As somebody wrote it."""
    found: ChannelId = msgspec.json.decode(form)
    return found
