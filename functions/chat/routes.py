"""What the product answers over HTTP."""

from __future__ import annotations

from functools import partial

import msgspec

from functions.chat import access, channel_list, channel_rows, history
from functions.chat.events import ChannelId, NewMessage
from functions.chat.history import ReadMessage
from functions.chat.product import ACCESS, chat
from shared.aws.parallel import both, together
from shared.identity import accounts
from shared.identity.tokens import Identity
from shared.ids import Id
from shared.pipeline import paging
from shared.pipeline.deployment import Access
from shared.pipeline.http import HttpError, HttpRequest
from shared.pipeline.paging import Items
from shared.pipeline.routes import Parameter
from shared.realtime.namespaces import ACCESS_DENIED
from shared.realtime.sessions import Session


class ListedChannel(msgspec.Struct, frozen=True, rename="camel"):
    """A channel that the person who asks may join. ``private``: only its members may.
    ``unread``: how many messages of others the person has not read, up to 100. ``lastMessage``: the
    newest message, or null if there is none."""

    channel_id: ChannelId
    name: str
    description: str | None
    private: bool
    unread: int
    last_message: NewMessage | None


class Channels(Items[ListedChannel], frozen=True):
    """A page of channels, newest first."""


@chat.route(
    "GET /channels",
    query=paging.QUERY,
    errors=(403,),
    access=Access({"accounts": "GetItem", "chat": "BatchGetItem Query", "messages": "Query"}),
)
def channels(request: HttpRequest) -> Channels:
    """Return the public channels, and the private ones whose member the person who asks is, newest
    first."""
    page = paging.read(request.query)
    me = _chatting(request.identity, accounts.get(request.identity.account_id))
    found = channel_list.of_person(me.person_id, page.rows, page.before)
    rows, cursor = paging.cut(page, found, lambda row: row.item)
    rooms = [row.room for row in rows]
    known, read_up_to = both(
        partial(channel_list.channels, rooms),
        partial(channel_list.read_up_to, rooms, me.person_id),
    )
    shown = [
        partial(_listed, row, known[row.room], me.person_id, read_up_to.get(row.room))
        for row in rows
        if row.room in known and known[row.room].lets_in(me.person_id)
    ]
    return Channels(together(shown), cursor)


def _listed(
    row: channel_list.ListRow, about: channel_rows.Channel, person_id: str, read_up_to: str | None
) -> ListedChannel:
    """Return a channel as a person sees it in the list."""
    newest = history.messages(row.room, 1)
    last = newest[0] if newest else None
    nothing_new = last is None or last.message_id <= (read_up_to or "")
    return ListedChannel(
        channel_id=channel_rows.channel_id_of(row.form),
        name=about.name,
        description=about.description,
        private=about.private,
        unread=0 if nothing_new else history.unread(row.room, person_id, read_up_to),
        last_message=None if last is None else history.event_of(last),
    )


class Messages(Items[ReadMessage], frozen=True):
    """A page of messages, newest first. ``unread``: how many messages of the channel the asking
    person has not read."""

    unread: int


@chat.route(
    "GET /channels/{id}/messages",
    query={**paging.QUERY, "replyToId": Parameter("Only the answers to this message", Id)},
    errors=(403,),
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
    """Return the messages of a channel, newest first, for the people who may join it. For other
    people, a channel that exists is answered like one that does not. A channel whose id has a `?`
    cannot be asked for."""
    room = channel_rows.room_of(request.id)
    page, reply_to = paging.read(request.query), request.id_parameter("replyToId")
    person_id = _reader(request.identity, room)
    found, people = both(
        lambda: history.messages(room, page.rows, before=page.before, reply_to=reply_to),
        lambda: channel_rows.participants(room),
    )
    rows, cursor = paging.cut(page, found, lambda row: row.message_id)
    return Messages(
        items=[history.with_readers(people, row) for row in rows],
        cursor=cursor,
        unread=history.unread(room, person_id, history.read_up_to(people, person_id)),
    )


def _reader(identity: Identity, room: str) -> str:
    """Return the asking person's id. Raises 403 if there is no such channel, or they may not join
    it."""
    known, about = both(
        lambda: accounts.get(identity.account_id), lambda: channel_rows.channel(room)
    )
    me = _chatting(identity, known)
    if about is None or not about.lets_in(me.person_id):
        raise HttpError(403, ACCESS_DENIED)
    return me.person_id


def _chatting(identity: Identity, known: accounts.Account | None) -> Session:
    """Return the session that a person would have. Raises 403 if they may not chat.

    known: the person's account, or None if there is none.
    """
    if known is not None and not known.active:
        raise HttpError(403, access.SUSPENDED)
    me = access.session_of(identity, known)
    if not me.may(ACCESS):
        raise HttpError(403, ACCESS_DENIED)
    return me
