"""Clients that lose their connections and come back, as the functions' own entries see them."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import msgspec
import pytest

from functions.broadcast import main as broadcast
from functions.chat.namespaces import CHAT
from functions.disconnect import main as disconnect
from functions.opener import main as opener
from functions.socketio import join, upgrade
from functions.socketio import main as socketio
from shared.pipeline import rate_limits, returning
from shared.pipeline.payloads import Outbound
from shared.ports import Broadcast
from shared.protocol import json as wire
from shared.realtime import connections
from shared.realtime.connections import Connection
from shared.settings import settings
from tests.fakes import JWT_SECRET, Fakes
from tests.integration.stage import INVOCATION

_numbers = itertools.count(1)


class Numbered(Outbound, frozen=True):
    event = "numbered"
    number: int


def install(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the functions work with ``fakes``, in real time, and wait for nothing."""
    fakes.clock.now = int(time.time() * 1000)
    for main in (broadcast, disconnect, join, opener, socketio, upgrade):
        monkeypatch.setattr(main, "ports", lambda: fakes.ports)
    for name in ("settle", "quiet", "pause"):
        monkeypatch.setenv(f"RESTORE_{name.upper()}_SECONDS", "0")
    settings.cache_clear()
    monkeypatch.setattr(returning, "LOOKS_AFTERWARDS", (0.0,))


class Phone:
    """A client of socket.io-client's kind, in one namespace.

    namespace, person_id, role: whom the client's token names.
    recovery: whether it asks for recovery.
    received: the arguments of the events, without the offsets, in order.
    pid, offset: what the client library keeps.
    network: what its handshakes are counted by. With None, they are not counted.
    ahead_ms: by how much the client's clock, and that of the functions, is ahead of the real time.
    """

    def __init__(
        self, fakes: Fakes, namespace: str, person_id: str, role: str, *, recovery: bool = True
    ) -> None:
        self.fakes, self.namespace = fakes, namespace
        self.person_id, self.role, self.recovery = person_id, role, recovery
        self.received: list[list[Any]] = []
        self.pid = self.sid = ""
        self.offset: str | None = None
        self.recovered = False
        self.connection_id = ""
        self._read = 0
        self.ahead_ms = 0
        self.network: str | None = None

    def connect(self, **auth: Any) -> str:
        """Open a connection and join; return the connection's id."""
        self.connection_id, self._read = f"c{next(_numbers)}", 0
        expires_at = self.fakes.clock.now // 1000 + settings().connection_max_seconds
        row = Connection(self.connection_id, wire="s", expires_at=expires_at)
        if self.network:
            row.network = self.network
            now_ms = self.fakes.clock.now
            row.limited = not rate_limits.count_handshake(self.network, now_ms)
        connections.create(row)
        asked: dict[str, Any] = {"token": self.token}
        if self.recovery:
            asked["recovery"] = True
        if self.pid:
            asked |= {"pid": self.pid} | ({"offset": self.offset} if self.offset else {})
        self.frame(f"40{self.namespace},{json.dumps(asked | auth)}")
        return self.connection_id

    @property
    def token(self) -> str:
        """A token of the person."""
        claims = {
            "sub": self.person_id,
            "role": self.role,
            "name": self.person_id.title(),
            "exp": int(time.time()) + 7_200,
            "permissions": ["chat.access", "chat.send_messages"],
        }
        return jwt.encode(claims, JWT_SECRET, algorithm="HS256")

    def emit(self, event: str, *arguments: Any) -> None:
        """Send an event."""
        self.frame(f"42{self.namespace},{json.dumps([event, *arguments])}")

    def frame(self, text: str) -> None:
        """Send a frame, and read what the client has received then."""
        self.fakes.clock.now = max(
            self.fakes.clock.now + 1, int(time.time() * 1000) + self.ahead_ms
        )
        context = {
            "connectionId": self.connection_id,
            "messageId": f"m{next(_numbers)}",
            "requestTimeEpoch": self.fakes.clock.now,
            "requestId": "r",
        }
        socketio.handler({"requestContext": context, "body": text}, INVOCATION)
        self.read()

    def read(self) -> None:
        """Take what has been posted to the client, as the client library does."""
        frames = self.fakes.connections.to(self.connection_id)
        for text in frames[self._read :]:
            if text.startswith("40"):
                answer = json.loads(text[text.index("{") :])
                pid = answer.get("pid", "")
                self.recovered = bool(pid) and pid == self.pid
                self.pid, self.sid = pid, answer["sid"]
            elif text.startswith("42"):
                arguments = json.loads(text[text.index("[") :])
                if self.pid and isinstance(arguments[-1], str):
                    self.offset = arguments.pop()
                self.received.append(arguments)
        self._read = len(frames)

    def names(self) -> list[str]:
        """Return the names of the events that the client has received."""
        self.read()
        return [arguments[0] for arguments in self.received]


def deliver(fakes: Fakes, wanted: Callable[[Broadcast], bool] = lambda _: True) -> None:
    """Send the broadcasts that have been queued, in order."""
    queued, fakes.tasks.broadcasts[:] = list(fakes.tasks.broadcasts), []
    for message in queued:
        if wanted(message):
            broadcast.broadcast(msgspec.json.decode(wire.dumps(message), type=Broadcast))


def lose(phone: Phone, *, after_the_grace: bool = True) -> None:
    """Tear the connection of a client; run the consequences unless it is to come back before."""
    context = {"connectionId": phone.connection_id, "disconnectStatusCode": 1006}
    phone.fakes.connections.gone.add(phone.connection_id)
    disconnect.handler({"requestContext": context}, INVOCATION)
    if after_the_grace:
        disconnect.handler({"connectionId": phone.connection_id, "leaving": True}, INVOCATION)


def come_back(phone: Phone, **auth: Any) -> list[int]:
    """Let a client connect again, and return the numbers that it receives then."""
    before = len(phone.received)
    phone.connect(**auth)
    restored, phone.fakes.tasks.restored[:] = list(phone.fakes.tasks.restored), []
    for connection_id, namespace in restored:
        opener.handler({"connectionId": connection_id, "namespace": namespace}, INVOCATION)
    phone.read()
    return [one[1]["number"] for one in phone.received[before:] if one[0] == "numbered"]


def chatter(fakes: Fakes, person_id: str, *channels: str) -> Phone:
    """Connect a client to chat that has authenticated and joined some channels."""
    phone = Phone(fakes, CHAT.path, person_id, "AGENT")
    phone.connect()
    phone.emit("authenticate", phone.token)
    for channel in channels:
        phone.emit("join_channel", channel)
    return phone


def texts(phone: Phone) -> list[str]:
    """Return the texts of the messages that a client has received."""
    phone.read()
    return [one[1]["message"] for one in phone.received if one[0] == "chat:new_message"]
