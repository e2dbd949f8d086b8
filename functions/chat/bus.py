"""What chat puts on the stack's bus, for a team's own systems. Texts stay here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from functions.chat import presence
from functions.chat.call_rows import CallRow
from functions.chat.channel_rows import ROOM
from functions.chat.events import MessageType
from functions.chat.events import Status as StatusName
from functions.chat.history import Message
from functions.chat.presence import STATUS_ITEM, Status
from functions.chat.product import chat
from shared.aws.bus_events import BusEvent, Happened
from shared.aws.streams import Row
from shared.calling import bus_events, ring
from shared.calling.bus_events import CallAnswered, CallRinging
from shared.calling.call_records import CallRecord
from shared.pipeline.deployment import RowsOf


class ChannelMessage(BusEvent, frozen=True):
    """A message that has been sent to a channel.

    ``channelId``: as text, also if clients write it as a number.
    ``replyToId``: the id of the message that this one replies to, or null.
    """

    type = "message.sent"
    product: Literal["chat"]
    message_id: str
    channel_id: str
    sender_id: str
    message_type: MessageType
    reply_to_id: str | None


class UserPresence(BusEvent, frozen=True):
    """A user of chat whose status has changed, or who has come back or gone.

    ``status``: ``online``, ``away``, ``busy`` or ``offline``.
    ``reason``: ``disconnect`` if the user's last tab has closed, otherwise ``status_change``.
    """

    type = "presence.changed"
    product: Literal["chat"]
    user_id: str
    status: StatusName
    reason: Literal["status_change", "disconnect"]


@chat.publishes("people", CallRinging, CallAnswered, rows=RowsOf("person", ring.row_of_call("")))
def of_call(before: Row, after: Row) -> Iterator[Happened]:
    """Yield what a change of a call's own row says of the call."""
    if not after:
        return
    call = CallRow.from_raw_data(dict(after)).call
    about = {
        "product": chat.name,
        "user_id": call.caller_id,
        "telecaller_id": call.callee_id,
    }
    yield from bus_events.progress(before, after, about, call)


@chat.publishes("calls", *bus_events.ENDS)
def of_record(_: Row, after: Row) -> Iterator[Happened]:
    """Yield the end of a call of this product."""
    record = CallRecord.from_raw_data(dict(after or {}))
    if record.product == chat.name:
        yield bus_events.over(record)


@chat.publishes("messages", ChannelMessage)
def of_message(_: Row, after: Row) -> Iterator[Happened]:
    """Yield that a message has been sent."""
    row = Message.from_raw_data(dict(after or {}))
    sent = ChannelMessage(
        product="chat",
        message_id=row.message_id,
        channel_id=row.channel.removeprefix(ROOM),
        sender_id=row.user_id,
        message_type=row.type,  # type: ignore[arg-type] # checked when it arrived
        reply_to_id=row.reply_to,
    )
    yield Happened(sent, row.sent_at)


@chat.publishes("chat", UserPresence, rows=RowsOf("item", STATUS_ITEM))
def of_status(before: Row, after: Row) -> Iterator[Happened]:
    """Yield that a user's status has changed, as it is announced to the others."""
    if not after or after["item"]["S"] != STATUS_ITEM:
        return
    then = Status.from_raw_data(dict(before)) if before else None
    now = Status.from_raw_data(dict(after))
    reason = presence.announced_change(then, now)
    if reason:
        changed = UserPresence("chat", now.person_id, now.status, reason)  # type: ignore[arg-type] # as above
        # A return has no time of its own. So all have that of the write, and its order.
        yield Happened(changed)
