"""Who is there, and how they say they are.

A person is there while any of their tabs is. What they say of themselves lasts as long.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action

from functions.chat import events
from functions.chat.events import PresenceUpdate, PresenceUpdated, UpdatePresence
from functions.chat.namespaces import CHAT
from functions.chat.product import ACCESS, PRESENCE_ERROR, chat, on
from shared import times
from shared.aws.tables import Table, TableName
from shared.pipeline.context import Background, Context
from shared.pipeline.deployment import Access
from shared.protocol import json
from shared.realtime import people, rooms
from shared.realtime.connections import PAGE
from shared.realtime.people import Person

ONLINE, OFFLINE = "online", "offline"
CHANGE, DISCONNECT = "status_change", "disconnect"
STATUS = "status"

KEPT_SECONDS = 30 * 86_400
LIST_BYTES = 127 * 1024
"""API Gateway takes messages of up to 128 KB; the rest is for what is around a list."""


class Status(Table):
    """Of somebody who is there, or was. ``name``: theirs; ``set_at``: when the frame came that set
    the status; ``gone_at``: since when the others know that the last tab has gone. Both in epoch
    milliseconds."""

    class Meta:
        table_name = TableName("chat")

    topic = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    status = UnicodeAttribute(default=ONLINE)
    name = UnicodeAttribute(null=True)
    message = UnicodeAttribute(null=True)
    custom = UnicodeAttribute(null=True)
    set_at = NumberAttribute(attr_name="setAt", null=True)
    gone_at = NumberAttribute(attr_name="goneAt", null=True)
    expires_at = NumberAttribute(attr_name="expiresAt", null=True)


@on("update_presence", UpdatePresence, permission=ACCESS, error_event=PRESENCE_ERROR)
def update_presence(context: Context, request: UpdatePresence) -> None:
    _set(
        context,
        request.status,
        [_put(Status.message, request.status_message), _put(Status.custom, request.custom_status)],
    )


@on("presence:set_status", events.Status, permission=ACCESS, error_event=PRESENCE_ERROR)
def set_status(context: Context, status: str) -> None:
    """What the person said of it stays as it is."""
    _set(context, status, [])


@on("presence:get_online_users", permission=ACCESS, error_event=PRESENCE_ERROR)
def get_online_users(_context: Context, _: None) -> list[events.OnlineUser]:
    """Everybody who is there, as the acknowledgement: as many as one message of 128 KB holds, which
    is some 1,600 people with ids of 24 characters."""
    counts = rooms.connections_by_person(CHAT.path)
    said = _said(list(_that_fit(counts)))
    return [
        events.OnlineUser(person_id, status, counts[person_id])
        for person_id, status in said.items()
    ]


def _that_fit(counts: Mapping[str, int]) -> Iterator[str]:
    """By the longest status, so that nobody's is read in vain."""
    left = LIST_BYTES
    for person_id, number in counts.items():
        shown = events.OnlineUser(person_id, OFFLINE, number)
        left -= len(json.dumps(shown).encode()) + len(",")
        if left < 0:
            return
        yield person_id


def _said(person_ids: list[str]) -> dict[str, str]:
    """The status of each."""
    found = dict.fromkeys(person_ids, ONLINE)
    for begin in range(0, len(person_ids), PAGE):
        keys = [_key(person_id) for person_id in person_ids[begin : begin + PAGE]]
        for row in Status.batch_get(keys, consistent_read=True):
            found[row.topic.removeprefix("person#")] = row.status
    return found


def came(background: Background, person_id: str, name: str) -> None:
    """Somebody is there. The others are told where they have last been told that this one has
    gone, as after loading a page anew: telling all of everybody who comes would cost the square of
    their number."""
    before = _status(person_id)
    if before and not before.gone_at:
        return
    said = Status(*_key(person_id), name=name, expires_at=_kept(background))
    said.save()
    if before:
        person = people.get(CHAT.path, person_id)
        _announce(background, person, name, said, CHANGE, once=f"back#{before.gone_at}")


@chat.on_last_leave(
    CHAT.path,
    access=Access({"chat": "GetItem PutItem", "people": "GetItem"}, may="send-broadcast"),
)
def gone(background: Background, person: Person) -> None:
    """Told once. Whoever has come back before it was written down has found themselves there still,
    and told nobody."""
    said = _status(person.person_id)
    if said is None:
        return
    name = said.name or person.person_id
    if not said.gone_at:
        offline = Status(said.topic, said.item, name=name, status=OFFLINE)
        offline.gone_at, offline.expires_at = background.now_ms, _kept(background)
        _announce(background, person, name, offline, DISCONNECT)
        offline.save()
    if people.get(CHAT.path, person.person_id).online:
        came(background, person.person_id, name)


def _status(person_id: str) -> Status | None:
    try:
        return Status.get(*_key(person_id), consistent_read=True)
    except Status.DoesNotExist:
        return None


def _set(context: Context, status: str, more: list[Action]) -> None:
    """A frame that comes late changes and tells nothing."""
    me, at_ms = context.session, context.arrival.ms
    row = Status(*_key(me.person_id))
    actions = [
        Status.status.set(status),
        Status.set_at.set(at_ms),
        Status.expires_at.set(_kept(context)),
        Status.name.set(me.name),
        Status.gone_at.remove(),
        *more,
    ]
    if not row.update_if(actions, Status.set_at.does_not_exist() | (Status.set_at <= at_ms)):
        return
    person = people.get(CHAT.path, me.person_id)
    _announce(context, person, me.name, row, CHANGE, once=context.arrival.id)


def _announce(
    background: Background,
    person: Person,
    name: str,
    said: Status,
    reason: str,
    *,
    once: str | None = None,
) -> None:
    group = f"presence#{person.person_id}"
    updated = PresenceUpdated(
        user_id=person.person_id,
        user_display_name=name,
        status=said.status,
        status_message=said.message,
        custom_status=said.custom,
        timestamp=times.iso(background.now_ms),
        reason=reason,
    )
    count = len(person.members or ())
    update = PresenceUpdate(person.person_id, said.status, count)
    for event in (updated, update):
        background.ports.tasks.broadcast(event.to_everybody(CHAT.path, group=group, once=once))


def _key(person_id: str) -> tuple[str, str]:
    return f"person#{person_id}", STATUS


def _kept(background: Background) -> int:
    """Epoch seconds."""
    return background.now_ms // 1000 + KEPT_SECONDS


def _put(attribute: Any, value: str | None) -> Action:
    action: Action = attribute.remove() if value is None else attribute.set(value)
    return action
