"""What a handler receives: the stack it runs in, and the session that has sent a client's event."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import msgspec

from shared import times
from shared.errors import Refusal
from shared.ids import compose
from shared.protocol import json
from shared.realtime import membership, rooms, session_store
from shared.realtime.address import Address
from shared.realtime.emitter import Emitter
from shared.settings import settings

if TYPE_CHECKING:
    from shared.pipeline.payloads import Outbound
    from shared.pipeline.registry import Registry
    from shared.ports import Ports
    from shared.realtime.connections import Connection
    from shared.realtime.sessions import Session

R = TypeVar("R")

NOT_AUTHENTICATED = "Authentication required"


class Arrival(NamedTuple):
    """A frame as API Gateway received it.

    connection_id: the connection that sent the frame.
    message_id: the id of the frame. A frame that is delivered twice has the same id both times.
    ms: when API Gateway received the frame, epoch milliseconds. Frames are ordered by it.
    held: whether the frame is a packet that has waited in the mailbox of a client that polls.
    """

    connection_id: str
    message_id: str
    ms: int
    held: bool = False

    @property
    def id(self) -> str:
        """Return 24 hex digits, the id of what the frame creates.

        The ids sort by arrival, and a frame that is delivered twice has the same id both times. API
        Gateway gives the order of frames to the millisecond only: its message ids are opaque, and
        the frames of one connection carry no number. Frames of the same millisecond are ordered by
        a digest, so that their order is the same for every reader and never changes.
        https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
        """
        source = f"{self.connection_id} {self.message_id}"
        return f"{times.sortable(self.ms)}{hashlib.sha256(source.encode()).hexdigest()[:13]}"

    @classmethod
    def of_opening(cls, connection: Connection) -> Arrival:
        """Make up the arrival of a handshake, which no frame has carried.

        The arrival is the same each time the handshake is handled.
        """
        return cls(connection.connection_id, "opening", connection.opened_at * 1000)

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Arrival:
        """Read the arrival from the event of a WebSocket route."""
        context = event["requestContext"]
        return cls(context["connectionId"], context["messageId"], context["requestTimeEpoch"])


class Decided(NamedTuple, Generic[R]):
    """What a handler returns if its decision stands, whatever becomes of the events about it.

    They are sent at the same time as the acknowledgement. If that fails, something else sends them:
    what follows the table's stream, or the sweep.

    result: what the acknowledgement carries.
    tell: sends the events.
    """

    result: R
    tell: Callable[[], object]


class Background(msgspec.Struct, frozen=True):
    """What code works with if no client waits for it.

    This is so after a connection has gone, when a timer fires, and when a backend reports an event.

    registry: the declarations of all products.
    ports: everything outside the process.
    emit: sends events to addresses: ``background.emit(event.to(addresses))``.
    """

    registry: Registry
    ports: Ports
    emit: Emitter

    @classmethod
    def on(cls, registry: Registry, ports: Ports) -> Background:
        """Make the background of one invocation."""
        return cls(registry, ports, Emitter(ports))

    @property
    def now_ms(self) -> int:
        """The time in epoch ms."""
        return self.ports.clock.now_ms()


class Context(Background, frozen=True):
    """What the handler of a client's event works with.

    session: the session that sent the event.
    address: the session's address; ``context.emit(event.to([context.address]))`` answers it.
    arrival: the frame that carried the event.
    connection: the connection's row, as it was when the event came.
    preloaded: what the event's ``preload`` has read, or None.
    loaded: what the event's ``load`` has read, or None.

    A handler needs rights for what it writes, and its product declares them: ``ROOMS`` for ``join``
    and ``leave``, ``BROADCASTS`` for ``broadcast``, ``SESSION_DATA`` for ``save_data``. They are in
    ``shared.pipeline.deployment``.
    """

    session: Session
    address: Address
    arrival: Arrival
    connection: Connection
    preloaded: Any = None
    loaded: Any = None
    _broadcasts: Iterator[int] = msgspec.field(default_factory=itertools.count)

    @property
    def rooms(self) -> list[str]:
        """The rooms that this session has joined, as they were when the event came."""
        return list(self.connection.rooms_of(self.session))

    def join(self, room: str) -> None:
        """Let this session join a room of its namespace. Idempotent.

        The session leaves the room with ``leave``, and when it ends. Nothing happens if the session
        has ended meanwhile. Frames of one connection may run in any order: a client that leaves a
        room and joins it again must wait for the first acknowledgement.

        Raises ``Refusal`` if the session has not authenticated yet, and ``ValueError`` if the name
        of the room is empty or too long.
        """
        if not self.session.settled:
            raise Refusal(NOT_AUTHENTICATED)
        if self.session.recovery and _named(room) in self.rooms:
            return  # what was sent since the session has joined is not missed
        joined_ms = self.arrival.ms if self.session.recovery else None
        expires_at = int(self.connection.expires_at)
        membership.join(self.address, self.session, _named(room), expires_at, joined_ms)

    def leave(self, room: str) -> None:
        """Take this session out of a room of its namespace. Idempotent.

        Raises ``ValueError`` if the name of the room is empty or too long.
        """
        membership.leave(self.address, self.session, _named(room))

    def broadcast(
        self,
        event: Outbound,
        room: str | None = None,
        *,
        skip_me: bool = False,
        except_rooms: Iterable[str] = (),
    ) -> None:
        """Send an event to a room of the namespace, or to all sessions of the namespace.

        room: the room's name. With None, all sessions of the namespace receive the event.
        skip_me: whether this session is left out, as with ``socket.broadcast``.
        except_rooms: rooms whose members are left out, as with ``except``.

        Broadcasts to one room arrive in the order in which they were sent. The members of the room
        are read when the broadcast is delivered, a moment later. A frame that is handled twice
        broadcasts once, if its handler does the same both times.

        Raises ``ValueError`` without a room in a namespace that is declared without ``everybody``.
        """
        namespace = self.address.namespace
        if room is None and not self.registry.namespaces[namespace].everybody:
            raise ValueError(f"{namespace} is declared without everybody=True")
        name = "" if room is None else _named(room)
        self.ports.tasks.broadcast(
            event.to_room(
                namespace,
                name,
                group=rooms.key(namespace, name),
                skip_connections=[self.address.connection_id] if skip_me else [],
                skip_rooms=[_named(one) for one in except_rooms],
                once=compose(self.arrival.id, str(next(self._broadcasts))),
            )
        )

    @property
    def data(self) -> Mapping[str, Any]:
        """The values that the session keeps, by name, like ``socket.data``; see ``save_data``."""
        return self.connection.data_of(self.session)

    def save_data(self, **values: Any) -> None:
        """Keep JSON values, by name, until the session ends. Values of other names stay.

        Two frames that save different names at the same time lose nothing. Nothing is kept if the
        session has ended meanwhile. Raises ``Refusal`` if all values of the session together would
        be larger than ``session_data_bytes``.
        """
        if not values:
            return
        texts = {name: json.dumps(value) for name, value in values.items()}
        kept = {name: json.dumps(value) for name, value in self.data.items()} | texts
        most = settings().session_data_bytes
        if sum(len(name.encode()) + len(text.encode()) for name, text in kept.items()) > most:
            raise Refusal(f"The data of a session has {most} bytes at most")
        session_store.save_data(self.connection, self.session, texts)

    def disconnect(self, address: Address | None = None, *, close: bool = False) -> None:
        """End this session from the server's side; a Socket.IO client receives ``41``.

        The session ends after the handler has returned. A native connection is closed, because it
        has no other session.

        address: the address of another session to end instead of this one. The session that has
            this address at that time is ended.
        close: whether the connection is closed, and so its sessions in other namespaces end too.
        """
        ended, sid = (self.address, self.session.sid) if address is None else (address, "")
        self.ports.tasks.expel(ended.connection_id, ended.namespace, sid=sid, close=close)


def _named(room: str) -> str:
    """Return the name of a room. Raises ``ValueError`` if the name is empty."""
    if not room:
        raise ValueError("A room has a name")
    return room
