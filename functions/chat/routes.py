"""What the product answers over HTTP."""

from __future__ import annotations

import msgspec

from functions.chat import access, channel_store, history
from functions.chat.history import ReadMessage
from functions.chat.product import ACCESS, chat
from shared.aws.parallel import both
from shared.identity import accounts
from shared.identity.tokens import Identity
from shared.ids import is_id
from shared.pipeline import paging
from shared.pipeline.deployment import Access
from shared.pipeline.http import HttpError, HttpRequest
from shared.realtime.namespaces import ACCESS_DENIED


class Messages(msgspec.Struct, frozen=True, rename="camel"):
    """A page of messages, newest first. ``cursor``: of the next page, null if none follows.
    ``unread``: how many messages of the channel the asking person has not read."""

    items: list[ReadMessage]
    cursor: str | None
    unread: int


@chat.route(
    "GET /channels/{id}/messages",
    query={**paging.QUERY, "replyToId": "Only the answers to this message"},
    errors=(400, 403, 404),
    access=Access(
        {
            "accounts": "GetItem",
            "chat": "GetItem Query",
            "messages": "Query",
            "messages/thread": "Query",
        }
    ),
)
def messages(request: HttpRequest) -> Messages:
    """Return the messages of a channel, newest first, for the people who may join it. A channel
    whose id has a `?` cannot be asked for."""
    if not is_id(request.id):
        raise HttpError(404, channel_store.UNKNOWN_CHANNEL)
    room = channel_store.room_of(request.id)
    page, reply_to = paging.read(request.query), request.query.get("replyToId") or None
    if reply_to and not is_id(reply_to):
        raise HttpError(400, "replyToId: not a message")
    person_id = _reader(request.identity, room)
    found, people = both(
        lambda: history.messages(room, page.rows, before=page.before, reply_to=reply_to),
        lambda: channel_store.participants(room),
    )
    rows, cursor = paging.cut(page, found, lambda row: row.message_id)
    return Messages(
        items=[history.with_readers(people, row) for row in rows],
        cursor=cursor,
        unread=history.unread(room, person_id, people),
    )


def _reader(identity: Identity, room: str) -> str:
    """Return the asking person's id. Raises 403 if they may not join the channel, 404 if there is
    none."""
    known, about = both(
        lambda: accounts.get(identity.account_id), lambda: channel_store.channel(room)
    )
    if known is not None and not known.active:
        raise HttpError(403, access.SUSPENDED)
    me = access.session_of(identity, known)
    if not me.may(ACCESS):
        raise HttpError(403, ACCESS_DENIED)
    if about is None:
        raise HttpError(404, channel_store.UNKNOWN_CHANNEL)
    if not about.lets_in(me.person_id):
        raise HttpError(403, channel_store.NOT_A_MEMBER)
    return me.person_id
