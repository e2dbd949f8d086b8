"""Sends an event to all connections in a room, or of a person.

If a room is large, the broadcast is split into one message for each shard, for a queue and a
function of their own. So each shard has an invocation of its own, and only a shard that fails is
tried again. No other broadcast waits for it.

A recipient whose post fails has a follow-up message of its own, so nothing is repeated or delayed
for the other recipients. Later events may overtake the follow-up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, islice
from typing import Any

import msgspec
from pynamodb.attributes import Attribute

from shared.aws import queues
from shared.aws.adapters import ports
from shared.aws.gateway import PostRefused
from shared.aws.lambda_entry import queue_entry
from shared.aws.log import logger
from shared.aws.metrics import Metric, count
from shared.aws.parallel import together
from shared.aws.queues import Record
from shared.ids import compose
from shared.ports import Broadcast, Post
from shared.realtime import people, rooms
from shared.realtime.address import Address, Wire, frame
from shared.realtime.arguments import Arguments
from shared.realtime.emitter import Emitter
from shared.realtime.rooms import Member
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
    if message.only:
        follow_up(message, room)
        return
    if message.person is not None:
        send(message, of_person(message.namespace, message.person))
        return
    only = wanted(message)
    if message.shard:
        send(message, rooms.members(message.shard, only=only))
        return
    keys, most = rooms.shards(room), settings().split_above
    shards = together([partial(_first_members, key, most + 1, only) for key in keys])
    if any(len(members) > most for members in shards):
        ports().tasks.broadcast(*parts(message, keys))
    else:
        send(message, chain.from_iterable(shards))


def of_person(namespace: str, person_id: str) -> list[Member]:
    """Return the sessions of a person in a namespace, as members."""
    addresses = people.get(namespace, person_id).addresses
    return [Member("", one.connection_id, wire=one.wire.value) for one in addresses]


def wanted(message: Broadcast) -> list[Attribute[Any]]:
    """Return the attributes of a member that ``posts`` needs."""
    only: list[Attribute[Any]] = [Member.connection_id, Member.wire]
    if message.skip_person is not None:
        only.append(Member.person_id)
    if message.by_ms is not None:
        only.append(Member.joined_ms)
    if message.own_form:
        only.append(Member.form)
    return only


def _first_members(key: str, most: int, only: list[Attribute[Any]]) -> list[Member]:
    """Return up to ``most`` members of a shard."""
    return list(islice(rooms.members(key, page=most, only=only), most))


def parts(message: Broadcast, keys: list[str]) -> Iterator[Broadcast]:
    """Yield a broadcast for each shard, each in a group of its own.

    A connection is always in the same shard. So it receives the broadcasts of the original group in
    order as long as the room stays large.
    """
    for key in keys:
        group = compose("shard", key, message.group)
        yield msgspec.structs.replace(message, shard=key, group=group)


def send(message: Broadcast, members: Iterable[Member]) -> None:
    """Post the event to the members, and hand on those whose posts have failed."""
    _, failed = _post(message, members)
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
    members: Iterable[Member]
    if message.person is None:
        members = rooms.some_members(room, message.only, only=wanted(message))
    else:
        found = of_person(message.namespace, message.person)
        members = [one for one in found if one.connection_id in message.only]
    reached, failed = _post(message, members)
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


def _post(message: Broadcast, members: Iterable[Member]) -> tuple[int, dict[str, Exception]]:
    """Post the event to the members, and count those that it has reached.

    Returns their number, and the errors of the posts for which another attempt may succeed.
    """
    reached, failed = Emitter(ports()).post_each(posts(message, members))
    count(Metric.BROADCAST_RECIPIENTS, reached)
    refused = {one: error for one, error in failed.items() if isinstance(error, PostRefused)}
    if refused:
        _give_up(message, refused)
    return reached, {one: error for one, error in failed.items() if one not in refused}


def _give_up(message: Broadcast, failed: Iterable[str]) -> None:
    """Log and count the connections that do not receive the event."""
    lost = sorted(failed)
    count(Metric.POSTS_GIVEN_UP, len(lost))
    about = {"event": message.event, "count": len(lost), "connections": lost[:FEW]}
    logger.error("broadcast not delivered", extra=about)


def skipped(message: Broadcast) -> set[str]:
    """Return the connections that must not receive the event."""
    found = set(message.skip_connections)
    for room in message.skip_rooms:
        for key in rooms.shards(rooms.key(message.namespace, room)):
            members = rooms.members(key, only=[Member.connection_id])
            found.update(member.connection_id for member in members)
    return found


def posts(message: Broadcast, members: Iterable[Member]) -> Iterator[Post]:
    """Yield a post for each member who receives the event.

    A frame is encoded once for all members who receive the same frame.
    """
    frames: dict[tuple[str, str | None], str] = {}
    without = skipped(message)
    for member in members:
        if member.connection_id in without:
            continue
        if message.skip_person is not None and member.person_id == message.skip_person:
            continue
        if message.by_ms is not None and (member.joined_ms or 0) > message.by_ms:
            continue
        kind = member.wire, member.form if message.own_form else None
        if kind not in frames:
            frames[kind] = _frame(message, *kind)
        yield member.connection_id, frames[kind]


def _frame(message: Broadcast, wire: str, form: str | None) -> str:
    """Return the frame in a wire format.

    form: the JSON that the field ``message.own_form`` has for this member, or None.
    """
    payload = message.payload
    if message.own_form and form is not None:
        payload = {**payload, message.own_form: msgspec.json.decode(form)}
    if message.several:
        payload = Arguments(payload)
    return frame(Address(message.namespace, Wire(wire), ""), message.event, payload)
