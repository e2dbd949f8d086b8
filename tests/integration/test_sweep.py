"""The sweep against real tables: gone connections are found, live ones are left alone."""

from __future__ import annotations

import time

import pytest

from functions.calls import attendance, endings
from functions.calls import sweep as sweep_of_calls
from functions.calls.attendance import Stay
from functions.calls.handlers import calls
from functions.calls.livekit import LiveKit
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.rows import PartyRow
from functions.products import REGISTRY
from functions.sweep import due
from functions.sweep.main import SweepFailed, run
from local.accounts import save as save_account
from shared.aws.tables import MOST_READ
from shared.identity.accounts import Account
from shared.pipeline import departure
from shared.pipeline.context import Background
from shared.pipeline.registry import Registry
from shared.pipeline.sweep import Sweep
from shared.realtime import connections, lifecycle, session_store
from shared.realtime.address import Wire
from shared.realtime.connections import Connection
from shared.realtime.emitter import Emitter
from tests.conftest import UseSettings
from tests.fakes import NOW_MS, Fakes
from tests.integration import stage

pytestmark = pytest.mark.usefixtures("tables")

CALLS = Registry([calls])
CALLS.sweep_hooks[:] = [sweep_of_calls.look_after_calls]  # counting has tests of its own
PERIOD = 180
NOW = NOW_MS // 1000
CALL = f"{1:024x}"
PING = "2"


def sweep(fakes: Fakes, *, later: float = 0, seconds: float = 60) -> None:
    """Run one sweep, ``later`` seconds after the one before, for at most ``seconds``."""
    fakes.clock.now += int(later * 1000)
    run(CALLS, fakes.ports, seconds)


