"""Apps that ask for recovery, and come back by themselves whenever their connection is lost."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from shared.protocol.socketio import Packet, PacketType
from shared.settings import settings
from tests.simulation.clients import App, Who
from tests.simulation.gateway import TORN
from tests.simulation.screens import LEAVES, Screen

if TYPE_CHECKING:
    from tests.simulation.world import World

RETURN_MS = (0, 12_000)
"""How long an app is away: it may come back within the grace, or when that is over."""


class RecoveringApp(App):
    """One device or tab of a person, with all connections that it has in turn.

    An app whose session is recovered goes on as if it had never been away. One whose session is
    not recovered begins anew, and leaves a copy of what it was in the world.

    If an event overtakes another one, the offset that comes last is the lower one, and a client
    knows this one only. So when it comes back, it is sent the later event again, and ignores it.

    unrecovered: the sessions that it should have had back, by their ``pid``.
    """

    def __init__(self, world: World, who: Who) -> None:
        self.unrecovered: list[str] = []
        self._sid = ""
        self._state: dict[str, Any] = {"recovery": True}
        self._leaves = False
        self._received: set[str] = set()
        self._again: set[str] = set()
        self._lost_ms = 0.0
        super().__init__(world, who)

    @property
    def member(self) -> str:
        return f"r:{self.id}:{self._sid}"

    @property
    def mark(self) -> str:
        return self._sid

    def auth(self) -> dict[str, Any]:
        return super().auth() | self._state

    def close(self) -> None:
        """Close the connection, and stay away."""
        self._leaves = True
        super().close()

    def lose(self) -> None:
        """Tear the connection."""
        self.world.gateway.close(self.id, TORN)

    def closed(self) -> None:
        if self.joined:
            self._lost_ms = self.world.now_ms
        super().closed()
        last = self._state.get("offset", "")
        self._again |= {one for one in self._received if one > last}
        if not self._leaves:
            self.world.later(self.world.random.uniform(*RETURN_MS), self._come_back)

    def _come_back(self) -> None:
        self.closed_ms = None
        self.id = self._connect()

    def _hello(self) -> str:
        namespace = "" if self.chat else f"{self.who.namespace},"
        return f"40{namespace}{json.dumps(self.auth())}"

    def _receive_packet(self, packet: Packet) -> None:
        data: Any = packet.data
        match packet.type:
            case PacketType.CONNECT:
                former = self._state.get("pid")
                self._sid, self._state["pid"] = data["sid"], data["pid"]
                if former == data["pid"]:
                    self._go_on()
                    return
                if former:
                    self._begin_anew(former)
            case PacketType.DISCONNECT:
                self._leaves = True
            case PacketType.EVENT:
                self._state["offset"] = data[-1]
                if data[-1] in self._again:
                    return
                self._received.add(data[-1])
        super()._receive_packet(packet)

    def _go_on(self) -> None:
        """Have the session back. What was not answered on the lost connection never will be, so the
        app asks again to end its calls."""
        self.joined = True
        unanswered = [one for one in self._waiting.values() if one.event in LEAVES]
        self._waiting.clear()
        self.screen.stop_dialing()
        for one in unanswered:
            self.emit(one.event, one.payload)
        if self.screen.loaded is None:
            self.load()

    def _begin_anew(self, former: str) -> None:
        """Have a new session in place of the former one, which is given by its ``pid``."""
        before = copy.copy(self)
        before.closed_ms = self._lost_ms
        self.world.apps.append(before)
        in_time = self.world.now_ms - self._lost_ms < settings().recovery_seconds * 1000
        self.unrecovered, self.losses = [former] if in_time else [], []
        self._state.pop("offset", None)
        self._received, self._again = set(), set()
        self.screen, self._waiting = Screen(), {}
