"""Anything that can happen to four people and their calls, in any order.

Two users and two telecallers, each with up to two connections; every step goes through the code
that the functions run, on real tables. What the gateway and the timers do is up to the machine:
connections drop with and without notice, timers fire late, twice or never, frames come twice.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from functions.calls import billing, rows
from functions.calls import sweep as sweep_of_calls
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.rows import PartyRow
from functions.calls.state import FINAL, Status
from functions.products import REGISTRY
from local.accounts import save as save_account
from shared.aws import clients
from shared.aws.tables import Table
from shared.calling.call_records import CallRecord
from shared.identity import wallet
from shared.identity.accounts import Account
from shared.pipeline import departure
from shared.pipeline.context import Arrival, Background
from shared.pipeline.dispatch import Request, dispatch
from shared.pipeline.sweep import Sweep
from shared.realtime import people
from shared.realtime.address import Wire
from shared.realtime.connections import Connection
from shared.realtime.emitter import Emitter
from tests.conftest import UseSettings
from tests.fakes import Fakes
from tests.integration import engines, stage

RUNS = 30
STEPS = 20
RING_SECONDS, GRACE_SECONDS = 30, 15
RATES = {"AUDIO": 10, "VIDEO": 25}
COINS = (30, 1000)
"""The coins of the two users: the first has soon spent them."""

MOST_CONNECTIONS = 2
QUICKEST_ENGINE = "emulator" if engines.missing() else "dynoxide"

_runs = itertools.count(1)

either = st.integers(0, 1)
any_person = st.integers(0, 3)
lately = st.integers(0, 3)
"""An index that counts back from the latest."""


@dataclass
class Player:
    """A user or a telecaller.

    coins: the balance at the beginning.
    open: the connections that the gateway knows.
    lost: the connections that only the tables still have.
    """

    namespace: str
    id: str
    coins: int = 0
    open: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        return people.key(self.namespace, self.id)


@dataclass
class Frame:
    arrival: Arrival
    request: Request


@dataclass
class Seen:
    """The tables at one moment."""

    people: dict[str, PartyRow]
    connections: dict[str, Connection]
    records: dict[str, CallRecord]


class CallMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        run = next(_runs)
        self.fakes = Fakes()
        self.numbers = itertools.count(1)
        self.users = [Player(USER.path, f"u{n}-{run}", coins) for n, coins in enumerate(COINS)]
        self.telecallers = [Player(TELECALLER.path, f"t{n}-{run}") for n in range(2)]
        self.players = self.users + self.telecallers
        self.frames: list[Frame] = []
        self.calls: list[str] = []
        """Every id that an initiate may have given a call, also the ids of refused calls."""
        self.begun: set[str] = set()
        self.timers: list[tuple[str, str, int]] = []
        """Call id, key of the person's row, and the end of the ring in epoch ms."""
        self.departed: list[str] = []
        for user in self.users:
            wallet.open_balance(user.namespace, user.id, user.coins)
        for telecaller in self.telecallers:
            account = Account(
                id=telecaller.id,
                role=TELECALLER.role,
                name="Tina",
                approval_status="APPROVED",
                rates={"AUDIO": RATES["AUDIO"], "VIDEO": RATES["VIDEO"]},
            )
            save_account(account)
            self._connect(telecaller)

    # What people do.

    @rule(who=any_person)
    def connect(self, who: int) -> None:
        person = self.players[who]
        if len(person.open) < MOST_CONNECTIONS:
            self._connect(person)

    @rule(
        who=either,
        device=either,
        whom=either,
        call_type=st.sampled_from(sorted(RATES)),
        timer=st.sampled_from(["kept", "kept", "kept", "lost", "refused"]),
    )
    def initiate(self, who: int, device: int, whom: int, call_type: str, timer: str) -> None:
        user = self.users[who]
        if not user.open:
            self._connect(user)
        self.fakes.tasks.ring_error = TimeoutError("no timer") if timer == "refused" else None
        payload = {"telecallerId": self.telecallers[whom].id, "callType": call_type}
        self._send(user, device, "call:initiate", payload)
        self.fakes.tasks.ring_error = None
        if timer == "lost":
            self.timers = [one for one in self.timers if one[0] != self.calls[-1]]

    @precondition(lambda self: self.calls)
    @rule(who=either, device=either, event=st.sampled_from(["accept", "accept", "reject", "end"]))
    def telecaller_acts(self, who: int, device: int, event: str) -> None:
        self._act(self.telecallers[who], device, event)

    @precondition(lambda self: self.calls)
    @rule(who=either, device=either, event=st.sampled_from(["cancel", "end"]))
    def user_acts(self, who: int, device: int, event: str) -> None:
        self._act(self.users[who], device, event)

    @precondition(lambda self: self.calls)
    @rule(who=any_person, device=either, which=lately, event=st.sampled_from(["accept", "end"]))
    def a_person_sends_the_id_of_any_call(
        self, who: int, device: int, which: int, event: str
    ) -> None:
        """The call may be over, or another person's."""
        person = self.players[who]
        if person.open and (event == "end" or person.namespace == TELECALLER.path):
            call_id = self.calls[-1 - which % len(self.calls)]
            self._send(person, device, f"call:{event}", {"callId": call_id})

    # What the network and the platform do.

    @precondition(lambda self: self.frames)
    @rule(which=lately)
    def a_frame_comes_again(self, which: int) -> None:
        frame = self.frames[-1 - which % len(self.frames)]
        dispatch(REGISTRY, self.fakes.ports, frame.arrival, frame.request)
        self._note_calls_and_timers(frame)

    @rule(who=any_person, device=either)
    def drop(self, who: int, device: int) -> None:
        person = self.players[who]
        if person.open:
            connection_id = person.open.pop(device % len(person.open))
            self.fakes.connections.gone.add(connection_id)
            self._depart(connection_id)

    @rule(who=any_person, device=either)
    def drop_without_notice(self, who: int, device: int) -> None:
        person = self.players[who]
        if person.open:
            connection_id = person.open.pop(device % len(person.open))
            self.fakes.connections.gone.add(connection_id)
            person.lost.append(connection_id)

    @rule(who=any_person)
    def a_lost_drop_is_found(self, who: int) -> None:
        person = self.players[who]
        if person.lost:
            self._depart(person.lost.pop(0))

    @precondition(lambda self: self.fakes.tasks.ended_connections)
    @rule()
    def failed_posts_are_followed_up(self) -> None:
        for connection_id in self.fakes.tasks.ended_connections:
            for person in self.players:
                if connection_id in person.lost:
                    person.lost.remove(connection_id)
            self._depart(connection_id)
        self.fakes.tasks.ended_connections.clear()

    @precondition(lambda self: self.departed)
    @rule(which=lately)
    def a_disconnect_comes_again(self, which: int) -> None:
        self._depart(self.departed[-1 - which % len(self.departed)])

    @precondition(lambda self: self.timers)
    @rule(which=lately)
    def a_ring_timer_fires(self, which: int) -> None:
        """The timer stays in the list: it may fire again."""
        call_id, key, over_at = self.timers[-1 - which % len(self.timers)]
        self.fakes.clock.now = max(self.fakes.clock.now, over_at)
        row = PartyRow.get(key, consistent_read=True)
        timeout = REGISTRY.ring_timeouts[row.namespace]
        timeout.handle(Background.on(REGISTRY, self.fakes.ports), row, call_id)

    @rule(seconds=st.sampled_from([0.4, 1.0, 10.0, 59.9, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.fakes.clock.now += int(seconds * 1000)

    @rule()
    def forgotten_rings_are_swept(self) -> None:
        self.fakes.clock.now += (RING_SECONDS + GRACE_SECONDS) * 1000
        self._sweep()

    # What must always hold.

    @invariant()
    def calls_presence_and_coins_agree(self) -> None:
        seen = self._read_tables()
        self._check_calls(seen)
        self._check_presence(seen)
        self._check_coins(seen)

    def teardown(self) -> None:
        """Every connection departs, whether it is open or lost."""
        for person in self.players:
            self.fakes.connections.gone.update(person.open)
            for connection_id in person.open + person.lost:
                self._depart(connection_id)
            person.open, person.lost = [], []
        seen = self._read_tables()
        self._check_calls(seen)
        self._check_presence(seen)
        self._check_coins(seen)
        assert not seen.connections
        for row in seen.people.values():
            assert row.current_call is None, f"{row.person} is not free"
            assert not row.online
        assert self.begun <= seen.records.keys(), "a call without a final state"
        for user in self.users:
            stored = {row.call_id for row in CallRecord.query(user.id, consistent_read=True)}
            assert stored <= seen.records.keys()

    def _check_calls(self, seen: Seen) -> None:
        live: dict[str, list[str]] = {}
        for person in self.players:
            call = seen.people[person.key].current_call
            if call is not None:
                live.setdefault(call.id, []).append(person.key)
                peer = USER.path if person.namespace == TELECALLER.path else TELECALLER.path
                other = seen.people[people.key(peer, call.peer_id)].current_call
                assert other is not None, f"{person.id} is in a call without the other person"
                assert (other.id, other.peer_id) == (call.id, person.id)
        for call_id, keys in live.items():
            assert len(keys) == 2, f"{call_id} is on {keys}"
            assert call_id in self.calls
            assert call_id not in seen.records, f"{call_id} is over and goes on"
        assert self.begun <= live.keys() | seen.records.keys(), "a call has got lost"

    def _check_presence(self, seen: Seen) -> None:
        for person in self.players:
            sessions = {
                connection_id
                for connection_id, row in seen.connections.items()
                for session in row.all_sessions()
                if (session.namespace, session.person_id) == (person.namespace, person.id)
            }
            members = {one.connection_id for one in seen.people[person.key].addresses}
            assert members == sessions == {*person.open, *person.lost}

    def _check_coins(self, seen: Seen) -> None:
        paid = dict.fromkeys((person.id for person in self.players), 0)
        for record in seen.records.values():
            coins = int(record.coins)
            status = Status(record.status)
            assert status in FINAL
            assert (record.accepted_at is not None) == (status is Status.COMPLETED)
            seconds = billing.duration_seconds(record.accepted_at, int(record.ended_at))
            price = billing.cost(seconds, RATES[record.call_type])
            assert 0 <= coins <= price
            assert record.duration_seconds == seconds
            if coins < price:
                assert seen.people[people.key(USER.path, record.caller_id)].coins == 0
            paid[record.caller_id] -= coins
            paid[record.callee_id] += coins
        for person in self.players:
            coins = int(seen.people[person.key].coins)
            assert coins >= 0
            assert coins == person.coins + paid[person.id]

    # Helpers of the rules.

    def _connect(self, person: Player) -> None:
        connection_id = f"{person.id}-c{next(self.numbers)}"
        stage.connect(person.namespace, person.id, connection_id)
        person.open.append(connection_id)

    def _act(self, person: Player, device: int, event: str) -> None:
        """Send an event about the person's call, or about the latest call if they are in none."""
        call = rows.get(person.namespace, person.id).current_call
        if person.open:
            call_id = call.id if call else self.calls[-1]
            self._send(person, device, f"call:{event}", {"callId": call_id})

    def _send(self, person: Player, device: int, event: str, payload: dict[str, str]) -> None:
        self.fakes.clock.now += 1
        number = next(self.numbers)
        connection_id = person.open[device % len(person.open)]
        arrival = Arrival(connection_id, f"message {number}", self.fakes.clock.now)
        frame = Frame(arrival, Request(event, Wire.SOCKETIO, person.namespace, [payload], number))
        self.frames.append(frame)
        before = len(self.fakes.connections.to(connection_id))
        dispatch(REGISTRY, self.fakes.ports, arrival, frame.request)
        self._note_calls_and_timers(frame)
        answered = self.fakes.connections.to(connection_id)[before:]
        acknowledged = [text for text in answered if text.startswith(f"43{person.namespace},")]
        assert len(acknowledged) == 1
        if event == "call:initiate" and "error" not in acknowledged[0]:
            assert self.calls[-1] in acknowledged[0]
            self.begun.add(self.calls[-1])

    def _note_calls_and_timers(self, frame: Frame) -> None:
        if frame.request.event == "call:initiate":
            call_id = frame.arrival.id
            if call_id not in self.calls:
                self.calls.append(call_id)
        for call_id, key, seconds in self.fakes.tasks.rings:
            self.timers.append((call_id, key, self.fakes.clock.now + seconds * 1000))
        self.fakes.tasks.rings.clear()

    def _depart(self, connection_id: str) -> None:
        departure.end_connection(REGISTRY, self.fakes.ports, connection_id)
        if connection_id not in self.departed:
            self.departed.append(connection_id)

    def _sweep(self) -> None:
        ports = self.fakes.ports
        sweep = Sweep(REGISTRY, ports, Emitter(ports), until=float("inf"))
        sweep_of_calls.look_after_calls(sweep)
        assert not sweep.failures

    def _read_tables(self) -> Seen:
        """Read the tables with one request, because this happens after every step."""
        known = {one for person in self.players for one in (*person.open, *person.lost)}
        wanted: dict[type[Table], list[dict[str, Any]]] = {
            PartyRow: [{"person": {"S": one.key}} for one in self.players],
            Connection: [{"connectionId": {"S": one}} for one in {*known, *self.departed}],
            CallRecord: [
                {"callerId": {"S": user.id}, "callId": {"S": call_id}}
                for user in self.users
                for call_id in self.calls
            ],
        }
        answer = clients.client("dynamodb").batch_get_item(
            RequestItems={
                model.Meta.table_name: {"Keys": keys, "ConsistentRead": True}
                for model, keys in wanted.items()
                if keys
            }
        )
        assert not answer["UnprocessedKeys"]
        found: Any = {
            model: [model.from_raw_data(raw) for raw in answer["Responses"].get(name, ())]
            for model in wanted
            for name in [model.Meta.table_name]
        }
        seen = Seen(
            {row.person: row for row in found[PartyRow]},
            {row.connection_id: row for row in found[Connection]},
            {row.call_id: row for row in found[CallRecord]},
        )
        for person in self.players:
            seen.people.setdefault(person.key, PartyRow(person.key))
        return seen


@pytest.mark.slow
@pytest.mark.parametrize(
    "engine",
    [pytest.param(QUICKEST_ENGINE, marks=pytest.mark.xdist_group(QUICKEST_ENGINE))],
    indirect=True,
)
@pytest.mark.usefixtures("tables")
def test_calls_presence_and_coins_agree_after_any_sequence_of_steps(
    use_settings: UseSettings,
) -> None:
    use_settings(
        overtaken_wait_seconds=0,
        ring_timeout_seconds=RING_SECONDS,
        ring_timer_grace_seconds=GRACE_SECONDS,
        room_shards=1,
    )
    run_state_machine_as_test(
        CallMachine,
        settings=hypothesis_settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
