"""The whole backend and its people, with a clock and an agenda.

Nothing happens by itself: ``run`` takes what is due from the agenda, in order, and moves the clock.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import json
import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import jwt

from local.accounts import save as save_account
from shared.identity.accounts import Account
from tests.fakes import LIVEKIT_SECRET, NOW_MS
from tests.simulation import services, stack
from tests.simulation.clients import App, Who, token
from tests.simulation.engine import Dynamo, Rows, row
from tests.simulation.faults import Fault, Kind
from tests.simulation.gateway import Gateway
from tests.simulation.invocation import Done, Invocation, here
from tests.simulation.lambdas import MINUTE_MS, Lambdas
from tests.simulation.patches import use
from tests.simulation.phones import Phones
from tests.simulation.polling import PollingApp, UpgradingApp
from tests.simulation.queues import Queues
from tests.simulation.recovering import RecoveringApp
from tests.simulation.ring import Ring
from tests.simulation.screens import CALLING, IN_CALL
from tests.simulation.streams import Streams

Action = Callable[[], object]

POLLING, UPGRADING, RECOVERING = "p", "u", "r"
KINDS: dict[str, type[App]] = {
    POLLING: PollingApp,
    UPGRADING: UpgradingApp,
    RECOVERING: RecoveringApp,
}
"""What an app speaks that polls, and stays so or upgrades, or that asks for recovery."""

QUIET_MS = 3_000
"""Longer than anything takes that does not wait for a timer."""

RING_MS, SWEEPS_MS = 45_000, 2 * MINUTE_MS
FRAME_DELAYS_MS, LATENCIES_MS = 150, 40
"""The longest that a frame and a request take, where they take time."""

COINS = 1_000
RATES: Any = {"AUDIO": 10, "VIDEO": 20}
ULLA, UWE = (Who(name, "USER", "/user") for name in ("ulla", "uwe"))
TINA, THEO = (Who(name, "TELECALLER", "/telecaller") for name in ("tina", "theo"))
ADA = Who("ada", "ADMIN", "/admin")
ANNA, BERT, CARL = (Who(name, "AGENT", "/") for name in ("anna", "bert", "carl"))
CORA, CURT = (Who(name, "CUSTOMER", "/customer") for name in ("cora", "curt"))
PAUL, PETRA = (Who(name, "PARTNER", "/partner") for name in ("paul", "petra"))
EVERYBODY = (ULLA, UWE, TINA, THEO, ADA, ANNA, BERT, CARL, CORA, CURT, PAUL, PETRA)


class World:
    """Everything of one run; a snapshot of the runner keeps it for later.

    fault: the fault to hit one of the next invocations.
    rival: the event that a race lets happen.
    trace: the invocations since tracing began, or None.
    told: what a team's backend has reported: when, type and data.
    published: what is on the bus for a team's own systems: type and detail.
    rooms_empty: what LiveKit says of a room when it is asked.
    """

    invocation: type[Invocation] = Invocation
    """The kind of its invocations."""

    wire = "s"
    """What apps speak if nothing else is said: Socket.IO."""

    def __init__(self, dynamo: Dynamo, seed: int = 0) -> None:
        self.dynamo = dynamo
        self.now_ms: float = NOW_MS
        self.random = random.Random(seed)
        self.slow = False
        self.error_frames = False
        self.fault: Fault | None = None
        self.rival: Action | None = None
        self.trace: list[Invocation] | None = None
        self.missing_rights: set[str] = set()
        self.bus_events = 0
        self.published: list[tuple[str, dict[str, Any]]] = []
        self.rooms_empty = True
        self.told: list[tuple[float, str, dict[str, Any]]] = []
        self.apps: list[App] = []
        self._agenda: list[tuple[float, int, Action]] = []
        self._entries = 0
        self._invoked: Counter[str] = Counter()
        self.lambdas, self.queues, self.streams = Lambdas(self), Queues(self), Streams(self)
        self.ring, self.gateway = Ring(self), Gateway(self)
        self.phones = Phones(self)
        use(self)
        dynamo.restore({name: {} for name in dynamo.rows})
        for who in EVERYBODY:
            save_account(_account(who))
        self.later(MINUTE_MS, self.lambdas.every_minute)

    @property
    def running(self) -> Invocation | None:
        """The invocation whose code asks, or None."""
        return here()

    # The clock and the agenda.

    def later(self, ms: float, action: Action) -> None:
        """Do something after a while, behind what is due at the same time already."""
        self._entries += 1
        heapq.heappush(self._agenda, (self.now_ms + ms, self._entries, action))

    def run(self, ms: float = QUIET_MS) -> None:
        """Let time pass, and everything happen that is due."""
        until = self.now_ms + ms
        while self._agenda and self._agenda[0][0] <= until:
            at, _, action = heapq.heappop(self._agenda)
            self.now_ms = max(self.now_ms, at)
            action()
        self.now_ms = max(self.now_ms, until)

    def latency(self) -> float:
        """Return how long the next request takes, ms."""
        return self.random.uniform(0, LATENCIES_MS) if self.slow else 0

    def frame_delay(self) -> float:
        """Return how long the next frame takes, ms."""
        return self.random.uniform(0, FRAME_DELAYS_MS) if self.slow else 0

    # Functions and requests.

    def invoke(self, name: str, event: Any, done: Done) -> None:
        """Invoke a function; ``done`` is called with the invocation when it is over."""
        invocation = self.invocation(self, stack.SPECS[name], event, done)
        fault = self.fault
        if fault and fault.function == name:
            if self._invoked[name] == fault.nth:
                invocation.fault = fault
            self._invoked[name] += 1
        if self.trace is not None:
            self.trace.append(invocation)
        if invocation.fault and fault and fault.kind is Kind.TWICE:
            self.later(1, partial(self.invoke, name, event, _ignore))
        invocation.resume()

    def inject(self, fault: Fault) -> None:
        """Have a fault hit one of the invocations from now on."""
        self.fault = fault
        self._invoked.clear()

    def execute(self, service: str, operation: str, params: dict[str, Any]) -> Any:
        """Execute a request of the SDK."""
        if service != "dynamodb":
            return services.execute(self, operation, params)
        answer, changes = self.dynamo.call(operation, params)
        for change in changes:
            self.streams.add(change)
        return answer

    # People.

    def come(self, who: Who, *, wire: str = "") -> App:
        """Connect an app, which is not ready yet. ``wire``: instead of the world's."""
        wire = wire or self.wire
        kind = KINDS.get(wire)
        app = kind(self, who) if kind else App(self, who, wire=wire)
        self.apps.append(app)
        return app

    def of(self, who: Who) -> list[App]:
        """Return the apps of a person that are connected."""
        return [app for app in self.apps if app.who == who and app.alive]

    def tell(self, type_: str, /, **data: Any) -> None:
        """Report an event of a team's own systems, straight on the bus."""
        told = {name: value for name, value in data.items() if name != "happenedAt"}
        self.told.append((self.now_ms, type_, told))
        self.now_ms += 1
        detail = json.dumps({"happenedAt": int(self.now_ms)} | data)
        entry = {"Source": "team", "DetailType": type_, "Detail": detail}
        services.execute(self, "PutEvents", {"Entries": [entry]})

    def post(self, type_: str, /, **data: Any) -> None:
        """Report an event of a team's own systems through ``POST /events``."""
        self.told.append((self.now_ms, type_, data))
        body = json.dumps({"type": type_, "data": data})
        self.gateway.ask("POST", "/events", token(ADA), body, _ignore)

    def report_room(self, event: str, call_id: str, who: Who, joined_s: int) -> None:
        """Report an event in the room of a call, as LiveKit does."""
        participant = {"sid": str(joined_s), "identity": who.id, "joinedAt": str(joined_s)}
        at = str(int(self.now_ms / 1000))
        report = {"event": event, "room": {"name": call_id}, "createdAt": at}
        body = json.dumps(report | {"participant": participant})
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        claims = {"iss": "key", "exp": 2**33, "sha256": digest}
        signature = jwt.encode(claims, LIVEKIT_SECRET, algorithm="HS256")
        path = "/livekit/webhook"
        self.gateway.ask("POST", path, signature, body, _ignore, scheme="")

    def asks(self, who: Who, key: str, body: str = "") -> None:
        """Make a person's request to a route: ``GET /admin/calls?limit=1``."""
        method, _, rest = key.partition(" ")
        path, _, query = rest.partition("?")
        self.gateway.ask(method, path, token(who), body, _ignore, query=query)

    def first_screen(self, who: Who) -> dict[str, Any]:
        """Return what an app fetches at first: presence of telecallers, and own bookings."""
        listed = self.dynamo.rows["presences"]
        found: dict[str, Any] = {telecaller_id: presence for presence, telecaller_id in listed}
        for (booking_id,), item in self.dynamo.rows["bookings"].items():
            booking = row(item)
            if who.id in (booking.get("customerId"), booking.get("partnerId")):
                found[booking_id] = booking.get("status")
        return found

    def running_call(self, who: Who) -> tuple[str, str] | None:
        """Return the call that an app finds at first, and how it shows it, or None."""
        item = self.dynamo.rows["people"].get((f"{who.namespace}#{who.id}",))
        call = row(item).get("call") if item else None
        if not call or who.namespace not in (ULLA.namespace, TINA.namespace):
            return None
        peer = (TINA if who.namespace == ULLA.namespace else ULLA).namespace
        other = self.dynamo.rows["people"].get((f"{peer}#{call['peerId']}",))
        status = call.get("status") or (row(other).get("call") or {} if other else {}).get("status")
        if status == "ACCEPTED":
            return call["id"], IN_CALL
        return (call["id"], CALLING) if who.namespace == ULLA.namespace else None

    def settle(self) -> None:
        """Let the ring timeout and two sweeps pass."""
        self.run(RING_MS + SWEEPS_MS)

    def rows(self) -> Rows:
        """Return all rows of all tables as they are now."""
        return self.dynamo.copy()


class NativeWorld(World):
    """A world whose apps speak native JSON, so that each product's own function handles events."""

    wire = "n"


def presence_of(telecaller: dict[str, Any]) -> str:
    """Return a telecaller's presence as users see it, from their row."""
    if not telecaller.get("connections"):
        woken = telecaller.get("devices") and telecaller.get("awaited")
        return "ONLINE" if woken else "OFFLINE"
    call = telecaller.get("call") or {}
    return "ON_CALL" if call.get("status") == "ACCEPTED" else "ONLINE"


def _ignore(_: Invocation) -> None:
    """Nobody waits for a second delivery."""


def _account(who: Who) -> Account:
    return Account(
        id=who.id,
        role=who.role,
        name=f"Name of {who.id}",
        approval_status="APPROVED",
        coins=COINS if who.role == "USER" else 0,
        rates=RATES if who.role == "TELECALLER" else {},
    )
