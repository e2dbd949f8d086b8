"""The few things outside the process that handlers use, as protocols.

``shared/aws/adapters.py`` has the implementations on AWS, ``tests/fakes.py`` those for tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import msgspec

BACKEND_SOURCE = "switchboard.backend"
"""The source of the events that a team's own systems report with ``POST /events``."""

OWN_SOURCE = "switchboard"
"""The source of the events that the stack itself puts on its bus. It does not handle them."""


class BusMessage(msgspec.Struct, frozen=True):
    """An event for the stack's bus.

    type: the event's name.
    data: a JSON object, as text.
    source: who says that it has happened.
    at_ms: when it happened, epoch ms. With None, it is the time at which the bus receives it.
    """

    type: str
    data: str
    source: str = BACKEND_SOURCE
    at_ms: int | None = None

    @property
    def size(self) -> int:
        """The size in bytes as EventBridge counts it, with room for the source."""
        return len(self.type.encode()) + len(self.data.encode()) + 64


class RefusedMessage(msgspec.Struct, frozen=True):
    """An event that the bus has not accepted.

    reason: the code of the error.
    lasting: whether the bus would refuse the event each time.
    """

    message: BusMessage
    reason: str
    lasting: bool


class State(msgspec.Struct, frozen=True):
    """A state that a broadcast tells: ``shared.realtime.pace``.

    of: whose state it is.
    id: another one for each state.
    """

    of: str
    id: str


