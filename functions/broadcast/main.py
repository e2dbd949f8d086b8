"""Sends an event to all connections in a room, or of a person.

If a room is large, the broadcast is split into one message for each shard, for a queue and a
function of their own. So each shard has an invocation of its own, and only a shard that fails is
tried again. No other broadcast waits for it.

A recipient whose post fails has a follow-up message of its own, so nothing is repeated or delayed
for the other recipients. Later events may overtake the follow-up.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

import msgspec

from shared.aws import queues
from shared.aws.adapters import ports
from shared.aws.gateway import PostRefused
from shared.aws.lambda_entry import queue_entry
from shared.aws.log import logger
from shared.aws.metrics import Metric, count
from shared.aws.queues import Record
from shared.ids import compose
from shared.ports import Broadcast, Post
from shared.realtime import event_log, pace, people, rooms
from shared.realtime.address import Delivery, Wire
from shared.realtime.arguments import Arguments
from shared.realtime.emitter import Emitter, Sent
from shared.realtime.rooms import Occupant, frame_of
from shared.settings import settings

GIVE_UP_SECONDS = 100
"""How long a broadcast is tried for a recipient whose posts fail: four times with the pauses of
``broadcast_retry_seconds``, which is less often than a message is received before it is a dead
letter."""

FEW = 100
"""How many recipients one follow-up message has at most."""


def _try_again(records: list[Record]) -> None:
    """Postpone messages of the queue of broadcasts that have failed."""
    values = settings()
    queues.postpone(records, values.broadcast_queue_url, values.broadcast_retry_seconds)


def _try_shards_again(records: list[Record]) -> None:
    """Postpone messages of the queue of shards that have failed."""
    values = settings()
    queues.postpone(records, values.shards_queue_url, values.broadcast_retry_seconds)


@queue_entry(ordered=True, failed=_try_again)
def handler(body: str) -> None:
    """Handle one message of the queue of broadcasts."""
    broadcast(msgspec.json.decode(body, type=Broadcast))


@queue_entry(ordered=True, failed=_try_shards_again)
def shard_handler(body: str) -> None:
    """Handle one message of the queue of shards."""
    broadcast(msgspec.json.decode(body, type=Broadcast))


def broadcast(message: Broadcast) -> None:
    """Send the event to its recipients, or split the broadcast if a shard of its room is large.

    A shard is large if it has more than ``split_above`` members.
    """
    room = rooms.key(message.namespace, message.room)
    if message.state and pace.is_overtaken(message.state):
        logger.info("overtaken", extra={"event": message.event, "group": message.group})
        return
    if message.only:
        follow_up(message, room)
        return
    if message.person is not None:
        send(message, to_person(message))
        return
    if message.shard:
        (members,) = rooms.members([message.shard])
        send(message, to_room(message, members))
        return
    keys, most = rooms.shards(room), settings().split_above
    shards = [list(islice(one, most + 1)) for one in rooms.members(keys, page=most + 1)]
    if any(len(members) > most for members in shards):
        ports().tasks.broadcast(*parts(message, keys))
    else:
        send(message, to_room(message, chain.from_iterable(shards)))


def to_person(message: Broadcast) -> Posts:
    """Return the posts to the sessions of a person; of ``message.only``, if that is not empty."""
    person = people.get(message.namespace, message.person or "")
    addresses = [
        one for one in person.addresses if not message.only or one.connection_id in message.only
    ]
    payload = Arguments(message.payload) if message.several else message.payload
    return Posts(*Emitter(ports()).prepare(Delivery(message.event, payload, tuple(addresses))))


def to_room(message: Broadcast, members: Iterable[Occupant]) -> Posts:
    """Return the posts to the members of a room."""
    logged = LogOfRoom(message)
    return Posts(posts(message, members, logged), log=logged)


class LogOfRoom:
    """The log of a room, for an event that is sent to the room.

    offset: the event's offset. Empty until a member with recovery is found.
    connections: the connections with recovery to which the event is sent.
    """

    def __init__(self, message: Broadcast) -> None:
        self._message = message
        key = message.shard or rooms.key(message.namespace, message.room)
        self._log = event_log.of_room(key)
        self._away: set[str | None] = set()
        self.offset = ""
        self.connections: set[str] = set()

    def note(self, recipients: Sequence[Occupant]) -> None:
        """Log the event if any of these members has recovery. Called before it is sent to them."""
        away = [one for one in recipients if one.wire == Wire.AWAY]
        present = [one for one in recipients if one.wire == Wire.RECOVERY]
        self._away.update(one.person_id for one in away)
        of_away = {one.connection_id for one in present if one.person_id in self._away}
        if away or of_away or (present and not self.connections):
            now_ms = ports().clock.now_ms()
            self.offset = self.offset or event_log.new_offset(now_ms)
            event_log.write_broadcast(
                self._message,
                self._log,
                self.offset,
                now_ms,
                away={one.connection_id for one in away},
                present=of_away,
            )
        self.connections.update(one.connection_id for one in present)

    def note_gone(self, gone: Iterable[str]) -> None:
        """Note the connections that are gone."""
        if known := self.connections.intersection(gone):
            event_log.note_gone(self._log, self.offset, known)

    def note_missed(self, failed: Iterable[str]) -> None:
        """Note the connections to which the event is sent again, and then logged again."""
        if missed := self.connections.intersection(failed):
            event_log.note_missed(self._log, self.offset, missed)


class Posts(msgspec.Struct, frozen=True):
    """The posts of an event.

    sent: the event, if a client of the person who receives it may come back for it.
    log: the log of the room that receives it, if one does.
    """

    posts: Iterable[Post]
    sent: Sequence[Sent] = ()
    log: LogOfRoom | None = None


def parts(message: Broadcast, keys: list[str]) -> Iterator[Broadcast]:
    """Yield a broadcast for each shard, each in a group of its own.

    A connection is always in the same shard. So it receives the broadcasts of the original group in
    order as long as the room stays large.
    """
    for key in keys:
        group = compose("shard", key, message.group)
        yield msgspec.structs.replace(message, shard=key, group=group)


def send(message: Broadcast, recipients: Posts) -> None:
    """Post the event to its recipients, and hand on those whose posts have failed."""
    _, failed = _post(message, recipients)
    if failed:
        until_ms = ports().clock.now_ms() + GIVE_UP_SECONDS * 1000
        ports().tasks.broadcast(*rest(message, failed, until_ms))


def follow_up(message: Broadcast, room: str) -> None:
    """Post the event to those whom an earlier message has failed to reach.

    Raises an error if it has reached none of them, so that the queue delivers this message again,
    later. If it has reached some, the others have a message of their own again. Gives up after
    ``GIVE_UP_SECONDS``.
    """
    until_ms, now = message.until_ms or 0, ports().clock.now_ms()
    if now > until_ms + GIVE_UP_SECONDS * 1000:  # it has waited behind others that had to wait
        _give_up(message, message.only)
        return
    if message.person is None:
        recipients = to_room(message, rooms.some_members(room, message.only))
    else:
        recipients = to_person(message)
    reached, failed = _post(message, recipients)
    if not failed:
        return
    if now >= until_ms:
        _give_up(message, failed)
    elif reached:
        ports().tasks.broadcast(*rest(message, failed, until_ms))
    else:
        raise next(iter(failed.values()))


def rest(message: Broadcast, failed: Iterable[str], until_ms: int) -> Iterator[Broadcast]:
    """Yield the messages for the connections whose posts have failed, each in its own group.

    The ids of these messages follow from ``message``: if it is handled again after a crash, SQS
    takes none of them twice.
    """
    left = sorted(failed)
    for number in range(0, len(left), FEW):
        ids = tuple(left[number : number + FEW])
        part = str(number), str(len(message.only))
        yield msgspec.structs.replace(
            message,
            only=ids,
            until_ms=until_ms,
            group=compose("rest", ids[0], rooms.key(message.namespace, message.room)),
            once=message.once and compose(*part, message.once),
        )


def _post(message: Broadcast, recipients: Posts) -> tuple[int, dict[str, Exception]]:
    """Post the event to its recipients, and count those that it has reached.

    Returns their number, and the errors of the posts for which another attempt may succeed.
    """
    reached, failed = Emitter(ports()).post_each(
        recipients.posts,
        recipients.sent,
        note_gone=recipients.log.note_gone if recipients.log else None,
    )
    count(Metric.BROADCAST_RECIPIENTS, reached)
    refused = {one: error for one, error in failed.items() if isinstance(error, PostRefused)}
    if refused:
        _give_up(message, refused)
    left = {one: error for one, error in failed.items() if one not in refused}
    if left and recipients.log:
        recipients.log.note_missed(left)
    return reached, left


def _give_up(message: Broadcast, failed: Iterable[str]) -> None:
    """Log and count the connections that do not receive the event."""
    lost = sorted(failed)
    count(Metric.POSTS_GIVEN_UP, len(lost))
    about = {"event": message.event, "count": len(lost), "connections": lost[:FEW]}
    logger.error("broadcast not delivered", extra=about)


def skipped(message: Broadcast) -> set[str]:
    """Return the connections that must not receive the event."""
    skip = set(message.skip_connections)
    for room in message.skip_rooms:
        members = rooms.all_members(rooms.key(message.namespace, room))
        skip.update(member.connection_id for member in members)
    return skip


def posts(message: Broadcast, members: Iterable[Occupant], log: LogOfRoom) -> Iterator[Post]:
    """Yield a post for each member who receives the event.

    A frame is encoded once for all members who receive the same frame. The members are taken a page
    at a time, as they are read, because the event is logged before it is sent. A page waits until
    the budget of broadcasts has room for it.
    """
    frames: dict[tuple[str, str | None], str] = {}
    without, remaining = skipped(message), iter(members)
    while page := list(islice(remaining, rooms.PAGE)):
        recipients = [one for one in page if _receives(message, one, without)]
        log.note(recipients)
        time.sleep(pace.wait_ms(len(recipients), ports().clock.now_ms()) / 1000)
        for member in recipients:
            kind = member.wire, member.form if message.own_form else None
            if kind not in frames:
                frames[kind] = frame_of(message, *kind, log.offset)
            if member.wire != Wire.AWAY:
                yield member.connection_id, frames[kind]


def _receives(message: Broadcast, member: Occupant, without: set[str]) -> bool:
    """Return whether a member receives the event.

    without: the connections that do not receive it.
    """
    if member.connection_id in without:
        return False
    if message.skip_person is not None and member.person_id == message.skip_person:
        return False
    return message.by_ms is None or (member.joined_ms or 0) <= message.by_ms
