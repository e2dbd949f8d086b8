"""Hand-written ports that record the requests they receive."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.aws.gateway import PostRefused
from shared.ports import Broadcast, BusMessage, Missed, Ports, Post, Push, RefusedMessage

NOW_MS = 1_768_818_600_000
"""2026-01-19T10:30:00Z."""

JWT_SECRET = "a secret for tests, and long enough"
LIVEKIT_SECRET = "another secret for tests, long enough"


class FakeClock:
    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.now = now_ms

    def now_ms(self) -> int:
        return self.now


class FakeIds:
    """Ids that tests know beforehand: ``…01``, ``…02`` and so on, each only once."""

    def __init__(self) -> None:
        self._given = 0
        self._lock = threading.Lock()

    def session_id(self) -> str:
        return f"sid-{self._next():016d}"

    def _next(self) -> int:
        with self._lock:
            self._given += 1
            return self._given


@dataclass
class FakeConnections:
    """The gateway's connections.

    gone: the connections that no longer exist.
    broken: the connections to which a post times out.
    refused: the connections to which a post is refused for good.
    posted: connection and frame of every post, in order.
    closed: the connections that were closed, in order.
    """

    gone: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    posted: list[tuple[str, str]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    def post(self, connection_id: str, frame: str) -> bool:
        if connection_id in self.broken:
            raise TimeoutError(f"no answer for {connection_id}")
        if connection_id in self.refused:
            raise PostRefused(f"403 for {connection_id}")
        if connection_id in self.gone:
            return False
        self.posted.append((connection_id, frame))
        return True

    def post_all(self, posts: Iterable[Post]) -> Iterator[tuple[Post, bool | Exception]]:
        for post in posts:
            try:
                yield post, self.post(*post)
            except (TimeoutError, PostRefused) as error:
                yield post, error

    def exists(self, connection_id: str) -> bool:
        return connection_id not in self.gone

    def close(self, connection_id: str) -> None:
        self.closed.append(connection_id)

    def to(self, connection_id: str) -> list[str]:
        """Return the frames that this connection received, in order."""
        return [frame for target, frame in self.posted if target == connection_id]


@dataclass
class FakeTasks:
    """The tasks that the functions hand on, each recorded.

    ring_error: the error that starting a timer of a call raises.
    room_error: the error that queueing a LiveKit room for deletion raises.
    """

    opened: list[str] = field(default_factory=list)
    restored: list[tuple[str, str]] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    ended_connections: list[str] = field(default_factory=list)
    goodbyes: list[str] = field(default_factory=list)
    missed: list[Missed] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    awaited: list[tuple[str, int]] = field(default_factory=list)
    expelled: list[tuple[str, str, str]] = field(default_factory=list)
    ended: list[tuple[str, str, str, bool | None]] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    rings: list[tuple[str, str, int]] = field(default_factory=list)
    watched: list[tuple[str, str, int]] = field(default_factory=list)
    broadcasts: list[Broadcast] = field(default_factory=list)
    rooms: list[str] = field(default_factory=list)
    deadlines: list[tuple[str, str, str, int]] = field(default_factory=list)
    postponed: list[tuple[str, Any, int]] = field(default_factory=list)
    published: list[BusMessage] = field(default_factory=list)
    unpublished: list[str] = field(default_factory=list)
    pushed: list[Push] = field(default_factory=list)
    bus_capacity: int = 1_000_000
    """How many events the bus accepts in total."""

    ring_error: Exception | None = None
    room_error: Exception | None = None

    def open(self, connection_id: str) -> None:
        self.opened.append(connection_id)

    def restore(self, connection_id: str, namespace: str) -> None:
        self.restored.append((connection_id, namespace))

    def handle_held(self, connection_id: str) -> None:
        self.held.append(connection_id)

    def end_connection(
        self, connection_id: str, *, goodbye: bool = False, missed: Sequence[Missed] = ()
    ) -> None:
        self.ended_connections.append(connection_id)
        self.missed += missed
        if goodbye:
            self.goodbyes.append(connection_id)

    def finish_connection(self, connection_id: str) -> None:
        self.left.append(connection_id)

    def await_return(self, connection_id: str, seconds: int) -> None:
        self.awaited.append((connection_id, seconds))

    def postpone(self, name: str, payload: object, seconds: int) -> None:
        self.postponed.append((name, payload, seconds))

    def expel(
        self,
        connection_id: str,
        namespace: str,
        person_id: str = "",
        *,
        sid: str = "",
        close: bool | None = None,
    ) -> None:
        self.expelled.append((connection_id, namespace, person_id))
        self.ended.append((connection_id, namespace, sid, close))

    def finish_ended_sessions(self, connection_id: str) -> None:
        self.finished.append(connection_id)

    def ring(self, *, call_id: str, person: str, seconds: int) -> None:
        if self.ring_error:
            raise self.ring_error
        self.rings.append((call_id, person, seconds))

    def watch_balance(self, *, call_id: str, person: str, seconds: int) -> None:
        if self.ring_error:
            raise self.ring_error
        self.watched.append((call_id, person, seconds))

    def broadcast(self, *messages: Broadcast) -> None:
        self.broadcasts.extend(messages)

    def deadline(self, *, connection_id: str, namespace: str, sid: str, seconds: int) -> None:
        self.deadlines.append((connection_id, namespace, sid, seconds))

    def publish(self, messages: Sequence[BusMessage]) -> list[RefusedMessage]:
        taken = messages[: max(0, self.bus_capacity - len(self.published))]
        self.published.extend(taken)
        left = messages[len(taken) :]
        return [RefusedMessage(one, "ThrottlingException", lasting=False) for one in left]

    def keep_unpublished(self, text: str) -> None:
        self.unpublished.append(text)

    def push(self, *messages: Push) -> None:
        self.pushed += messages

    def delete_livekit_room(self, *, room: str) -> None:
        if self.room_error:
            raise self.room_error
        self.rooms.append(room)


@dataclass
class FakeSecrets:
    values: dict[str, str] = field(
        default_factory=lambda: {
            "JWT_SECRET": JWT_SECRET,
            "LIVEKIT_API_KEY": "key",
            "LIVEKIT_API_SECRET": LIVEKIT_SECRET,
        }
    )

    def get(self, name: str) -> str:
        return self.values.get(name, "")


@dataclass
class Fakes:
    """All fake ports, and the ``Ports`` made of them that handlers receive."""

    clock: FakeClock = field(default_factory=FakeClock)
    ids: FakeIds = field(default_factory=FakeIds)
    connections: FakeConnections = field(default_factory=FakeConnections)
    tasks: FakeTasks = field(default_factory=FakeTasks)
    secrets: FakeSecrets = field(default_factory=FakeSecrets)

    @property
    def ports(self) -> Ports:
        return Ports(self.clock, self.ids, self.connections, self.tasks, self.secrets)

    def events(self, connection_id: str) -> list[tuple[str, Any]]:
        """Return name and payload of the Socket.IO events that a connection received, in order."""
        frames = (frame for frame in self.connections.to(connection_id) if frame.startswith("42"))
        arguments = (json.loads(frame[frame.index("[") :]) for frame in frames)
        return [(name, payload) for name, payload in arguments]