class Broadcast(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """An event for a room, as a message of the queue of broadcasts.

    room: the room; empty for all sessions of a namespace with ``everybody``.
    person: the person whose sessions in the namespace receive the event; None for those of the
        room.
    several: whether the payload is the list of the event's arguments instead of the only one.
    group: broadcasts of one group arrive in the order in which they were sent.
    skip_person: a person who does not receive the event.
    skip_connections: connections that do not receive the event.
    skip_rooms: rooms of the namespace whose members do not receive the event.
    once: of several broadcasts of one group with the same value, only one is sent, within SQS's
        five minutes.
    own_form: the field of the payload that a member with a form of its own receives in that form.
    by_ms: connections that joined later than this, epoch milliseconds, do not receive the event.
    state: the state that the event tells. It is not sent if there is a newer one. None if it tells
        no state.
    shard: the part of the room that receives the event; None for the whole room.
    only: the connections that receive the event if they are still in the room; empty for all. They
        are those that an earlier message has failed to reach.
    until_ms: when to give up on the connections of ``only``, epoch milliseconds.
    """

    namespace: str
    room: str
    event: str
    payload: Any
    group: str
    person: str | None = None
    several: bool = False
    skip_person: str | None = None
    skip_connections: tuple[str, ...] = ()
    skip_rooms: tuple[str, ...] = ()
    once: str | None = None
    own_form: str | None = None
    by_ms: int | None = None
    state: State | None = None
    shard: str | None = None
    only: tuple[str, ...] = ()
    until_ms: int | None = None

    @property
    def is_large(self) -> bool:
        """Whether the broadcast goes to a shard of a large room, which may take minutes."""
        return self.shard is not None and not self.only


class Push(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A push to a person's devices, as a message of the queue of pushes.

    person_id: the account whose devices receive it.
    kind: what has happened, as the app knows it: ``call.ringing``.
    about: the id of the call or the message. A device receives one push of a kind about it.
    title, body: what a phone shows.
    data: what the app receives, beside the kind.
    until_ms: until when it is of use, epoch ms.
    row: for a call, the key of the row on which it rings.
    person: for a call, the key of the row of the person who is called.
    after_seconds: how long it waits in the queue.
    """

    person_id: str
    kind: str
    about: str
    title: str
    body: str
    data: dict[str, str]
    until_ms: int
    row: str = ""
    person: str = ""
    after_seconds: int = 0


class Missed(msgspec.Struct, frozen=True, rename="camel"):
    """An event that a connection has not received, because it was gone.

    id: the event's id, the same for all connections that have missed it. Ids sort by time.
    event, values: the event's name and its arguments.
    to: all sessions to which the event was sent, or which it was not meant for, each as
        ``Address.receiver``.
    sid, offset: the session's id and the event's offset in its log, if it can be recovered.
    """

    id: str
    namespace: str
    event: str
    values: Sequence[Any]
    to: tuple[str, ...]
    sid: str = ""
    offset: str = ""


class Clock(Protocol):
    """A source of the time."""

    def now_ms(self) -> int:
        """Return the time in milliseconds since the Unix epoch."""
        ...


class Ids(Protocol):
    """A source of ids."""

    def session_id(self) -> str:
        """Return 20 URL-safe characters that cannot be guessed."""
        ...


Post = tuple[str, str]
"""A connection's id and a text frame for this connection."""


class Connections(Protocol):
    """API Gateway's ``@connections``."""

    def post(self, connection_id: str, frame: str) -> bool:
        """Send a text frame. Returns False if the connection is gone or not open yet."""
        ...

    def post_all(self, posts: Iterable[Post]) -> Iterator[tuple[Post, bool | Exception]]:
        """Send many frames at the same time, in no order.

        Takes each post when it is about to be sent. Yields every post with what ``post`` would
        return, or with the exception it would raise: a failure does not stop the others.
        """
        ...

    def exists(self, connection_id: str) -> bool:
        """Return whether the connection is open."""
        ...

    def close(self, connection_id: str) -> None:
        """Close a connection from the server's side. Idempotent."""
        ...


class Tasks(Protocol):
    """Work that goes on after the handler has returned."""

    def open(self, connection_id: str) -> None:
        """Send the opening of a connection as soon as the connection can be posted to."""
        ...

    def restore(self, connection_id: str, namespace: str) -> None:
        """Bring a session up to date that has come back, and let other sessions reach it."""
        ...

    def handle_held(self, connection_id: str) -> None:
        """Handle the first packets of a client that polls, which have waited for a WebSocket."""
        ...

    def end_connection(
        self, connection_id: str, *, goodbye: bool = False, missed: Sequence[Missed] = ()
    ) -> None:
        """Run all consequences of a connection that is gone. Idempotent.

        goodbye: whether the consequences run at once, because the client does not come back. If
            not, the client has ``reconnect_grace_seconds`` to do so.
        missed: what could not be sent to the connection; the client receives it if it comes back.
        """
        ...

    def finish_connection(self, connection_id: str) -> None:
        """Run the consequences of a connection that is leaving. Idempotent."""
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
        """End a session of a connection, and run all consequences. Idempotent.

        person_id, sid: the session is ended only if it has this person, and this id; an empty text
            fits every session.
        close: whether the connection is closed as well. With None, it is closed if it has no other
            session.
        """
        ...

    def finish_ended_sessions(self, connection_id: str) -> None:
        """Run the consequences of sessions that have ended on an open connection. Idempotent."""
        ...

    def ring(self, *, call_id: str, person: str, seconds: int) -> None:
        """Start the ring timer of a call; ``person`` is the key of the row on which it rings."""
        ...

    def watch_balance(self, *, call_id: str, person: str, seconds: int) -> None:
        """Start the balance timer of a call; ``person`` is the key of the row that has its status.

        Idempotent.
        """
        ...

    def broadcast(self, *messages: Broadcast) -> None:
        """Send events to rooms or persons, in order."""
        ...

    def deadline(self, *, connection_id: str, namespace: str, sid: str, seconds: int) -> None:
        """End the session ``sid`` after ``seconds``, unless it has authenticated by then."""
        ...

    def await_return(self, connection_id: str, seconds: int) -> None:
        """Run the consequences of a connection that is leaving after ``seconds``."""
        ...

    def postpone(self, name: str, payload: object, seconds: int) -> None:
        """Run a hook of ``Product.on_later`` after ``seconds``, at least once."""
        ...

    def publish(self, messages: Sequence[BusMessage]) -> list[RefusedMessage]:
        """Put events on the stack's bus, in order; return those that the bus has not accepted."""
        ...

    def keep_unpublished(self, text: str) -> None:
        """Send what can never be published to the dead letters of the publisher, for people."""
        ...

    def push(self, *messages: Push) -> None:
        """Push to people's devices."""
        ...

    def delete_livekit_room(self, *, room: str) -> None:
        """Have LiveKit delete a LiveKit room whose call is over."""
        ...


class Secrets(Protocol):
    """The stack's secret."""

    def get(self, name: str) -> str:
        """Return a value of the stack's secret, or an empty string if it is not set."""
        ...


class Ports(msgspec.Struct, frozen=True):
    """Everything outside the process that handlers use."""

    clock: Clock
    ids: Ids
    connections: Connections
    tasks: Tasks
    secrets: Secrets
