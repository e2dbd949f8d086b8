"""Real clients of every supported library, behind one small interface.

``js``       npm socket.io-client 4, or 3 or 2, in a Node process
``python``   python-socketio's Client
``asyncio``  python-socketio's AsyncClient
``native``   JSON over a plain WebSocket
"""

from __future__ import annotations

import itertools
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

SECONDS = 20.0
"""How long to wait for something that must arrive."""

QUIET_SECONDS = 0.4
"""How long to wait to see that nothing arrives."""

PRESENCE = "telecaller:presence-changed"
INTERNAL = "Something went wrong"


class Refused(Exception):
    """The server has refused the client. The text is the reason that the client received."""


@dataclass(frozen=True)
class Ticket:
    """What a client connects with.

    token: not sent at all if it is None.
    given: what a Socket.IO client sends as its auth in place of the token.
    transports: the option of that name. None leaves it out.
    """

    url: str
    namespace: str
    token: object = None
    headers: dict[str, str] = field(default_factory=dict)
    given: dict[str, object] | None = None
    transports: tuple[str, ...] | None = ("websocket",)

    @property
    def options(self) -> dict[str, Any]:
        """The options of a Socket.IO client that choose its transports."""
        return {} if self.transports is None else {"transports": list(self.transports)}

    @property
    def auth(self) -> dict[str, object] | None:
        """The payload of the CONNECT packet."""
        if self.given is not None:
            return self.given
        return None if self.token is None else {"token": self.token}


@dataclass(frozen=True)
class Received:
    """An event that a client has received, with the monotonic time in seconds."""

    event: str
    args: tuple[Any, ...]
    at: float = field(default_factory=time.monotonic, compare=False)


class Client(ABC):
    """One app of one person in one namespace. Connecting happens in ``__init__``, which raises
    ``Refused``; whatever arrives is kept in order."""

    kind: ClassVar[str]

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.received: list[Received] = []
        self.acknowledged: dict[int, list[tuple[Any, ...]]] = {}
        self.ended = threading.Event()
        self._asked = itertools.count()
        self.seen = 0
        self.changed = threading.Condition()

    @abstractmethod
    def send(self, event: str, args: tuple[Any, ...], ack: int | None) -> None:
        """Send an event. If ``ack`` is given, the acknowledgement calls ``on_ack(ack, …)``."""

    @abstractmethod
    def leave(self) -> None:
        """Disconnect as a client does that closes the connection."""

    def transport(self) -> str:
        """Return the transport that the client uses now."""
        raise NotImplementedError

    @abstractmethod
    def drop(self) -> None:
        """Cut the TCP connection without closing the WebSocket."""

    def on_event(self, event: str, *args: Any) -> None:
        """Store an event that has arrived."""
        with self.changed:
            self.received.append(Received(event, args))
            self.changed.notify_all()

    def on_ack(self, ack: int, *args: Any) -> None:
        """Store an acknowledgement that has arrived."""
        with self.changed:
            self.acknowledged.setdefault(ack, []).append(args)
            self.changed.notify_all()

    def emit(self, event: str, *args: Any) -> None:
        """Send an event without asking for an acknowledgement."""
        self.send(event, args, None)

    def ask_arguments(self, event: str, *args: Any) -> tuple[Any, ...]:
        """Send an event and wait for its acknowledgement. Returns its arguments."""
        ack = next(self._asked)
        self.send(event, args, ack)
        with self.changed:
            called = self.changed.wait_for(lambda: ack in self.acknowledged, SECONDS)
            assert called, f"{event} was not acknowledged; came: {self.received}"
            (answer,) = self.acknowledged[ack]
        return answer

    def ask(self, event: str, *args: Any) -> Any:
        """Emit with an acknowledgement callback; the one argument it is called with."""
        answer = self.ask_arguments(event, *args)
        assert len(answer) == 1, f"{event} was acknowledged with {answer}"
        return answer[0]

    def wait_arguments(
        self, event: str, *, seconds: float = SECONDS, **fields: Any
    ) -> tuple[Any, ...]:
        """Wait for the next ``event`` with these fields, and return its arguments.

        Presence is skipped. Any other event that arrives before is a failure.
        """
        end = time.monotonic() + seconds
        with self.changed:
            while True:
                while self.seen < len(self.received):
                    found = self.received[self.seen]
                    self.seen += 1
                    if found.event == event and _has(found, fields):
                        return found.args
                    assert found.event == PRESENCE, f"expected {event}, came {found}"
                if not self.changed.wait(end - time.monotonic()):
                    raise AssertionError(f"no {event} {fields or ''}; came: {self.received}")

    def wait(self, event: str, *, seconds: float = SECONDS, **fields: Any) -> Any:
        """The payload, as the only argument, of what ``wait_arguments`` waits for."""
        arguments = self.wait_arguments(event, seconds=seconds, **fields)
        assert len(arguments) == 1, arguments
        return arguments[0]

    def wait_past(self, *events: str) -> None:
        """Wait until all of these events have arrived, in any order.

        Other events may arrive between them.
        """

        def found() -> bool:
            return {*events} <= {one.event for one in self.received[self.seen :]}

        with self.changed:
            assert self.changed.wait_for(found, SECONDS), f"not {events}: {self.received}"
            names = [one.event for one in self.received]
            self.seen = 1 + max(names.index(event, self.seen) for event in events)

    def wait_presence(self, telecaller_id: str, presence: str, *, after: int = 0) -> None:
        """Wait until the client receives that the telecaller has this presence.

        The first ``after`` announcements about the telecaller do not count.
        """

        def found() -> bool:
            announced = self.presence(telecaller_id)[after:]
            return any(payload["presence"] == presence for payload in announced)

        with self.changed:
            assert self.changed.wait_for(found, SECONDS), (
                f"not {presence}: {self.presence(telecaller_id)}"
            )

    def presence(self, telecaller_id: str) -> list[Any]:
        """Return the payloads of all announcements about a telecaller so far."""
        announced = [one.args[0] for one in self.received if one.event == PRESENCE]
        return [payload for payload in announced if payload["telecallerId"] == telecaller_id]

    @property
    def names(self) -> list[str]:
        """The names of all events so far, without presence."""
        return [one.event for one in self.received if one.event != PRESENCE]

    def at(self, event: str) -> float:
        """Return when the first event of this name arrived, in monotonic seconds."""
        return next(one.at for one in self.received if one.event == event)

    def stays_quiet(self, seconds: float = QUIET_SECONDS) -> None:
        """Check that no event is left unread, and that only presence arrives for ``seconds``."""
        with self.changed:
            self.changed.wait_for(self._unread, seconds)
            assert not self._unread(), f"unexpected: {self._unread()}"

    def _unread(self) -> list[Received]:
        return [one for one in self.received[self.seen :] if one.event != PRESENCE]


def _has(received: Received, fields: dict[str, Any]) -> bool:
    payload = received.args[0] if received.args else None
    return not fields or (
        isinstance(payload, dict)
        and all(payload.get(name) == value for name, value in fields.items())
    )
