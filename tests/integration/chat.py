"""People and channels of chat, as a test needs them at its start."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from functions.chat import channels, pushes, stream
from functions.chat.events import ChannelUpserted
from functions.chat.namespaces import CHAT
from functions.products import REGISTRY
from shared.pipeline import departure
from shared.pipeline.context import Arrival, Background
from shared.pipeline.dispatch import Request, dispatch
from shared.realtime import connections, people, session_store
from shared.realtime.address import Address, Wire
from shared.realtime.connections import Connection
from shared.realtime.sessions import Session
from tests.fakes import NOW_MS, Fakes
from tests.integration.engines import Engine
from tests.integration.followed import Record, following
from tests.integration.stage import EXPIRES_AT

EVERYTHING = frozenset(
    {"chat.access", "chat.send_messages", "chat.manage_channels", "call.audio", "call.video"}
)


@contextmanager
def announcing(engine: Engine, fakes: Fakes, *tables: str) -> Iterator[None]:
    """Announce and push what is written to some tables of chat, as their streams' function does."""

    def take(record: Record) -> None:
        fakes.tasks.broadcasts.extend(stream.broadcasts(record, fakes.clock.now))
        pushes.follow([record])

    with ExitStack() as followed:
        for table in tables:
            followed.enter_context(following(engine, table, take))
        yield


class Chat:
    """Sends what clients send. Frames arrive one millisecond after each other."""

    def __init__(self, fakes: Fakes) -> None:
        self.fakes = fakes
        self.frames = 0
        fakes.clock.now = int(time.time() * 1000)  # rows of rooms expire by the real time

    def channel(
        self, channel_id: str | int, *, private: bool = False, members: str = "", at: int = NOW_MS
    ) -> None:
        """Report a channel as the backend does, as of ``at``, epoch milliseconds.

        members: ids, separated by spaces.
        """
        event = ChannelUpserted(channel_id, f"Channel {channel_id}", None, private, _ids(members))
        channels.channel_upserted(Background.on(REGISTRY, self.fakes.ports), event, at)

    def tab(self, person_id: str, tab: str, *, permissions: frozenset[str] = EVERYTHING) -> Address:
        """Open a connection that has authenticated, and return its address."""
        name = f"Name of {person_id}"
        session = Session(CHAT.path, f"sid-{tab}", person_id, "USER", name, None, permissions)
        connections.create(Connection(tab, wire="s", expires_at=EXPIRES_AT))
        assert session_store.add_session(tab, session)
        address = Address(CHAT.path, Wire.SOCKETIO, tab)
        assert people.join(address, person_id, expires_at=EXPIRES_AT, everybody=True)
        return address

    def send(self, tab: str, event: str, payload: object = None, *, frame: int = 0) -> None:
        """Dispatch an event of a tab.

        frame: the number of a frame that is delivered again or late; 0 for the next frame.
        """
        self.frames += 0 if frame else 1
        number = frame or self.frames
        arrival = Arrival(tab, f"message-{number}", NOW_MS + number)
        request = Request(event, Wire.SOCKETIO, CHAT.path, [payload], ack=number)
        dispatch(REGISTRY, self.fakes.ports, arrival, request)

    def depart(self, tab: str) -> None:
        """Let a connection end."""
        departure.end_connection(REGISTRY, self.fakes.ports, tab)

    def broadcasts(self, *events: str) -> list[dict[str, Any]]:
        """Return the payloads of broadcasts of these events, each once, as SQS delivers them."""
        once: dict[object, dict[str, Any]] = {}
        for number, one in enumerate(self.fakes.tasks.broadcasts):
            if one.event in events:
                payload = json.loads(json.dumps(_plain(one.payload)))
                once.setdefault((one.group, one.once or number), payload)
        return list(once.values())

    def errors(self, tab: str) -> list[Any]:
        """Return the payloads of all error events that a tab has received."""
        return [text for name, text in self.fakes.events(tab) if name.endswith(":error")]

    def answer(self, tab: str) -> Any:
        """Return what the last acknowledgement to a tab carries."""
        frames = [one for one in self.fakes.connections.to(tab) if one.startswith("43")]
        return json.loads(frames[-1][frames[-1].index("[") :])[0]


class Overtaken:
    """A write that another write overtakes the first time, so that the rows read for it are old.

    write: the function that is called each time.
    first: what happens before the first call.
    """

    def __init__(self, write: Callable[..., Any], first: Callable[[], None]) -> None:
        self._write = write
        self._first: Callable[[], None] | None = first

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        first, self._first = self._first, None
        if first:
            first()
        return self._write(*arguments, **named)


def _ids(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _plain(payload: Any) -> Any:
    from shared.protocol import json as wire

    return json.loads(wire.dumps(payload))
