"""The conditional writes on the rows of channels and of the people in them."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from functions.chat.channel_rows import (
    CHANNEL_ITEM,
    UNKNOWN_CHANNEL,
    Channel,
    Participant,
    channel,
    participant,
    room_of,
)
from functions.chat.events import ChannelId
from functions.chat.namespaces import CHAT
from shared.aws.event_order import is_older
from shared.aws.parallel import both
from shared.aws.tables import Transaction, TransactionRefused, is_still, transact
from shared.errors import Duplicate, Refusal
from shared.pipeline.context import Arrival
from shared.ports import Broadcast
from shared.protocol import json
from shared.realtime import connections, rooms
from shared.realtime.address import Address
from shared.realtime.connections import Connection

_ROUNDS = 12
"""How often a write is attempted. After a refusal it is decided again on the rows as they are then;
at most the tabs of one person race for them."""


def save_channel(new: Channel) -> bool:
    """Write the channel as a report has it. Returns False if a newer report is known.

    Two reports within a second may have the same time, or times of different precision: see
    ``shared.aws.event_order``. Then the later arrival is the newer, unless it has arrived before.
    Idempotent: returns True again for the newest report.
    """
    for _ in range(_ROUNDS):
        known = channel(new.topic)
        new.overtaken = None
        new.created_at = (known.created_at or known.changed_at) if known else new.changed_at
        if known is None:
            condition: Condition = Channel.changed_at.does_not_exist()
        elif new.report == known.report:
            return True
        elif is_older(new.changed_at, known.changed_at) or new.report in (known.overtaken or ()):
            return False
        else:
            if known.report and new.changed_at // 1000 == known.changed_at // 1000:
                new.overtaken = {known.report, *(known.overtaken or ())}
            condition = _is_still(known)
        if new.save_if(condition):
            return True
    raise RuntimeError(f"{new.topic} cannot be changed")


def _is_still(known: Channel) -> Condition:
    """Return the condition that no other report has changed the channel."""
    # The row of an earlier version of this code has no report.
    same_report = is_still(Channel.report, known.report)
    condition: Condition = (Channel.changed_at == known.changed_at) & same_report
    return condition


def join(
    address: Address,
    person_id: str,
    channel_id: ChannelId,
    *,
    arrival: Arrival,
    expires_at: int,
    joined: Broadcast,
) -> None:
    """Let a connection join a channel.

    joined: the broadcast that announces the person, if it is their first tab there.

    A frame that is handled after a newer one of the connection, with which it has joined or left,
    changes nothing. A connection that joins once more has been there since it joined first.

    Raises ``Refusal`` if the channel does not exist or the person may not join it, and
    ``Duplicate`` if the connection is gone.
    """
    room = room_of(channel_id)
    form = json.dumps(channel_id)
    key, ms = rooms.key(CHAT.path, room), arrival.ms
    member = rooms.Member.of(key, address, expires_at, person_id, form=form, joined_ms=ms)
    for _ in range(_ROUNDS):
        channel_row, row = both(lambda: channel(room), lambda: participant(room, person_id))
        if channel_row is None or not channel_row.lets_in(person_id):
            raise Refusal(UNKNOWN_CHANNEL)
        try:
            transact(_join_writes(channel_row, row, member, address, joined))
        except TransactionRefused as refused:
            if refused.failed("connection"):
                raise Duplicate from refused
            if refused.failed("member"):
                return
        else:
            return
    raise RuntimeError(f"{room} cannot be joined")


def _join_writes(
    channel_row: Channel,
    row: Participant,
    member: rooms.Member,
    address: Address,
    joined: Broadcast,
) -> Callable[[Transaction], None]:
    """Return the writes of a join, for ``transact``.

    The channel must be as it was read, because it may have been made private meanwhile.
    """
    room, first = channel_row.topic, not row.tabs
    again = address.member in (row.tabs or ())
    actions: list[Action] = [Participant.tabs.add({address.member})]
    if first and row.announced:
        # Who joins after this frame has arrived may have received that the person has left.
        joined = msgspec.structs.replace(joined, by_ms=None)
    if first:
        actions.append(Participant.announced.set(json.dumps(joined)))

    def add_items(transaction: Transaction) -> None:
        transaction.check(
            "channel",
            Channel(room, CHANNEL_ITEM),
            condition=_is_still(channel_row),
        )
        is_newest = _nothing_newer_than(member.joined_ms)
        if again:
            asked: list[Action] = [rooms.Member.asked_ms.set(member.joined_ms)]
            transaction.update("member", member, actions=asked, condition=is_newest)
        else:
            transaction.put("member", member, condition=is_newest)
        transaction.update(
            "connection",
            Connection(address.connection_id),
            actions=[Connection.rooms.add({room})],
            condition=connections.is_live(address.namespace),
        )
        transaction.update(
            "participant",
            Participant(room, row.item),
            actions=actions,
            condition=Participant.tabs.does_not_exist() if first else Participant.tabs.exists(),
        )

    return add_items


def _nothing_newer_than(ms: float) -> Condition:
    """Return the condition that no newer frame of the member has joined or left."""
    joined, asked = rooms.Member.joined_ms, rooms.Member.asked_ms
    condition: Condition = joined.does_not_exist() | (joined <= ms)
    condition &= asked.does_not_exist() | (asked <= ms)
    return condition


class Leaving(msgspec.Struct, frozen=True):
    """How a tab leaves a channel.

    channel_id: the channel's id in the form that the other people receive by default.
    reason: ``leave`` or ``disconnect``.
    asked_ms: when the frame that asks to leave arrived; None if no frame asks. A connection that
        has joined with a newer frame stays; one that has not joined yet cannot join with an older
        one.
    departing: whether the connection has ended. Nothing more can join then, so the connection's row
        keeps the room until everything that follows is done (``session_store.forget_room``).
    kept_until: until when the connection's session can be recovered, epoch seconds. The session is
        marked as away in the room until then.
    """

    room: str
    channel_id: ChannelId
    reason: str
    asked_ms: int | None = None
    departing: bool = False
    kept_until: int | None = None


def leave(address: Address, person_id: str, leaving: Leaving, left: Broadcast) -> None:
    """Take a connection out of a channel. Idempotent.

    left: the broadcast that announces that the person has left, if no other tab of theirs stays.
    """
    room, asked_ms = leaving.room, leaving.asked_ms
    for _ in range(_ROUNDS):
        row = participant(room, person_id)
        tabs: set[str] = row.tabs or set()
        if address.member not in tabs:
            if asked_ms is not None and not _record_early_leave(address, room, asked_ms):
                continue
            return
        last = tabs == {address.member}
        try:
            transact(_leave_writes(row, address, leaving, left if last else None))
        except TransactionRefused as refused:
            if refused.failed("member"):
                return
        else:
            return
    raise RuntimeError(f"{room} cannot be left")


def _record_early_leave(address: Address, room: str, asked_ms: int) -> bool:
    """Record that a connection has left before it joined.

    The record is a member without a person that has expired already, so it receives nothing.
    Returns False if the connection has joined meanwhile.
    """
    key = rooms.key(CHAT.path, room)
    placeholder = rooms.Member.of(key, address, asked_ms // 1000, joined_ms=asked_ms)
    return placeholder.save_if(rooms.Member.person_id.does_not_exist())


def _leave_writes(
    row: Participant, address: Address, leaving: Leaving, left: Broadcast | None
) -> Callable[[Transaction], None]:
    """Return the writes of a leave, for ``transact``.

    left: what announces that the person has left; None if another tab of the person stays.
    """
    tab = {address.member}
    is_only: Condition = Participant.tabs == tab
    actions: list[Action] = [Participant.tabs.delete(tab)]
    is_there: Condition = Participant.tabs.contains(address.member) & ~is_only
    if left is not None:
        actions.append(Participant.announced.set(json.dumps(left)))
        is_there = is_only

    def add_items(transaction: Transaction) -> None:
        key = rooms.shard(rooms.key(CHAT.path, row.topic), address.connection_id)
        member = rooms.Member(key, address.connection_id)
        if leaving.kept_until is not None:
            transaction.update("member", member, actions=rooms.away(leaving.kept_until))
        else:
            asked_ms = leaving.asked_ms
            condition = None if asked_ms is None else _nothing_newer_than(asked_ms)
            transaction.delete("member", member, condition=condition)
        if not leaving.departing:
            transaction.update(
                "connection",
                Connection(address.connection_id),
                actions=[Connection.rooms.delete({row.topic})],
                condition=Connection.connection_id.exists(),
            )
        transaction.update(
            "participant",
            Participant(row.topic, row.item),
            actions=actions,
            condition=is_there,
        )

    return add_items


def mark_read(row: Participant, up_to: str, receipt: Broadcast) -> None:
    """Record how far a person has read, unless they had read as far before.

    receipt: the broadcast that announces it.
    """
    condition = Participant.read_up_to.does_not_exist() | (Participant.read_up_to < up_to)
    actions = [Participant.read_up_to.set(up_to), Participant.announced.set(json.dumps(receipt))]
    Participant(row.topic, row.item).update_if(actions, condition)
