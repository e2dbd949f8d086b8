"""The few things outside the process that handlers use, as protocols.

The real ones are in ``shared/aws/adapters.py``, those of tests without AWS in ``tests/fakes.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import msgspec


class BusMessage(NamedTuple):
    """An event on its way: ``data`` is a JSON object as text."""

    type: str
    data: str

    @property
    def size(self) -> int:
        """Bytes, as EventBridge counts them, with room for the source."""
        return len(self.type.encode()) + len(self.data.encode()) + 64


class Broadcast(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A message of the queue.

    room: a room of the namespace; empty for all sessions of a namespace with ``everybody``.
    several: whether the payload is the list of the event's arguments instead of the only one.
    group: broadcasts of one group arrive in the order in which they were sent.
    skip_person: a person that it is not for.
    skip_connections: connections that it is not for.
    skip_rooms: rooms of the namespace whose members it is not for.
    once: broadcasts of one group with the same are one, within SQS's five minutes.
    own_form: the field of the payload that members who keep a form of their own are sent in that.
    by_ms: it is not for members who joined later.
    shard: it is only for the members in this part of the room.
    """

    namespace: str
    room: str
    event: str
    payload: Any
    group: str
    several: bool = False
    skip_person: str | None = None
    skip_connections: tuple[str, ...] = ()
    skip_rooms: tuple[str, ...] = ()
    once: str | None = None
    own_form: str | None = None
    by_ms: int | None = None
    shard: str | None = None


class Clock(Protocol):
    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        ...


class Ids(Protocol):
    def session_id(self) -> str:
        """20 URL-safe characters, unguessable."""
        ...


Post = tuple[str, str]
"""A connection's id, and a text frame for it."""


class Connections(Protocol):
    """API Gateway's ``@connections``."""

    def post(self, connection_id: str, frame: str) -> bool:
        """Send a text frame. False when the connection is gone (or not open yet)."""
        ...

    def post_all(self, posts: Iterable[Post]) -> Iterator[tuple[Post, bool | Exception]]:
        """Send to many at once, in no order; posts are taken as they go out. For each what
        ``post`` returns, or would raise: nobody stops the others."""
        ...

    def exists(self, connection_id: str) -> bool: ...

    def close(self, connection_id: str) -> None:
        """Close from the server's side. No error when it is gone already."""
        ...


class Tasks(Protocol):
    """Work that goes on after the handler has returned."""

    def open(self, connection_id: str) -> None:
        """Send the opening of a connection as soon as it can be posted to."""
        ...

    def disconnect(self, connection_id: str) -> None:
        """Run all the consequences of a connection that is gone."""
        ...

    def expel(
        self,
        connection_id: str,
        namespace: str,
        person_id: str = "",
        *,
        sid: str = "",
        close: bool | None = None,
    ) -> None:
        """Put a session out of a namespace, with all consequences.

        person_id, sid: whose session, and which one; empty for whichever is there.
        close: whether the connection is closed as well; None for if it has no other session.
        """
        ...

    def finish(self, connection_id: str) -> None:
        """Leave what has ended on a connection that is still there."""
        ...

    def ring(self, *, call_id: str, person: str, seconds: int) -> None:
        """Start the ring timer of the call that rings on the row ``person``."""
        ...

    def broadcast(self, message: Broadcast) -> None:
        """Send an event to a room."""
        ...

    def deadline(self, *, connection_id: str, namespace: str, sid: str, seconds: int) -> None:
        """End the session ``sid`` after ``seconds``, unless it has authenticated by then."""
        ...

    def publish(self, messages: Sequence[BusMessage]) -> int:
        """Put backend events on the stack's bus, in order; how many got there."""
        ...

    def delete_livekit_room(self, *, room: str) -> None:
        """Have LiveKit delete a room whose call is over."""
        ...


class Secrets(Protocol):
    def get(self, name: str) -> str:
        """A value of the stack's secret, empty when it is not set."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    clock: Clock
    ids: Ids
    connections: Connections
    tasks: Tasks
    secrets: Secrets
