"""The few things outside the process that handlers use, as protocols.

The real ones are in ``shared/adapters.py``, those of tests without AWS in ``tests/fakes.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from shared.realtime.broadcast import Broadcast


class Message(NamedTuple):
    """An event on its way: ``data`` is a JSON object as text."""

    type: str
    data: str

    @property
    def size(self) -> int:
        """Bytes, as EventBridge counts them, with room for the source."""
        return len(self.type.encode()) + len(self.data.encode()) + 64


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

    def expel(self, connection_id: str, namespace: str, person_id: str) -> None:
        """Put a person's session out of a namespace, with all consequences."""
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

    def tell(self, messages: Sequence[Message]) -> int:
        """Put backend events on the stack's bus, in order; how many got there."""
        ...

    def delete_room(self, *, room: str) -> None:
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
