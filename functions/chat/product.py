"""The chat product. Its modules register their handlers with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from functions.chat import call_events, events
from functions.chat.namespaces import CHAT
from shared import times
from shared.pipeline.context import Context
from shared.pipeline.declarations import Limit
from shared.pipeline.deployment import Access, FunctionSpec, IndexSpec, Stream, TableSpec
from shared.pipeline.payloads import Outbound
from shared.pipeline.product import Product
from shared.ports import Broadcast
from shared.settings import settings

ACCESS = "chat.access"
SEND = "chat.send_messages"
MANAGE = "chat.manage_channels"
BROADCAST = "chat.send_broadcasts"

CHAT_ERROR = "chat:error"
PRESENCE_ERROR = "presence:error"
BROADCAST_ERROR = "broadcast:error"

ROOM_FIELD = "channelId"
"""Every tab receives this field in the form in which it joined the channel, ``1`` or ``"1"``."""

chat = Product(
    "chat",
    namespaces=[CHAT],
    tables=[
        TableSpec("chat", "topic", "item", expires=True, stream=Stream.BOTH),
        TableSpec(
            "messages",
            "channel",
            "messageId",
            stream=Stream.NEW,
            indexes=(IndexSpec("thread", "thread", "messageId"),),
        ),
    ],
    access=Access(
        {
            "accounts": "GetItem",
            "connections": "GetItem UpdateItem",
            "people": "GetItem UpdateItem",
            "rooms": "DeleteItem PutItem Query",
            "limits": "UpdateItem",
            "chat": "BatchGetItem ConditionCheckItem GetItem PutItem UpdateItem",
            "messages": "GetItem PutItem",
        },
        may="read-secret send-broadcast send-deadline",
    ),
    functions=[
        FunctionSpec(
            "chat-stream",
            "functions.chat.stream.handler",
            Access(
                {
                    "chat": "GetItem",
                    "counts": "BatchGetItem UpdateItem",
                    "people": "BatchGetItem GetItem",
                },
                may="send-broadcast send-push",
            ),
            timeout_seconds=30,
            streams=("chat", "messages"),
        )
    ],
    memory_mb=1024,
)
MAY_END_CALL = Access(
    {"people": "DeleteItem GetItem UpdateItem", "calls": "PutItem"}, may="send-push"
)
MAY_READ_RECORDS = Access({"calls": "Query", "calls/callee": "Query"})
chat.sends(CHAT.path, *events.SENT, *call_events.SENT)


def on(
    event: str,
    payload: Any = None,
    *,
    permission: str | None = None,
    error_event: str = CHAT_ERROR,
    open_: bool = False,
    refusals: Iterable[str] = (),
    limit: Limit | None = None,
    preload: Callable[[Any], object] | None = None,
    access: Access | None = None,
) -> Callable[..., Any]:
    """Register a handler for an event of ``/``, like ``chat.on``."""
    return chat.on(
        event,
        namespaces=[CHAT.path],
        payload=payload,
        error_event=error_event,
        permission=permission,
        open=open_,
        refusals=refusals,
        limit=limit,
        preload=preload,
        access=access,
    )


def to_channel(
    context: Context,
    room: str,
    event: Outbound,
    *,
    others_only: bool = False,
    by_ms: int | None = None,
) -> Broadcast:
    """Return the broadcast of an event to the tabs in a channel.

    If the frame that is handled is delivered again, the broadcast is the same and is sent once.

    others_only: leave out the tabs of the person who sent the frame.
    by_ms: leave out connections that joined after this time, epoch milliseconds.
    """
    return event.to_room(
        CHAT.path,
        room,
        group=room,
        skip_person=context.session.person_id if others_only else None,
        once=context.arrival.id,
        own_form=ROOM_FIELD,
        by_ms=by_ms,
    )


def arrived_at(context: Context) -> str:
    """Return when the frame arrived, ISO 8601."""
    return times.iso(context.arrival.ms)


def expires_at(now_ms: int) -> int:
    """Return when every connection that exists now has ended, in epoch seconds.

    Rows that belong to a connection expire then.
    """
    return now_ms // 1000 + settings().connection_max_seconds
