"""Who is online, and with which status.

A person is online while any of their tabs is connected. Their status lasts as long. A row keeps the
status; ``stream`` announces each of its changes, in order.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from functions.chat import events
from functions.chat.events import PresenceUpdate, PresenceUpdated, UpdatePresence
from functions.chat.namespaces import CHAT
from functions.chat.product import ACCESS, PRESENCE_ERROR, chat, on
from shared import times
from shared.aws.event_order import change_paced, change_postponed, postpone_change
from shared.aws.tables import Table, TableName, batches, is_still
from shared.ids import compose, decompose
from shared.pipeline.context import Background, Context
from shared.pipeline.deployment import Access
from shared.ports import Broadcast
from shared.protocol import json
from shared.realtime import people, rooms
from shared.realtime.people import Person

ONLINE, OFFLINE = "online", "offline"
STATUS_CHANGE, DISCONNECT = "status_change", "disconnect"
STATUS_ITEM = "status"
"""The range key of the status in a person's topic."""

POSTPONED = "chat.status"
"""The name of the hook for a status that has to wait."""

_ROUNDS = 8
"""How often a departure is recorded. The tabs of one person race for the row."""

KEPT_SECONDS = 30 * 86_400
LIST_BYTES = 127 * 1024
"""The longest list of online users. API Gateway takes messages of up to 128 KB; the frame around
the list needs the rest."""


class Status(Table):
    """The status of a person who is or was online, in the chat table.

    topic: ``person`` and the person's id, composed.
    status: ``online``, ``away``, ``busy`` or ``offline``.
    name: the person's display name.
    message, custom: ``statusMessage`` and ``customStatus`` of the person.
    set_at: when the frame that set the status arrived, epoch milliseconds.
    visit: a new random id whenever the person comes, or comes back.
    gone_at: since when the other people know that the last tab has closed, epoch milliseconds.
    told_at, asked_at: see ``event_order.Paced``.
    """

    class Meta:
        table_name = TableName("chat")

    topic = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    status = UnicodeAttribute(default=ONLINE)
    name = UnicodeAttribute(null=True)
    message = UnicodeAttribute(null=True)
    custom = UnicodeAttribute(null=True)
    set_at = NumberAttribute(attr_name="setAt", null=True)
    visit = UnicodeAttribute(null=True)
    gone_at = NumberAttribute(attr_name="goneAt", null=True)
    told_at: Any = NumberAttribute(attr_name="toldAt", null=True)
    asked_at: Any = NumberAttribute(attr_name="askedAt", null=True)
    expires_at = NumberAttribute(attr_name="expiresAt", null=True)

    @property
    def person_id(self) -> str:
        """The id of the person."""
        return decompose(self.topic, 2)[1]


@on("update_presence", UpdatePresence, permission=ACCESS, error_event=PRESENCE_ERROR)
def update_presence(context: Context, request: UpdatePresence) -> None:
    """Set the user's status and its texts. All authenticated users, the sender too, receive
    ``presence_updated`` and ``presence:update``."""
    _set_status(context, request.status, (request.status_message, request.custom_status))


@on("presence:set_status", events.Status, permission=ACCESS, error_event=PRESENCE_ERROR)
def set_status(context: Context, status: str) -> None:
    """Set the user's status, which is the payload itself: ``online``, ``away``, ``busy`` or
    ``offline``. Its texts stay as they are. All authenticated users, the sender too, receive
    ``presence_updated`` and ``presence:update``."""
    _set_status(context, status)


@on("presence:get_online_users", permission=ACCESS, error_event=PRESENCE_ERROR)
def get_online_users(_context: Context, _: None) -> list[events.OnlineUser]:
    """Get the users who are online, with their status and number of connections, in the
    acknowledgement. The list has as many users as a message of 128 KB can hold: about 1,600 if
    their ids have 24 characters."""
    counts = rooms.connections_by_person(CHAT.path)
    statuses = _statuses_of(list(_people_that_fit(counts)))
    return [
        events.OnlineUser(person_id, status, counts[person_id])
        for person_id, status in statuses.items()
    ]


