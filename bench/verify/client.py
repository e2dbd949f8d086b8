"""A client on a plain WebSocket that speaks Engine.IO and Socket.IO, and keeps every frame."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

T = TypeVar("T")

SECONDS = 30.0
"""How long to wait for something that must arrive."""

PING, PONG = "2", "3"


class Unexpected(Exception):
    """The stack has not done what must come before the check. The text says what."""


class Frame(NamedTuple):
    """A frame that has arrived, and when, in monotonic seconds."""

    at: float
    text: str


class Socket:
    """A connection.

    began: when its handshake began, in monotonic seconds, ``shook``: when it was over.
    frames: all that has arrived, in order.
    answers: whether pings are answered.
    ended: when the connection was seen to end; None as long as it is open.
    """

    def __init__(self, connection: ClientConnection, began: float) -> None:
        self.connection = connection
        self.began, self.shook = began, time.monotonic()
        self.frames: list[Frame] = []
        self.answers = True
        self.ended: float | None = None
        self._changed = asyncio.Condition()
        self._numbers = itertools.count()
        self._prefix = ""
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, url: str, **options: Any) -> Socket:
        """Open a WebSocket. Raises ``websockets.InvalidStatus`` if the handshake is refused."""
        began = time.monotonic()
        limits = {"open_timeout": SECONDS, "close_timeout": 2, "ping_interval": None}
        return cls(await connect(url, compression=None, **(limits | options)), began)

    async def join(self, namespace: str, auth: object = None) -> None:
        """Join a namespace, whose events ``emit`` sends from now on.

        Raises ``Unexpected`` if the client is refused, or nothing comes.
        """
        await self.find(lambda text: text.startswith("0{"))
        self._prefix = "" if namespace == "/" else f"{namespace},"
        await self.send(f"40{self._prefix}{json.dumps(auth) if auth else ''}")
        starts = (f"40{self._prefix}", f"44{self._prefix}")
        answer = await self.find(lambda text: text.startswith(starts))
        if answer.text.startswith("44"):
            raise Unexpected(f"{namespace}: {answer.text}")

    async def send(self, text: str) -> None:
        """Send a frame."""
        await self.connection.send(text)

    async def emit(self, event: str, *arguments: object) -> None:
        """Send an event."""
        await self.send(f"42{self._prefix}{json.dumps([event, *arguments])}")

    async def ask(self, event: str, *arguments: object) -> Any:
        """Send an event, and return the argument of its acknowledgement.

        Raises ``Unexpected`` if that is an error, or does not come.
        """
        number = next(self._numbers)
        await self.send(f"42{self._prefix}{number}{json.dumps([event, *arguments])}")
        start = f"43{self._prefix}{number}["
        frame = await self.find(lambda text: text.startswith(start))
        (answer,) = json.loads(frame.text[len(start) - 1 :])
        if isinstance(answer, dict) and "error" in answer:
            raise Unexpected(f"{event}: {answer['error']}")
        return answer

    def events(self, name: str, since: int = 0) -> list[tuple[float, Any]]:
        """Return when the events of a name have arrived, each with its first argument.

        since: how many frames of the connection to leave out.
        """
        start = f"42{self._prefix}[{json.dumps(name)}"
        found = [frame for frame in self.frames[since:] if frame.text.startswith(start)]
        return [(frame.at, self._arguments(frame)[1]) for frame in found]

    def _arguments(self, frame: Frame) -> list[Any]:
        arguments = json.loads(frame.text[len(f"42{self._prefix}") :])
        return [*arguments, None]

    async def event(
        self, name: str, since: int = 0, *, seconds: float = SECONDS, **fields: object
    ) -> tuple[float, Any]:
        """Wait for an event with these fields. Returns when it has arrived, and its argument.

        Raises ``Unexpected`` if it does not come.
        """

        def found() -> tuple[float, Any] | None:
            for at, given in self.events(name, since):
                if not fields or fields.items() <= given.items():
                    return at, given
            return None

        return await self._until(found, f"{name} {fields or ''}", seconds)

    async def find(
        self, wanted: Callable[[str], bool], since: int = 0, seconds: float = SECONDS
    ) -> Frame:
        """Wait for a frame. Raises ``Unexpected`` if it does not come."""

        def found() -> Frame | None:
            return next((one for one in self.frames[since:] if wanted(one.text)), None)

        return await self._until(found, "the next frame", seconds)

    async def _until(self, found: Callable[[], T | None], what: str, seconds: float) -> T:
        try:
            async with asyncio.timeout(seconds), self._changed:
                while (one := found()) is None:
                    if self.ended is not None:
                        raise Unexpected(f"{what} has not come: the connection ended ({self.code})")
                    await self._changed.wait()
                return one
        except TimeoutError as error:
            raise Unexpected(f"{what} has not come within {seconds:g} s") from error

    async def end(self, seconds: float) -> bool:
        """Wait until the connection has ended. Returns whether it has within this time."""
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._reading), seconds)
        return self.ended is not None

    @property
    def code(self) -> int | None:
        """The code with which the connection has ended; 1006 if there was none."""
        return self.connection.close_code

    @property
    def opened_after(self) -> float | None:
        """The seconds from the end of the handshake to the first frame, or None without one."""
        return self.frames[0].at - self.shook if self.frames else None

    async def close(self, code: int = 1000) -> None:
        """Close the connection with a code. Idempotent."""
        await self.connection.close(code)
        await self._reading

    async def tear(self) -> None:
        """End the TCP connection without a close frame."""
        self.connection.transport.abort()
        await self._reading

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for text in self.connection:
                self.frames.append(Frame(time.monotonic(), str(text)))
                if text == PING and self.answers:
                    await self.send(PONG)
                async with self._changed:
                    self._changed.notify_all()
        self.ended = time.monotonic()
        async with self._changed:
            self._changed.notify_all()
