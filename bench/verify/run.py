"""A run: the stack that is checked, the bounds, and what the checks share."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bench.verify.client import Socket
from bench.verify.deployed import Deployed
from bench.verify.guests import Guests
from shared.settings import Settings

WINDOW_SECONDS = 61.0
"""The window of the stack's limits, and a second for its clock."""

REQUEST_SECONDS = 35.0


@dataclass(frozen=True)
class Bounds:
    """What a run may do.

    minutes: how long it may take.
    connections: the most connections at a time.
    calls: how many calls are measured.
    timers: how many calls are left unanswered.
    posts: how many pairs of posts are compared in their order.
    disturb: whether checks run that others notice.
    only: the names of the checks that run; all, if it is empty.
    """

    minutes: float = 30
    connections: int = 100
    calls: int = 100
    timers: int = 100
    posts: int = 1000
    disturb: bool = False
    only: tuple[str, ...] = ()


class Allowance:
    """What a limit of the stack lets through in a minute. Waits instead of exceeding it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._taken: deque[float] = deque()
        self._turn = asyncio.Lock()

    async def take(self) -> None:
        """Wait until one more is allowed."""
        async with self._turn:
            if len(self._taken) == self.limit:
                await asyncio.sleep(self._taken.popleft() + WINDOW_SECONDS - time.monotonic())
            self._taken.append(time.monotonic())

    async def all_free(self) -> None:
        """Wait until the limit lets all through."""
        if self._taken:
            await asyncio.sleep(self._taken[-1] + WINDOW_SECONDS - time.monotonic())
        self._taken.clear()

    def use_up(self) -> None:
        """Note that nothing more is allowed for a minute."""
        self._taken.extend([time.monotonic()] * (self.limit - len(self._taken)))


@dataclass
class Run:
    """What all checks of a run share.

    url: the origin of the stack.
    settings: those with which the stack runs, or the defaults if its account is not known.
    sockets: every client that was opened, for the checks that look at all of them.
    measured: the window in which the calls were measured, in epoch seconds, their
        number, and how many users were connected.
    audience, channel: the connections that receive broadcasts, and the channel that they are in.
    """

    url: str
    bounds: Bounds
    settings: Settings
    http: aiohttp.ClientSession
    stack: Deployed | None
    guests: Guests | None
    sockets: list[Socket] = field(default_factory=list)
    measured: tuple[float, float, int, int] | None = None
    audience: list[Socket] = field(default_factory=list)
    channel: str = ""
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.handshakes = Allowance(self.settings.limit_connections_per_minute)

    @property
    def account(self) -> Deployed:
        """The stack in its account. Only checks with ``account`` ask for it."""
        assert self.stack
        return self.stack

    @property
    def people(self) -> Guests:
        """The people of this run. Only checks with ``account`` ask for them."""
        assert self.guests
        return self.guests

    @property
    def minutes_left(self) -> float:
        """How much of its time the run has left."""
        return self.bounds.minutes - (time.monotonic() - self.began) / 60

    @property
    def websocket(self) -> str:
        """The URL of the stack's WebSockets, without a path."""
        return self.url.replace("http", "ws", 1)

    async def open(self, path: str, **options: object) -> Socket:
        """Open a WebSocket when the limit of handshakes allows it, and keep it."""
        await self.handshakes.take()
        socket = await Socket.open(self.websocket + path, **options)
        self.sockets.append(socket)
        return socket

    async def join(self, namespace: str, token: str) -> Socket:
        """Open a WebSocket, and join a namespace. Raises ``Unexpected`` if it is refused."""
        socket = await self.open("/socket.io/?EIO=4&transport=websocket")
        await socket.join(namespace, {"token": token})
        return socket

    async def get(self, path: str, token: str = "") -> tuple[int, object]:
        """Make a GET request. Returns its status and its body, decoded if it is JSON."""
        return await self.ask("GET", path, token)

    async def ask(
        self, method: str, path: str, token: str = "", body: object = None
    ) -> tuple[int, Any]:
        """Make a request. Returns its status and its body, decoded if it is JSON."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.http.request(method, self.url + path, headers=headers, json=body) as answer:
            is_json = answer.content_type == "application/json"
            return answer.status, await (answer.json() if is_json else answer.text())