def answer(fakes: Fakes, connection_id: str) -> None:
    lifecycle.mark_answered(connection_id, fakes.clock.now // 1000)


def depart_all(fakes: Fakes) -> None:
    """Do what the disconnect function does with the connections that it receives."""
    while fakes.tasks.ended_connections:
        departure.end_connection(CALLS, fakes.ports, fakes.tasks.ended_connections.pop())
    while fakes.tasks.left:
        departure.finish_connection(CALLS, fakes.ports, row(fakes.tasks.left.pop()))


def opening(connection_id: str, due_at: int = NOW + 30, expires_at: int = stage.EXPIRES_AT) -> None:
    connections.create(Connection(connection_id, wire="s", due_at=due_at, expires_at=expires_at))


def row(connection_id: str) -> Connection:
    found = connections.get(connection_id)
    assert found
    return found


class TestAClient:
    def test_that_joins_nothing_is_closed_and_gone(self, fakes: Fakes) -> None:
        opening("c")
        sweep(fakes, later=29)
        assert fakes.connections.closed == []
        sweep(fakes, later=1)
        assert fakes.connections.closed == ["c"]
        depart_all(fakes)
        assert connections.get("c") is None

    def test_that_joins_is_due_a_period_later(self, fakes: Fakes) -> None:
        opening("c")
        assert session_store.add_session("c", stage.session_of(USER.path, "u"), NOW + PERIOD)
        sweep(fakes, later=PERIOD - 1)
        assert fakes.connections.posted == []
        sweep(fakes, later=1)
        assert fakes.connections.posted == [("c", PING)]

    def test_that_answers_is_pinged_once_a_period(self, fakes: Fakes) -> None:
        stage.connect(USER.path, "u", "c")
        for count in range(1, 4):
            sweep(fakes)
            sweep(fakes, later=60)
            assert fakes.connections.to("c") == [PING] * count
            answer(fakes, "c")
            fakes.clock.now += (PERIOD - 60) * 1000
        assert fakes.connections.closed == []

    def test_that_does_not_answer_is_closed_and_gone(self, fakes: Fakes) -> None:
        stage.connect(USER.path, "u", "c")
        sweep(fakes)
        sweep(fakes, later=PERIOD)
        assert fakes.connections.closed == ["c"]
        depart_all(fakes)
        assert connections.get("c") is None
        assert not stage.user("u").online

    def test_whose_answer_arrives_before_the_ping_is_stored_is_alive(self, fakes: Fakes) -> None:
        stage.connect(USER.path, "u", "c")
        answer(fakes, "c")
        sweep(fakes)
        sweep(fakes, later=PERIOD)
        assert fakes.connections.to("c") == [PING] * 2
        assert fakes.connections.closed == []

    def test_whose_disconnect_was_lost_is_handed_over(self, fakes: Fakes) -> None:
        stage.connect(USER.path, "u", "c")
        fakes.connections.gone.add("c")
        sweep(fakes)
        assert fakes.tasks.ended_connections == ["c"]

    @pytest.mark.parametrize("wire", [Wire.SOCKETIO, Wire.NATIVE])
    def test_whose_account_has_changed_while_its_join_died_follows_it(
        self, fakes: Fakes, wire: Wire
    ) -> None:
        stage.connect(USER.path, "u", "c", wire)
        save_account(Account(id="u", role=USER.role, name="New"))
        sweep(fakes)
        session = row("c").session(USER.path)
        assert session is not None
        assert session.name == "New"
        for person_id in "uw":
            account = Account(id=person_id, role=USER.role, name="N", account_status="SUSPENDED")
            save_account(account)
        answer(fakes, "c")
        for person_id in "vw":
            stage.connect(USER.path, person_id, f"of {person_id}", wire)
        sweep(fakes, later=PERIOD)
        expelled = [connection_id for connection_id, _, _ in fakes.tasks.expelled]
        assert sorted(expelled) == ["c"] * (wire == Wire.NATIVE) + ["of w"]

    @pytest.mark.parametrize("kind", ["native", "Engine.IO 3"])
    def test_that_cannot_answer_pings_is_looked_up_at_the_gateway(
        self, kind: str, fakes: Fakes
    ) -> None:
        stage.connect(USER.path, "u", "c", Wire.NATIVE if kind == "native" else Wire.SOCKETIO)
        if kind == "Engine.IO 3":
            Connection("c").update([Connection.protocol.set(3)])
        sweep(fakes)
        assert row("c").due_at == NOW + PERIOD
        fakes.connections.gone.add("c")
        sweep(fakes, later=60)
        assert fakes.tasks.ended_connections == []
        sweep(fakes, later=PERIOD - 60)
        assert fakes.tasks.ended_connections == ["c"]
        assert fakes.connections.posted == []

    def test_whose_row_has_expired_is_gone_before_the_row_is_deleted(self, fakes: Fakes) -> None:
        opening("c", due_at=NOW, expires_at=NOW)
        sweep(fakes)
        assert fakes.tasks.ended_connections == ["c"]


def test_a_departure_that_crashed_is_finished_by_the_next_sweep(fakes: Fakes) -> None:
    stage.connect(USER.path, "u", "c")
    lifecycle.postpone("c", NOW + PERIOD)
    lifecycle.mark_leaving("c")
    sweep(fakes)
    assert fakes.tasks.left == ["c"]
    depart_all(fakes)
    assert connections.get("c") is None
    assert not stage.user("u").online


def test_a_connection_whose_disconnect_task_failed_is_handed_over_again(fakes: Fakes) -> None:
    stage.connect(USER.path, "u", "c")
    fakes.connections.gone.add("c")
    sweep(fakes)
    sweep(fakes, later=60)
    assert fakes.tasks.ended_connections == ["c", "c"]


def test_marking_a_gone_connection_creates_no_row(fakes: Fakes) -> None:
    lifecycle.mark_pinged("c", pinged_at=1, due_at=2)
    lifecycle.mark_answered("c", 1)
    lifecycle.postpone("c", 1)
    assert connections.get("c") is None


def test_one_bad_connection_stops_no_other(fakes: Fakes) -> None:
    names = [f"c{number}" for number in range(20)]
    for name in names:
        stage.connect(USER.path, f"u-{name}", name)
    fakes.connections.broken.add("c7")
    with pytest.raises(SweepFailed, match="1 failed, the first: c7"):
        sweep(fakes)
    pinged = {name for name, _ in fakes.connections.posted}
    assert pinged == set(names) - {"c7"}
    assert row("c7").due_at == NOW + due.TRY_AGAIN_SECONDS
    assert row("c7").pinged_at is None
    fakes.connections.broken.clear()
    sweep(fakes, later=60)
    assert fakes.connections.posted[-1] == ("c7", PING)


def test_more_than_a_page_is_swept_and_the_longest_due_come_first(
    fakes: Fakes, use_settings: UseSettings
) -> None:
    use_settings(due_shards=1)
    pages = [MOST_READ, MOST_READ, 30]
    ids = [f"c{number}" for number in range(sum(pages))]
    for number, name in enumerate(ids):
        opening(name, due_at=number)
    assert [len(page) for page in lifecycle.due(0, NOW)] == pages
    first = next(lifecycle.due(0, NOW))
    assert {one.connection_id for one in first} == set(ids[:MOST_READ])
    sweep(fakes)
    assert sorted(fakes.connections.closed) == sorted(ids)


def test_a_sweep_whose_time_is_over_leaves_the_rest_to_the_next(fakes: Fakes) -> None:
    stage.connect(USER.path, "u", "c")
    sweep(fakes, seconds=0)
    assert fakes.connections.posted == []
    over = Sweep(REGISTRY, fakes.ports, Emitter(fakes.ports), time.monotonic())
    assert due.attend(over, row("c")) == due.NOT_REACHED
    sweep(fakes)
    assert fakes.connections.posted == [("c", PING)]


def test_a_shard_that_cannot_be_read_stops_no_other(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        opening(f"c{number}", due_at=NOW)
    real = lifecycle.due

    def broken(shard: int, now: int) -> object:
        if shard == 0:
            return (1 / 0 for _ in "once")
        return real(shard, now)

    of_first = sum(len(page) for page in real(0, NOW))
    assert of_first
    monkeypatch.setattr(lifecycle, "due", broken)
    with pytest.raises(SweepFailed, match="1 failed, the first: shard"):
        sweep(fakes)
    assert len(fakes.connections.closed) == 40 - of_first


@pytest.mark.parametrize("who", ["telecaller", "user"])
def test_a_lost_disconnect_ends_the_call_within_two_sweeps(who: str, fakes: Fakes) -> None:
    stage.connect(TELECALLER.path, "t", "ct")
    stage.connect(USER.path, "u", "cu")
    assert stage.start(CALL, "u", "t") is None
    assert stage.accept("t", CALL)
    gone, there = ("ct", "cu") if who == "telecaller" else ("cu", "ct")
    fakes.connections.gone.add(gone)
    sweep(fakes)
    depart_all(fakes)
    assert ("call:ended", {"callId": CALL}) in fakes.events(there)
    assert stage.free("u", "t")
    assert connections.get(gone) is None
    assert (stage.telecaller("t").online, stage.user("u").online) == (there == "ct", there == "cu")
    namespace = USER.path if gone == "cu" else TELECALLER.path
    assert stage.members_of(namespace) == []


class TestTheConnectionsOfPeopleInCalls:
    @pytest.fixture(autouse=True)
    def in_a_call(self, tables: object) -> None:
        for namespace, person, devices in (
            (TELECALLER.path, "t", ["ct"]),
            (USER.path, "u", ["cu", "cu2"]),
            (TELECALLER.path, "free", ["cf"]),
        ):
            for device in devices:
                stage.connect(namespace, person, device)
                lifecycle.postpone(device, NOW + PERIOD)
        assert stage.start(CALL, "u", "t") is None

    @pytest.mark.parametrize("accepted", [True, False])
    def test_are_asked_for_every_minute_and_those_that_are_gone_end_the_call(
        self, fakes: Fakes, *, accepted: bool
    ) -> None:
        assert not accepted or stage.accept("t", CALL)
        sweep(fakes)
        assert fakes.tasks.ended_connections == []
        fakes.connections.gone = {"ct", "cf", "cu2"}
        sweep(fakes, later=1)
        assert sorted(fakes.tasks.ended_connections) == ["ct", "cu2"], "the ping finds the other"
        assert fakes.connections.posted == []
        depart_all(fakes)
        assert [name for name, _ in fakes.events("cu")] == [
            "call:ended" if accepted else "call:missed"
        ]
        assert stage.free("u", "t")
        sweep(fakes, later=1)
        assert fakes.tasks.ended_connections == []

    def test_are_left_to_the_next_sweep_when_the_time_is_over(self, fakes: Fakes) -> None:
        fakes.connections.gone = {"ct", "cu"}
        sweep(fakes, seconds=0)
        assert fakes.tasks.ended_connections == []

    def test_stop_no_other_if_one_cannot_be_asked_for(
        self, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def exists(connection_id: str) -> bool:
            if connection_id == "ct":
                raise TimeoutError
            return connection_id != "cu"

        monkeypatch.setattr(fakes.connections, "exists", exists)
        with pytest.raises(SweepFailed, match="1 failed, the first: ct"):
            sweep(fakes)
        assert fakes.tasks.ended_connections == ["cu"]


class TestARing:
    """A ring lasts RING_TIMEOUT_SECONDS, which are 30; the grace after it lasts 15 seconds."""

    def ring(self) -> None:
        for device in ("ct1", "ct2"):
            stage.connect(TELECALLER.path, "t", device)
        stage.connect(USER.path, "u", "cu")
        assert stage.start(CALL, "u", "t") is None

    def test_that_has_outlived_its_timer_is_missed(self, fakes: Fakes) -> None:
        self.ring()
        sweep(fakes, later=44)
        assert fakes.events("cu") == []
        sweep(fakes, later=1)
        missed = [("call:missed", {"callId": CALL})]
        assert [fakes.events(name) for name in ("cu", "ct1", "ct2")] == [missed] * 3
        assert stage.free("u", "t")
        assert [record.status for record in stage.records()] == ["MISSED"]

    def test_that_was_answered_goes_on(self, fakes: Fakes) -> None:
        self.ring()
        stage.accept("t", CALL)
        sweep(fakes, later=300)
        assert fakes.events("cu") == []
        assert stage.call_of(stage.telecaller("t")).id == CALL

    def test_that_cannot_be_timed_out_stops_no_other(
        self, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(3):
            stage.connect(TELECALLER.path, f"t{number}", f"ct{number}")
            stage.connect(USER.path, f"u{number}", f"cu{number}")
            assert stage.start(f"{number:024x}", f"u{number}", f"t{number}") is None
        real = endings.ring_timeout

        def broken(background: Background, telecaller: PartyRow, call_id: str) -> None:
            if call_id == CALL:
                raise TimeoutError
            real(background, telecaller, call_id)

        monkeypatch.setattr(endings, "ring_timeout", broken)
        with pytest.raises(SweepFailed, match="1 failed, the first: /telecaller#t1"):
            sweep(fakes, later=45)
        assert [stage.free(f"u{n}", f"t{n}") for n in range(3)] == [True, False, True]

    def test_is_left_to_the_next_sweep_when_the_time_is_over(self, fakes: Fakes) -> None:
        for number in range(2):
            stage.connect(TELECALLER.path, f"t{number}", f"ct{number}")
            stage.connect(USER.path, f"u{number}", f"cu{number}")
            assert stage.start(f"{number:024x}", f"u{number}", f"t{number}") is None
        sweep(fakes, later=45, seconds=0)
        assert stage.records() == []
        sweep(fakes)
        assert len(stage.records()) == 2


class TestARoom:
    """An answered call may go on for 60 seconds while nobody is in its LiveKit room."""

    @pytest.fixture(autouse=True)
    def _answered(
        self, tables: object, use_settings: UseSettings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use_settings(livekit_webhooks=True, livekit_join_seconds=60)
        self.asked = 0
        self.empty = True

        def is_empty(*_: object) -> bool:
            self.asked += 1
            return self.empty

        monkeypatch.setattr(LiveKit, "is_empty", is_empty)
        stage.connect(TELECALLER.path, "t", "ct")
        stage.connect(USER.path, "u", "cu")
        assert stage.start(CALL, "u", "t") is None
        assert stage.accept("t", CALL)

    def test_that_nobody_joins_ends_the_call(self, fakes: Fakes) -> None:
        sweep(fakes, later=60)
        assert (self.asked, fakes.events("cu")) == (0, [])
        sweep(fakes, later=1)
        ended = [("call:ended", {"callId": CALL})]
        assert [fakes.events(name) for name in ("cu", "ct")] == [ended] * 2
        assert [record.status for record in stage.records()] == ["COMPLETED"]

    def test_that_livekit_knows_not_to_be_empty_lets_the_call_go_on(self, fakes: Fakes) -> None:
        self.empty = False
        sweep(fakes, later=61)
        assert (self.asked, stage.records()) == (1, [])

    def test_in_which_one_has_been_lets_the_call_go_on_until_nobody_is_there(
        self, fakes: Fakes
    ) -> None:
        assert attendance.note("u", "t", CALL, "user", Stay("s", NOW_MS))
        sweep(fakes, later=600)
        assert (self.asked, stage.records()) == (0, [])
        assert attendance.note("u", "t", CALL, "user", Stay("s", NOW_MS, NOW_MS + 1_000))
        sweep(fakes)
        assert len(stage.records()) == 1

    def test_without_the_limit_lets_the_call_go_on(
        self, fakes: Fakes, use_settings: UseSettings
    ) -> None:
        use_settings(livekit_join_seconds=0)
        sweep(fakes, later=3_600)
        assert (self.asked, stage.records()) == (0, [])
