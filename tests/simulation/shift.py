"""A shift of some hours: calls, blips of the network, and API Gateway's cuts after 2 h.

Apps come back by themselves, as a Socket.IO client does, and keep what they show.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from shared.protocol.socketio import Packet, PacketType
from tests.simulation.clients import App, Who
from tests.simulation.engine import row
from tests.simulation.gateway import TORN
from tests.simulation.screens import IN_CALL, RINGING
from tests.simulation.world import COINS, RATES, TINA, ULLA, UWE, World

CUT_AFTER_MS = 7_200_000
BLIP_MS = (500, 4_000)
RETURN_MS = (500, 1_500)
"""How long a Socket.IO client waits before it connects again."""

HOUR_MS = 3_600_000
TALK_MS = (20_000, 400_000)
GOING_AWAY = 1001
STEP_MS, PATIENCE_MS = 100, 20_000
RATE = RATES["AUDIO"]


@dataclass
class Figures:
    """What came of a shift.

    replaced: how many connections the stack has closed because they were old.
    recovered: how often an app has had its session back, if it asks for that.
    problems: what a person has seen that nobody should.
    """

    calls: int = 0
    cuts: int = 0
    blips: int = 0
    replaced: int = 0
    recovered: int = 0
    talked_seconds: int = 0
    coins: int = 0
    problems: list[str] = field(default_factory=list)


class Phone:
    """A person's app with all connections that it has in turn.

    state: what the app sends to have its session back, with its next connection.
    """

    def __init__(self, shift: Shift, who: Who) -> None:
        self.shift, self.who = shift, who
        self.state: dict[str, Any] = {"recovery": True} if shift.recovery else {}
        self.away_ms: float | None = None
        self.app = self._connect()

    def lose(self, code: int, away_ms: float | None = None) -> None:
        """End the connection, and come back after a while."""
        self.away_ms = away_ms
        self.shift.world.gateway.close(self.app.id, code)

    def closed(self) -> None:
        """Come back, however the connection has ended."""
        if self.away_ms is None:
            self.shift.figures.replaced += 1
            self.away_ms = self.shift.random.uniform(*RETURN_MS)
        self.shift.world.later(self.away_ms, self._come_back)
        self.away_ms = None

    def ask(self, event: str, payload: Any) -> Any:
        """Send an event as soon as the app is connected, and return the answer."""
        world = self.shift.world
        self.wait()
        asked = self.app.emit(event, payload)
        world.run(1_000)
        if not asked.done:
            self.shift.problem(f"{self.who.id}'s {event} failed: {asked.answer}")
        return asked.answer

    def wait(self) -> None:
        """Wait until the app is connected."""
        until = self.shift.world.now_ms + PATIENCE_MS
        while not self.app.alive and self.shift.world.now_ms < until:
            self.shift.world.run(STEP_MS)

    def _come_back(self) -> None:
        screen = self.app.screen
        self.shift.world.apps.remove(self.app)
        self.app = self._connect()
        self.app.screen = screen

    def _connect(self) -> App:
        world = self.shift.world
        app = _PhoneApp(world, self.who, self)
        world.apps.append(app)
        return app


class _PhoneApp(App):
    def __init__(self, world: World, who: Who, phone: Phone) -> None:
        self._phone = phone
        super().__init__(world, who)

    def auth(self) -> dict[str, Any]:
        return super().auth() | self._phone.state

    def _receive_packet(self, packet: Packet) -> None:
        state = self._phone.state
        data: Any = packet.data
        if packet.type is PacketType.CONNECT and "pid" in data:
            self._phone.shift.figures.recovered += state.get("pid") == data["pid"]
            state["pid"] = data["pid"]
        elif packet.type is PacketType.EVENT and "pid" in state:
            state["offset"] = data[-1]
        super()._receive_packet(packet)

    def closed(self) -> None:
        super().closed()
        self._phone.closed()


class Shift:
    """A shift of Tina's, whom Ulla calls again and again while Uwe looks on.

    recovery: whether their apps ask for recovery.
    """

    def __init__(self, world: World, hours: float, calls: int, *, recovery: bool = False) -> None:
        self.world, self.figures, self.recovery = world, Figures(), recovery
        self.random = random.Random(world.random.random())
        self._calls, self._pause_ms = calls, hours * HOUR_MS / calls
        self._planned: dict[str, float] = {}
        self._balance = COINS * 1_000

    def run(self) -> Figures:
        """Let all of it happen."""
        self.world.tell(
            "account.upserted", _id=ULLA.id, role="USER", name="Ulla", coins=self._balance
        )
        self.tina, self.ulla, self.uwe = (Phone(self, one) for one in (TINA, ULLA, UWE))
        self.world.later(CUT_AFTER_MS, self._cut)
        self.world.run()
        for number in range(self._calls):
            begin = self.world.now_ms
            self._call()
            self._wait(max(0, begin + self._pause_ms - self.world.now_ms), number % 2)
        self.world.settle()
        self._check()
        return self.figures

    def problem(self, text: str) -> None:
        """Note what nobody should see."""
        self.figures.problems.append(f"{self.world.now_ms / 1000:.0f} s: {text}")

    def _call(self) -> None:
        """Let Ulla call Tina, both talk, and one of them hang up."""
        request = {"telecallerId": TINA.id, "callType": "AUDIO"}
        answer = self.ulla.ask("call:initiate", request)
        call_id = (answer or {}).get("callId", "")
        ref = {"callId": call_id}
        self._wait(self.random.uniform(1_000, 10_000), 1)
        self._expect(self.tina, call_id, RINGING)
        self.tina.ask("call:accept", ref)
        accepted_ms = self.world.now_ms
        self._wait(self.random.uniform(*TALK_MS), self.random.randint(0, 2))
        for phone in (self.ulla, self.tina):
            self._expect(phone, call_id, IN_CALL)
        hangs_up = self.random.choice((self.ulla, self.tina))
        hangs_up.wait()
        self._planned[call_id] = (self.world.now_ms - accepted_ms) / 1000 + 1
        hangs_up.ask("call:end", ref)
        self._wait(self.random.uniform(5_000, 10_000), 1)
        for phone in (self.ulla, self.tina):
            self._expect(phone, call_id, None)

    def _wait(self, ms: float, blips: int) -> None:
        """Let time pass, with some blips in it."""
        for _ in range(blips):
            phone, at_ms = self.random.choice((self.tina, self.ulla)), self.random.uniform(0, ms)
            self.world.later(at_ms, partial(self._blip, phone))
        self.world.run(ms)

    def _cut(self) -> None:
        """Do what API Gateway does to connections that have lasted 2 h, to all at once."""
        self.world.later(CUT_AFTER_MS, self._cut)
        for phone in (self.tina, self.ulla, self.uwe):
            if phone.app.alive:
                self.figures.cuts += 1
                phone.lose(GOING_AWAY, self.random.uniform(*RETURN_MS))

    def _blip(self, phone: Phone) -> None:
        if phone.app.alive:
            self.figures.blips += 1
            phone.lose(TORN, self.random.uniform(*BLIP_MS))

    def _expect(self, phone: Phone, call_id: str, shown: str | None) -> None:
        phone.wait()
        self.world.run(STEP_MS)
        found = phone.app.screen.calls.get(call_id)
        if found != shown:
            self.problem(f"{phone.who.id} shows {found} of call {call_id}, not {shown}")

    def _check(self) -> None:
        """Compare with what was talked, and look for what nobody should have seen."""
        for phone in (self.tina, self.ulla, self.uwe):
            for at_ms, event, payload in phone.app.screen.events:
                if event == "telecaller:presence-changed" and payload["presence"] == "OFFLINE":
                    self.problem(f"{phone.who.id} saw OFFLINE at {at_ms / 1000:.0f} s")
            self._check_once(phone)
        records = [row(item) for item in self.world.dynamo.rows["calls"].values()]
        for record in records:
            seconds = record.get("durationSeconds", 0)
            self.figures.calls += record["status"] == "COMPLETED"
            self.figures.talked_seconds += seconds
            self.figures.coins += record.get("coins", 0)
            planned = self._planned.get(record["callId"], -1)
            minutes = -(-seconds // 60)
            if abs(seconds - planned) > 2 or record.get("coins", 0) != minutes * RATE:
                self.problem(f"{record} is not what was talked: {planned:.0f} s")
        left = row(self.world.dynamo.rows["people"][f"{ULLA.namespace}#{ULLA.id}",])["coins"]
        if left != self._balance - self.figures.coins:
            self.problem(f"ulla has {left} coins after {self.figures.coins}")

    def _check_once(self, phone: Phone) -> None:
        """Look for an event of a call that an app with recovery has heard twice."""
        heard = [
            (event, payload["callId"])
            for _, event, payload in phone.app.screen.events
            if isinstance(payload, dict) and "callId" in payload
        ]
        for event, call_id in set(heard) if self.recovery else ():
            if heard.count((event, call_id)) > 1:
                self.problem(f"{phone.who.id} heard {event} of {call_id} more than once")
