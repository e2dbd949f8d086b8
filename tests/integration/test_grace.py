"""An unexpected end of a connection: its consequences wait for the client to come back."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from functions.calls.events import Ended, Incoming, Party
from functions.calls.namespaces import USER
from functions.deadline import main as deadline
from functions.disconnect import main as disconnect
from functions.socketio import main as socketio
from functions.sweep.main import run
from shared.aws import log
from shared.pipeline import admission, rate_limits
from shared.pipeline.context import Arrival
from shared.pipeline.product import Product
from shared.pipeline.registry import Registry
from shared.protocol.socketio import Packet, PacketType
from shared.realtime import connections, lifecycle, people, session_store
from shared.realtime.address import Address, Delivery, Wire
from shared.realtime.connections import Connection
from shared.realtime.emitter import Emitter
from shared.realtime.people import Person
from shared.settings import Settings
from tests.conftest import UseSettings
from tests.fakes import NOW_MS, Fakes
from tests.integration import stage
from tests.integration.engines import Engine
from tests.integration.stage import INVOCATION, fails_once

pytestmark = pytest.mark.usefixtures("tables")

GRACE = 5


class Ulla:
    """Ulla with her connections, and how often her last one has been left."""

    def __init__(self, fakes: Fakes, registry: Registry, left: list[str]) -> None:
        self.fakes, self.registry, self.left = fakes, registry, left
        stage.connect(USER.path, "ulla", "c")

    def report(self, code: int | None = None, connection_id: str = "c") -> None:
        """Do what ``$disconnect`` does, or a post that finds the connection gone."""
        if code is None:
            self.invoke({"connectionId": connection_id})
            return
        context = {"connectionId": connection_id, "requestTimeEpoch": self.fakes.clock.now}
        self.invoke({"requestContext": context | {"disconnectStatusCode": code}})

    def invoke(self, event: dict[str, object]) -> None:
        disconnect.handler(event, INVOCATION)

    def wait(self, seconds: float) -> None:
        """Let time pass, and the messages arrive that are due."""
        self.fakes.clock.now += int(seconds * 1000)
        while self.fakes.tasks.awaited:
            connection_id, after = self.fakes.tasks.awaited.pop()
            assert seconds >= after
            body = {"connectionId": connection_id}
            record = {"body": json.dumps(body), "messageId": "m"}
            deadline.handler({"Records": [record]}, INVOCATION)
        self.finish()

    def sweep(self) -> None:
        run(self.registry, self.fakes.ports, 60)
        self.finish()

    def finish(self) -> None:
        while self.fakes.tasks.left:
            self.invoke({"connectionId": self.fakes.tasks.left.pop(), "leaving": True})

    def is_online(self) -> bool:
        """Whether her row has a connection."""
        return stage.user("ulla").online


@pytest.fixture
def ulla(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> Ulla:
    left: list[str] = []
    product = Product("recorder", namespaces=[USER])
    product.on_last_leave(USER.path)(lambda _, person: left.append(person.person_id))
    registry = Registry([product])
    for main in (disconnect, socketio):
        monkeypatch.setattr(main, "REGISTRY", registry)
    for main in (deadline, disconnect, socketio):
        monkeypatch.setattr(main, "ports", lambda: fakes.ports)
    return Ulla(fakes, registry, left)


@pytest.mark.parametrize("code", [1001, 1006, 1009, None])
def test_an_unexpected_end_has_no_consequences_before_the_grace_is_over(
    code: int | None, ulla: Ulla
) -> None:
    ulla.report(code)
    assert ulla.is_online()
    ulla.report(1006)
    ulla.report()
    ulla.wait(GRACE)
    assert ulla.left == ["ulla"]
    assert not ulla.is_online()
    assert connections.get("c") is None


def test_the_log_has_the_code_with_which_a_connection_has_ended(ulla: Ulla) -> None:
    ulla.report(1001)
    assert log.logger.get_current_keys()["event_name"] == "$disconnect 1001"
    ulla.report()
    assert log.logger.get_current_keys()["event_name"] is None


@pytest.mark.parametrize("code", [1000, 1005])
def test_a_clean_end_acts_at_once(code: int, ulla: Ulla) -> None:
    ulla.report(code)
    assert ulla.left == ["ulla"]
    assert not ulla.fakes.tasks.awaited


def test_without_a_grace_every_end_acts_at_once(ulla: Ulla, use_settings: UseSettings) -> None:
    use_settings(reconnect_grace_seconds=0)
    ulla.report(1006)
    assert ulla.left == ["ulla"]


def test_the_grace_costs_two_writes_at_most(
    ulla: Ulla, engine: Engine, monkeypatch: pytest.MonkeyPatch, use_settings: UseSettings
) -> None:
    writes: list[str] = []

    def count(operation: str) -> None:
        if operation not in {"GetItem", "Query"}:
            writes.append(operation)

    monkeypatch.setattr(engine, "after", [count])

    def end(connection_id: str, code: int) -> int:
        stage.connect(USER.path, connection_id, connection_id)
        opened_at = ulla.fakes.clock.now // 1000 - 60
        network, until = Connection.network, Connection.expires_at.set(opened_at + 7_800)
        Connection(connection_id).update([network.set("192.0.2.7"), until])
        writes.clear()
        ulla.report(code, connection_id)
        ulla.wait(GRACE)
        return len(writes)

    clean, lost = end("c2", 1000), end("c3", 1006)
    use_settings(reconnect_grace_seconds=0)
    assert clean == end("c4", 1000)
    assert 1 <= lost - clean <= 2


@pytest.mark.parametrize("late", [False, True])
def test_a_person_who_is_back_in_time_has_not_left(late: bool, ulla: Ulla) -> None:
    ulla.report(1006)
    if not late:
        stage.connect(USER.path, "ulla", "c2")
    ulla.wait(GRACE)
    if late:
        stage.connect(USER.path, "ulla", "c2")
    assert ulla.left == (["ulla"] if late else [])
    assert [one.connection_id for one in stage.user("ulla").addresses] == ["c2"]
    assert [one.connection_id for one in stage.members_of(USER.path)] == ["c2"]


@pytest.mark.parametrize("how", ["close", "41", "1", "expelled"])
def test_a_goodbye_ends_the_grace(how: str, ulla: Ulla) -> None:
    ulla.report(1006)
    arrival = Arrival("c", "message", ulla.fakes.clock.now + 1)
    match how:
        case "close":
            ulla.report(1000)
        case "41":
            socketio.message(arrival, Packet(PacketType.DISCONNECT, USER.path))
        case "1":
            socketio.handle(arrival, "1")
            assert ulla.fakes.tasks.goodbyes == ["c"]
            ulla.invoke({"connectionId": "c", "goodbye": True})
        case "expelled":
            ulla.invoke({"connectionId": "c", "namespace": USER.path, "close": True})
    assert ulla.left == ["ulla"]
    ulla.wait(GRACE)
    assert not ulla.is_online()
    assert connections.get("c") is None


def test_the_sweep_finishes_what_no_message_has_and_not_before(
    ulla: Ulla, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails_once(monkeypatch, ulla.fakes.tasks, "await_return")
    with pytest.raises(TimeoutError):
        ulla.report(1006)
    ulla.report(1006)
    ulla.fakes.clock.now += GRACE * 1000 - 1
    ulla.sweep()
    assert ulla.is_online()
    ulla.fakes.clock.now += 1
    ulla.sweep()
    assert ulla.left == ["ulla"]


def test_a_session_that_has_ended_before_does_not_wait(ulla: Ulla) -> None:
    row = connections.get("c")
    assert row
    session_store.mark_ended(row, USER.path, NOW_MS)
    ulla.report(1006)
    assert ulla.left == ["ulla"]


def test_a_connection_without_a_session_does_not_wait(ulla: Ulla) -> None:
    connections.create(Connection("empty", wire="s", expires_at=stage.EXPIRES_AT))
    ulla.report(1006, "empty")
    assert connections.get("empty") is None


def test_a_hook_that_fails_at_the_end_of_the_grace_runs_again(ulla: Ulla) -> None:
    failed: list[Person] = []

    def hook(_: object, person: Person) -> None:
        failed.append(person)
        if len(failed) == 1:
            raise TimeoutError

    ulla.registry.leave_hooks[USER.path].append(hook)
    ulla.report(1006)
    with pytest.raises(TimeoutError):
        ulla.wait(GRACE)
    ulla.wait(60)
    ulla.sweep()
    assert len(failed) == 2
    assert connections.get("c") is None


class TestAnEventThatALostConnectionHasMissed:
    EVENT = "call:ended"

    def miss(self, ulla: Ulla, *to: str, number: int = 1) -> None:
        """Send an event to connections, of which ``c`` is gone."""
        ulla.fakes.connections.gone.add("c")
        addresses = tuple(Address(USER.path, Wire.SOCKETIO, one) for one in ("c", *to))
        emit = Emitter(ulla.fakes.ports)
        emit.tell(Delivery(self.EVENT, {"callId": str(number)}, addresses))
        missed, ulla.fakes.tasks.missed = ulla.fakes.tasks.missed, []
        events = [msgspec.to_builtins(one) for one in missed]
        ulla.invoke({"connectionId": "c", "missed": events})

    def come(self, ulla: Ulla, connection_id: str) -> list[Any]:
        """Connect another device of hers, and return the events that it receives."""
        opened_at = ulla.fakes.clock.now // 1000
        row = Connection(connection_id, wire="s", expires_at=opened_at + 7_800)
        session = stage.session_of(USER.path, "ulla")
        connections.create(row)
        session_store.add_session(connection_id, session)
        admission.begin_session(ulla.registry, ulla.fakes.ports, row, session)
        return [payload["callId"] for _, payload in ulla.fakes.events(connection_id)]

    def test_reaches_every_device_that_comes_in_time(self, ulla: Ulla) -> None:
        ulla.report(1006)
        for number in (1, 2):
            self.miss(ulla, number=number)
        assert self.come(ulla, "c2") == ["1", "2"]
        assert self.come(ulla, "c3") == ["1", "2"]
        ulla.wait(GRACE)
        assert self.come(ulla, "c4") == []
        assert not stage.user("ulla").missed

    def test_reaches_those_who_receive_an_earlier_one(self, ulla: Ulla) -> None:
        ulla.report(1006)
        self.miss(ulla, number=1)
        assert self.come(ulla, "c2") == ["1"]
        self.miss(ulla, number=2)
        assert [payload["callId"] for _, payload in ulla.fakes.events("c2")] == ["1", "2"]
        assert self.come(ulla, "c3") == ["1", "2"]

    def test_stays_behind_an_earlier_one_while_the_last_device_leaves(self, ulla: Ulla) -> None:
        """A device that joins at this moment may have received the earlier one already."""
        ulla.report(1006)
        self.miss(ulla, number=1)
        Person(people.key(USER.path, "ulla")).update([Person.members.remove()])
        self.miss(ulla, number=2)
        assert self.come(ulla, "c2") == ["1", "2"]

    def test_is_forgotten_when_nobody_comes(self, ulla: Ulla) -> None:
        self.miss(ulla)
        ulla.wait(GRACE)
        assert self.come(ulla, "c2") == []

    def test_reaches_a_device_that_has_come_since_it_was_sent(self, ulla: Ulla) -> None:
        ulla.report(1006)
        assert self.come(ulla, "c2") == []
        self.miss(ulla)
        assert [name for name, _ in ulla.fakes.events("c2")] == [self.EVENT]

    def test_is_not_sent_twice_to_a_device_that_has_received_it(self, ulla: Ulla) -> None:
        ulla.report(1006)
        self.come(ulla, "c2")
        self.miss(ulla, "c2")
        assert len(ulla.fakes.events("c2")) == 1
        assert self.come(ulla, "c3") == []

    @pytest.mark.parametrize("asked", [1, 2], ids=["before it is sent", "meanwhile"])
    def test_does_not_come_behind_what_has_overtaken_it(self, ulla: Ulla, asked: int) -> None:
        answers = iter([None] * (asked - 1) + [Ended("2")])
        ulla.registry.overtaking[USER.path, self.EVENT] = lambda *_: next(answers)
        ulla.report(1006)
        self.come(ulla, "c2")
        self.miss(ulla)
        heard = [payload["callId"] for _, payload in ulla.fakes.events("c2")]
        assert heard == [[], ["1", "2"]][asked - 1]
        assert self.come(ulla, "c3") == []

    def test_is_handed_on_once_with_the_others(self, ulla: Ulla) -> None:
        ulla.fakes.connections.gone.add("c")
        lost = [Address(USER.path, Wire.SOCKETIO, "c")]
        Emitter(ulla.fakes.ports).tell(Ended("1").to(lost), Ended("2").to(lost))
        assert ulla.fakes.tasks.ended_connections == ["c"]
        assert len(ulla.fakes.tasks.missed) == 2

    def test_is_handed_on_once_if_two_have_missed_it(self, ulla: Ulla) -> None:
        stage.connect(USER.path, "ulla", "c1")
        ulla.report(1006)
        self.come(ulla, "c2")
        ulla.fakes.connections.gone |= {"c", "c1"}
        both = [Address(USER.path, Wire.SOCKETIO, one) for one in ("c", "c1")]
        Emitter(ulla.fakes.ports).tell(Ended("1").to(both))
        events = [msgspec.to_builtins(one) for one in ulla.fakes.tasks.missed[:1]]
        ulla.invoke({"connectionId": "c", "missed": events})
        ulla.report(1006, "c1")
        for _ in range(2):
            ulla.invoke({"connectionId": "c1", "missed": events})
        assert len(ulla.fakes.events("c2")) == 1
        assert self.come(ulla, "c3") == ["1"]

    def test_waits_for_its_own_device_while_another_one_is_there(self, ulla: Ulla) -> None:
        ulla.fakes.clock.now -= 60_000
        self.come(ulla, "c2")
        ulla.fakes.clock.now += 60_000
        ulla.report(1006)
        self.miss(ulla)
        assert ulla.fakes.events("c2") == []
        assert self.come(ulla, "c3") == ["1"]

    def test_is_lost_if_there_are_too_many(self, ulla: Ulla, use_settings: UseSettings) -> None:
        use_settings(missed_events=2)
        for number in range(3):
            self.miss(ulla, number=number)
        assert self.come(ulla, "c2") == ["0", "1"]

    def test_is_not_kept_if_those_who_join_receive_it_anyway(self, ulla: Ulla) -> None:
        ulla.fakes.connections.gone.add("c")
        ring = Incoming("1", "AUDIO", Party("u", "Uwe", None))
        Emitter(ulla.fakes.ports).tell(ring.to([Address(USER.path, Wire.SOCKETIO, "c")]))
        assert ulla.fakes.tasks.ended_connections == ["c"]
        assert ulla.fakes.tasks.missed == []

    def test_of_a_connection_that_is_gone_for_good_is_lost(self, ulla: Ulla) -> None:
        ulla.report(1000)
        self.miss(ulla)
        assert self.come(ulla, "c2") == []


class TestTheLimitOfAnAddress:
    def shake(self, fakes: Fakes, times: int) -> int:
        """Open connections, and return how many are let in."""
        now_ms = fakes.clock.now
        return sum(rate_limits.count_handshake("192.0.2.7", now_ms) for _ in range(times))

    def lose(self, ulla: Ulla, connection_id: str, age: int) -> None:
        """Lose a connection of a person that has lasted for so many seconds."""
        stage.connect(USER.path, connection_id, connection_id)
        opened = ulla.fakes.clock.now // 1000 - age
        row = Connection(connection_id)
        row.update([Connection.network.set("192.0.2.7"), Connection.expires_at.set(opened + 7_800)])
        ulla.report(1006, connection_id)

    def test_lets_everybody_back_whose_connection_is_lost(
        self, ulla: Ulla, use_settings: UseSettings
    ) -> None:
        use_settings(limit_connections_per_minute=2)
        for number in range(5):
            self.lose(ulla, f"c{number}", 60)
        assert self.shake(ulla.fakes, 10) == 2 + 5

    def test_lets_nobody_back_whose_connection_was_short(
        self, ulla: Ulla, use_settings: UseSettings
    ) -> None:
        use_settings(limit_connections_per_minute=2)
        for number in range(5):
            self.lose(ulla, f"c{number}", 59)
        assert self.shake(ulla.fakes, 10) == 2

    def test_lets_nobody_back_for_ever(self, ulla: Ulla, use_settings: UseSettings) -> None:
        use_settings(limit_connections_per_minute=2)
        self.lose(ulla, "c1", 60)
        ulla.fakes.clock.now += 2 * rate_limits.RETURN_MS
        assert self.shake(ulla.fakes, 10) == 2


class TestAnOldConnection:
    @pytest.fixture(autouse=True)
    def old(self, tables: Settings, ulla: Ulla, use_settings: UseSettings) -> None:
        use_settings(replace_spread_seconds=1)
        expires_at = ulla.fakes.clock.now // 1000 + 7_800 - 6_000
        Connection("c").update([Connection.expires_at.set(expires_at)])

    def test_is_closed_for_its_client_to_come_back(self, ulla: Ulla) -> None:
        ulla.fakes.clock.now -= 1_000
        ulla.sweep()
        assert ulla.fakes.connections.posted == [("c", "2")]
        ulla.fakes.clock.now += 181_000
        lifecycle.mark_answered("c", ulla.fakes.clock.now // 1000)
        ulla.sweep()
        assert ulla.fakes.connections.closed == ["c"]
        assert len(ulla.fakes.connections.posted) == 1
        ulla.report(1000)  # API Gateway reports the end that the sweep has asked for
        assert ulla.is_online()
        stage.connect(USER.path, "ulla", "c2")
        ulla.wait(GRACE)
        assert ulla.left == []

    @pytest.mark.parametrize("name", ["reconnect_grace_seconds", "replacements_per_sweep"])
    def test_stays_without_a_grace_or_a_budget(
        self, name: str, ulla: Ulla, use_settings: UseSettings
    ) -> None:
        grace, budget = (0, 500) if name == "reconnect_grace_seconds" else (GRACE, 0)
        use_settings(reconnect_grace_seconds=grace, replacements_per_sweep=budget)
        ulla.sweep()
        assert ulla.fakes.connections.closed == []

    def test_stays_while_its_person_is_in_a_call(self, ulla: Ulla) -> None:
        calls = ["a call"]
        ulla.registry.call_finders.append(lambda _: list(calls))
        ulla.sweep()
        assert ulla.fakes.connections.closed == []
        calls.clear()
        lifecycle.postpone("c", 0)
        lifecycle.mark_answered("c", ulla.fakes.clock.now // 1000)
        ulla.sweep()
        assert ulla.fakes.connections.closed == ["c"]
