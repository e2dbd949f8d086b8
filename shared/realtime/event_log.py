"""The events that sessions with recovery may miss, each logged before it is sent.

An event to a person is logged once for each of the person's sessions with recovery, under the
session. An event to a room is logged once under the room, if a session with recovery is in it. If
no session with recovery could receive an event, it is not logged.

The log of a room that is large has a part for each shard, as the broadcasts to the room have.
"""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.update import Action

from shared import times
from shared.aws.log import logger
from shared.aws.parallel import together
from shared.aws.tables import Table, TableName
from shared.ids import compose
from shared.ports import Broadcast
from shared.protocol import json
from shared.realtime.address import Address
from shared.settings import settings

_OFFSET = re.compile(r"[0-9a-f]{21}")
_numbers = itertools.count(secrets.randbelow(16**4))


class LoggedEvent(Table):
    """An event that has been sent, or is about to be.

    log: the key of a session's log, or of a room's.
    offset: the event's offset. Offsets sort by time.
    frame: the frame, in the log of a session.
    posted_to: the connection to which the frame is sent, in the log of a session. It is absent if
        the session was away.
    broadcast: the ``Broadcast`` as JSON, in the log of a room.
    away: the connections in the room whose sessions were away.
    present: the other connections of the same persons. One of them may have the session that was
        away: it is in the room with both while it comes back.
    missed: the connections to which the event could not be sent, and for which it is logged anew.
    gone: the connections that were gone when the event was sent to them.
    """

    class Meta:
        table_name = TableName("recovery")

    log = UnicodeAttribute(hash_key=True)
    offset = UnicodeAttribute(range_key=True)
    frame = UnicodeAttribute(null=True)
    posted_to = UnicodeAttribute(attr_name="postedTo", null=True)
    broadcast = UnicodeAttribute(null=True)
    away: Any = UnicodeSetAttribute(null=True)
    present: Any = UnicodeSetAttribute(null=True)
    missed: Any = UnicodeSetAttribute(null=True)
    gone: Any = UnicodeSetAttribute(null=True)
    expires_at = NumberAttribute(attr_name="expiresAt")

    @property
    def at_ms(self) -> int:
        """When the event was sent, epoch ms."""
        return times.of_sortable(self.offset)


def new_offset(now_ms: int) -> str:
    """Return the offset of an event that is sent now.

    Offsets sort by time. Those of one process and the same millisecond keep their order, with rare
    exceptions. The last digits are random, so that no two events have the same.
    """
    return f"{times.sortable(now_ms)}{next(_numbers) % 16**4:04x}{secrets.token_hex(3)}"


def before(now_ms: int) -> str:
    """Return a text that sorts before the offsets of all events from now on."""
    return times.sortable(now_ms)


def is_offset(value: object) -> bool:
    """Return whether a value that a client has sent is the offset of an event."""
    return isinstance(value, str) and _OFFSET.fullmatch(value) is not None


def of_session(sid: str) -> str:
    """Return the key of the log of a session."""
    return compose("session", sid)


def of_room(key: str) -> str:
    """Return the key of the log of a room, or of a shard of a large room."""
    return compose("room", key)


def write(offsets: Mapping[tuple[str, str], tuple[Address, str]], now_ms: int) -> None:
    """Log events to sessions. A failure is logged and not raised: the events are sent all the same.

    offsets: the address and the frame for each log and offset.
    """
    expires_at = now_ms // 1000 + settings().recovery_log_seconds
    rows = [
        LoggedEvent(
            log,
            offset,
            frame=frame,
            posted_to=None if address.away else address.connection_id,
            expires_at=expires_at,
        )
        for (log, offset), (address, frame) in offsets.items()
    ]
    _attempt(lambda: together(row.save for row in rows))


def write_broadcast(
    message: Broadcast,
    log: str,
    offset: str,
    now_ms: int,
    *,
    away: set[str],
    present: set[str],
) -> None:
    """Log an event to a room, or add to what is logged of it. A failure is not raised.

    log: the log of the room, or of the shard.
    away, present: as in ``LoggedEvent``.
    """
    actions: list[Action] = [
        LoggedEvent.broadcast.set(json.dumps(message)),
        LoggedEvent.expires_at.set(now_ms // 1000 + settings().recovery_log_seconds),
    ]
    if away:
        actions.append(LoggedEvent.away.add(away))
    if present:
        actions.append(LoggedEvent.present.add(present))
    _attempt(partial(LoggedEvent(log, offset).update, actions))


def note_missed(log: str, offset: str, connection_ids: Iterable[str]) -> None:
    """Note that an event to a room has not reached some connections, which it is sent again."""
    _note(log, offset, LoggedEvent.missed.add(set(connection_ids)))


def note_gone(log: str, offset: str, connection_ids: Iterable[str]) -> None:
    """Note that some connections were gone when an event was sent to them. Idempotent."""
    _note(log, offset, LoggedEvent.gone.add(set(connection_ids)))


def _note(log: str, offset: str, action: Action) -> None:
    """Add something to an event, if it is logged. A failure is not raised."""
    is_logged = LoggedEvent.expires_at.exists()
    _attempt(partial(LoggedEvent(log, offset).update_if, [action], is_logged))


def read(log: str, after: str) -> Iterator[LoggedEvent]:
    """Yield the events of a log after an offset, in order, read strongly consistently."""
    return LoggedEvent.query(log, LoggedEvent.offset > after, consistent_read=True)


def message_of(event: LoggedEvent) -> Broadcast:
    """Return the broadcast in the log of a room."""
    return msgspec.json.decode(event.broadcast or "", type=Broadcast)


def _attempt(write: partial[Any] | Any) -> None:
    try:
        write()
    except Exception:  # noqa: BLE001 - who is connected receives the event all the same
        logger.exception("an event is not logged for recovery")