def _people_that_fit(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield the ids of people whose entries fit into ``LIST_BYTES`` together.

    The size is computed with the longest status, so that no status is read in vain.
    """
    left = LIST_BYTES
    for person_id, number in counts.items():
        entry = events.OnlineUser(person_id, OFFLINE, number)
        left -= len(json.dumps(entry).encode()) + len(",")
        if left < 0:
            return
        yield person_id


def _statuses_of(person_ids: list[str]) -> dict[str, str]:
    """Return the status of each person: ``online`` for a person without a row."""
    statuses = dict.fromkeys(person_ids, ONLINE)
    for keys in batches(map(_key, person_ids)):
        for row in Status.batch_get(keys, consistent_read=True):
            statuses[row.person_id] = row.status
    return statuses


def record_arrival(background: Background, person_id: str, name: str) -> None:
    """Record that a person is online. It is announced if they were last announced as offline.

    That is so, for example, after a page has been reloaded. A person who is new is not announced:
    announcing every arrival to all users would cost the square of their number.
    """
    before = _status_row(person_id)
    if before and not before.gone_at:
        return
    visit = secrets.token_hex(8)
    row = Status(*_key(person_id), name=name, visit=visit, expires_at=_kept_until(background))
    row.save_if(_is_still(before))


@chat.on_last_leave(CHAT.path, access=Access({"chat": "GetItem PutItem", "people": "GetItem"}))
def record_departure(background: Background, person: Person) -> None:
    """Record that a person's last tab has closed, which is announced to all users. Idempotent.

    If the person comes back before that, ``record_arrival`` finds them still online and records
    nothing. So it is called again here.
    """
    for _ in range(_ROUNDS):
        row = _status_row(person.person_id)
        if row is None or row.gone_at:
            break
        offline = Status(
            row.topic,
            row.item,
            name=row.name or person.person_id,
            status=OFFLINE,
            gone_at=background.now_ms,
            expires_at=_kept_until(background),
        )
        if offline.save_if(_is_still(row)):
            break
    if row and people.get(CHAT.path, person.person_id).online:
        record_arrival(background, person.person_id, row.name or person.person_id)


def _is_still(row: Status | None) -> Condition:
    """Return the condition that the row is as it was read; None if it did not exist."""
    if row is None:
        return Status.topic.does_not_exist()
    condition: Condition = Status.topic.exists()
    for name in ("visit", "set_at", "gone_at"):
        condition &= is_still(getattr(Status, name), getattr(row, name))
    return condition


def _status_row(person_id: str) -> Status | None:
    """Return the row, strongly consistent. Returns None if the person was never online."""
    try:
        return Status.get(*_key(person_id), consistent_read=True)
    except Status.DoesNotExist:
        return None


class StatusChange(msgspec.Struct, frozen=True):
    """A status that a person has set.

    at_ms: when the frame arrived, epoch milliseconds.
    texts: ``statusMessage`` and ``customStatus``; None if they stay as they are.
    """

    person_id: str
    name: str
    status: str
    at_ms: int
    texts: tuple[str | None, str | None] | None

    @property
    def row(self) -> Status:
        """The row that has only its key, for a write."""
        return Status(*_key(self.person_id))

    @property
    def newest(self) -> Condition:
        """The condition that no newer frame has set the status."""
        condition: Condition = Status.set_at.does_not_exist() | (Status.set_at <= self.at_ms)
        return condition

    def actions(self, background: Background) -> list[Action]:
        """Return what the change writes."""
        actions: list[Action] = [
            Status.status.set(self.status),
            Status.set_at.set(self.at_ms),
            Status.expires_at.set(_kept_until(background)),
            Status.name.set(self.name),
            Status.gone_at.remove(),
        ]
        if self.texts:
            message, custom = self.texts
            actions += [
                _set_or_remove(Status.message, message),
                _set_or_remove(Status.custom, custom),
            ]
        return actions


def _set_status(
    context: Context, status: str, texts: tuple[str | None, str | None] | None = None
) -> None:
    """Set the status, once a second at most, unless a newer frame has set it already.

    What waits and is overtaken is not set. So people are told of each status that is set.
    """
    session, at_ms = context.session, context.arrival.ms
    change = StatusChange(session.person_id, session.name, status, at_ms, texts)
    if change_paced(change.row, change.actions(context), change.newest, at_ms):
        _end_if_gone(context, session.person_id)
    else:
        postpone = partial(context.ports.tasks.postpone, POSTPONED, change)
        postpone_change(change.row, change.newest, at_ms, postpone)


@chat.on_later(
    POSTPONED,
    payload=StatusChange,
    access=Access({"chat": "GetItem PutItem UpdateItem", "people": "GetItem"}),
)
def set_postponed_status(background: Background, change: StatusChange) -> None:
    """Set a status that came too soon after another, unless a newer one has come. Idempotent."""
    row, actions, now_ms = change.row, change.actions(background), background.now_ms
    if change_postponed(row, actions, change.newest, change.at_ms, now_ms):
        _end_if_gone(background, change.person_id)


def _end_if_gone(background: Background, person_id: str) -> None:
    """Record the departure of a person whose last tab has closed before their status was set."""
    person = people.get(CHAT.path, person_id)
    if not person.online:
        record_departure(background, person)


def announced_change(before: Status | None, after: Status) -> str | None:
    """Return the reason with which a change of a row is announced.

    Returns None if the change is not announced: the person is new, or only the row's lifetime is.
    """
    if after.gone_at:
        return None if before and before.gone_at else DISCONNECT
    if before is None:
        return STATUS_CHANGE if after.set_at else None
    return None if _shown(before) == _shown(after) else STATUS_CHANGE


def _shown(row: Status) -> tuple[object, ...]:
    """Return what people see of a status, and when it was set."""
    return row.status, row.message, row.custom, row.set_at, row.gone_at


def announcements(row: Status, reason: str, *, once: str, now_ms: int) -> Iterator[Broadcast]:
    """Yield the broadcasts of a status to all authenticated people: both events of the contract."""
    person_id = row.person_id
    tabs = 0 if row.gone_at else len(people.get(CHAT.path, person_id).members or ())
    updated = PresenceUpdated(
        user_id=person_id,
        user_display_name=row.name or person_id,
        status=row.status,
        status_message=row.message,
        custom_status=row.custom,
        timestamp=times.iso(row.gone_at or row.set_at or now_ms),
        reason=reason,
    )
    for event in (updated, PresenceUpdate(person_id, row.status, tabs)):
        yield event.to_everybody(CHAT.path, group=compose("presence", person_id), once=once)


def _key(person_id: str) -> tuple[str, str]:
    return compose("person", person_id), STATUS_ITEM


def _kept_until(background: Background) -> int:
    """Return when a status row that is written now expires, epoch seconds."""
    return background.now_ms // 1000 + KEPT_SECONDS


def _set_or_remove(attribute: Any, value: str | None) -> Action:
    action: Action = attribute.remove() if value is None else attribute.set(value)
    return action
