"""The apps of people: they speak Engine.IO and Socket.IO, or native JSON, frame by frame."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import jwt

from shared.pipeline.context import Arrival
from shared.protocol import engineio, native, socketio
from shared.protocol.errors import InvalidPacket
from shared.protocol.socketio import PacketType
from shared.realtime.namespaces import MAIN
from tests.fakes import JWT_SECRET
from tests.simulation.screens import Asked, Screen

if TYPE_CHECKING:
    from tests.simulation.world import World

LOADS_AFTER_MS = 1_000
"""An app fetches its first screen when it has connected."""

JOINED = "joined"
"""The name under which an app reacts to being in its namespace."""

EXPIRES_AT = 4_000_000_000
PERMISSIONS = [
    "chat.access",
    "chat.send_messages",
    "chat.manage_channels",
    "chat.send_broadcasts",
    "call.audio",
    "call.video",
]


class Who(NamedTuple):
    """A person, and the namespace that their app uses."""

    id: str
    role: str
    namespace: str


@cache
def token(who: Who) -> str:
    """Return a signed token of a person."""
    claims = {"sub": who.id, "role": who.role, "name": f"Name of {who.id}", "exp": EXPIRES_AT}
    return jwt.encode(claims | {"permissions": PERMISSIONS}, JWT_SECRET, algorithm="HS256")


class App:
    """One device or tab of a person.

    joined: whether the app believes that it is connected to its namespace.
    joined_ms: since when.
    closed_ms: when its connection ended, or None.
    losses: when its connections have ended.
    shy: whether it never authenticates in chat.
    mute: whether it answers no pings.
    reactions: what it does at once when it hears an event, or has ``JOINED``.
    """

    def __init__(self, world: World, who: Who, *, wire: str = "s") -> None:
        self.world, self.who, self.wire = world, who, wire
        self.screen = Screen()
        self.joined = False
        self.joined_ms = 0.0
        self.closed_ms: float | None = None
        self.losses: list[float] = []
        self.shy = self.mute = False
        self.reactions: dict[str, Callable[[App, Any], object]] = {}
        self._waiting: dict[int, Asked] = {}
        self._acks = 0
        self.id = self._connect()

    @property
    def chat(self) -> bool:
        """Whether this is a tab of chat."""
        return self.who.namespace == MAIN

    @property
    def alive(self) -> bool:
        """Whether the app is connected, and knows it."""
        return self.joined and self.closed_ms is None

    @property
    def member(self) -> str:
        """The app's session as the rows have it, in the form of ``Address.member``."""
        return f"{self.wire}:{self.id}"

    @property
    def mark(self) -> str:
        """What no other session's ``member`` has, whichever connection the app has."""
        return self.member

    def emit(self, event: str, payload: Any = None) -> Asked:
        """Send an event, and ask for its acknowledgement."""
        self._acks += 1
        frame = self._frame(event, payload, self._acks)
        at_ms = self.world.gateway.send(self.id, frame)
        arrival = Arrival(self.id, self.world.gateway.message_id(), at_ms)
        asked = Asked(event, payload, arrival.id, at_ms)
        self._waiting[self._acks] = asked
        self.screen.ask(asked)
        return asked

    def auth(self) -> dict[str, Any]:
        """Return what a Socket.IO app says of itself when it joins."""
        return {"token": token(self.who)}

    def close(self) -> None:
        """Close the connection."""
        self.world.gateway.close(self.id)

    def send(self, frame: str) -> None:
        """Send a frame as it is."""
        self.world.gateway.send(self.id, frame)

    def closed(self) -> None:
        """Take notice that the connection is over."""
        self.joined = False
        self.closed_ms = self.world.now_ms
        self.losses.append(self.closed_ms)

    def opened(self) -> None:
        """A native app is in its namespace when its connection is open, or authenticates then."""
        if self.wire == "n" and self.chat:
            self.emit("authenticate", token(self.who))
        elif self.wire == "n":
            self._join()

    def receive(self, frame: str) -> None:
        """Take a frame."""
        if self.wire == "n":
            self._receive_native(frame)
            return
        try:
            packet = engineio.decode(frame)
        except InvalidPacket:
            self.close()
            return
        match packet.type:
            case engineio.PacketType.OPEN:
                self.send(self._hello())
            case engineio.PacketType.PING if not self.mute:
                self.send("3")
            case engineio.PacketType.MESSAGE:
                self._receive_packet(socketio.decode(packet.data))

    def load(self) -> None:
        """Fetch what the app shows at first."""
        if self.alive:
            self.screen.loaded = self.world.first_screen(self.who)
            running = self.world.running_call(self.who)
            if running:
                self.screen.calls.setdefault(*running)

    def _connect(self) -> str:
        """Open the connection. Returns its id."""
        query = {"EIO": "4", "transport": "websocket"}
        if self.wire == "n":
            query = {"namespace": self.who.namespace, "token": token(self.who)}
        return self.world.gateway.connect(self, query, {})

    def _hello(self) -> str:
        """Return the packet with which the app joins its namespace."""
        return "40" if self.chat else f"40{self.who.namespace},{json.dumps(self.auth())}"

    def _receive_packet(self, packet: socketio.Packet) -> None:
        data: Any = packet.data
        match packet.type:
            case PacketType.CONNECT:
                if not self.chat:
                    self._join()
                elif not self.shy:
                    self.emit("authenticate", token(self.who))
            case PacketType.DISCONNECT:
                self.joined = False
            case PacketType.EVENT:
                self._hear(data[0], data[1] if len(data) > 1 else None)
            case PacketType.ACK:
                self._answer(packet.id or 0, data[0])

    def _receive_native(self, frame: str) -> None:
        body = json.loads(frame)
        if "event" in body:
            self._hear(body["event"], body.get("data"))
        elif "ack" in body:
            error = body.get("error")
            self._answer(body["ack"], {"error": error} if error else body.get("data"))

    def _hear(self, event: str, payload: Any) -> None:
        if event == "authenticated":
            self._join()
        self.screen.hear(event, payload, self.world.now_ms)
        self._react(event, payload)

    def _join(self) -> None:
        if not self.joined:
            self.joined, self.joined_ms = True, self.world.now_ms
            self.world.later(LOADS_AFTER_MS, self.load)
            self._react(JOINED, None)

    def _react(self, event: str, payload: Any) -> None:
        reaction = self.reactions.get(event)
        if reaction:
            reaction(self, payload)

    def _answer(self, ack_id: int, answer: Any) -> None:
        asked = self._waiting.pop(ack_id, None)
        if asked:
            self.screen.answer(asked, answer, self.world.now_ms, chat=self.chat)

    def _frame(self, event: str, payload: Any, ack_id: int) -> str:
        if self.wire == "n":
            request = {"action": native.action(event), "data": payload, "id": ack_id}
            return json.dumps(request)
        data = [event] if payload is None else [event, payload]
        namespace = "" if self.chat else f"{self.who.namespace},"
        return f"42{namespace}{ack_id}{json.dumps(data)}"
