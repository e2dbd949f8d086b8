"""The hook of ``on_connect``, sessions without a person, the data of sessions, and their end."""

from __future__ import annotations

import json
import time
from functools import partial

import pytest

from functions.calls.namespaces import USER
from functions.chat.namespaces import CHAT
from functions.connect import main as connect
from functions.deadline.main import Deadline
from functions.deadline.main import end as deadline
from functions.disconnect import main as disconnect
from functions.opener import main as opener
from functions.socketio import join
from functions.socketio import main as socketio
from functions.sweep.main import run as sweep
from functions.sweep.verdict import Verdict, verdict
from shared.errors import INTERNAL, Refusal
from shared.pipeline import departure, dispatch
from shared.pipeline.context import Arrival, Context
from shared.pipeline.dispatch import Request
from shared.protocol.socketio import Packet, PacketType
from shared.realtime import connections, membership, people, session_store
from shared.realtime.address import Wire
from shared.realtime.connections import Connection
from shared.realtime.people import Person
from shared.realtime.sessions import session_of
from tests.conftest import UseSettings
from tests.fakes import NOW_MS, Fakes
from tests.integration import stage
from tests.integration.conftest import Race
from tests.integration.lab import OPEN, QUIET, Lab
from tests.integration.stage import INVOCATION, fails_once

pytestmark = pytest.mark.usefixtures("tables")

C = "c"


@pytest.fixture
def lab(tables: object, fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> Lab:
    lab = Lab(fakes)
    fakes.clock.now = int(time.time() * 1000)
    for main in (connect, disconnect, join, opener, socketio):
        monkeypatch.setattr(main, "ports", lambda: fakes.ports)
        monkeypatch.setattr(main, "REGISTRY", lab.registry)
    monkeypatch.setattr("functions.deadline.main.ports", lambda: fakes.ports)
    return lab


def arrival(ms: int) -> Arrival:
    return Arrival(C, f"message {ms}", NOW_MS + ms)


def packet(ms: int, kind: PacketType, namespace: str = OPEN.path, data: object = None) -> None:
    """Handle a packet that arrives at ``NOW_MS + ms``."""
    socketio.message(arrival(ms), Packet(kind, namespace, data=data))


def shake_hands(**query: str) -> None:
    identity = {"sourceIp": "203.0.113.7"}
    context = {"connectionId": C, "requestId": "request", "identity": identity}
    event = {"requestContext": context, "queryStringParameters": query, "headers": {}}
    assert connect.handler(event, INVOCATION) == {"statusCode": 200}


def send(lab: Lab, event: str, *arguments: object, connection_id: str = C) -> None:
    """Handle an event of a client that asks for an acknowledgement."""
    request = Request(event, Wire.SOCKETIO, OPEN.path, arguments, ack=1)
    one = Arrival(connection_id, "m", NOW_MS)
    dispatch.dispatch(lab.registry, lab.fakes.ports, one, request)


class TestOnConnect:
    @pytest.fixture(autouse=True)
    def connected(self, lab: Lab) -> None:
        connections.create(Connection(C, wire="s", expires_at=stage.EXPIRES_AT))

    def test_the_client_has_its_connect_and_can_be_reached(self, lab: Lab, fakes: Fakes) -> None:
        def check(context: Context) -> None:
            assert fakes.connections.to(C)[-1].startswith("40/open,")
            assert [one.connection_id for one in stage.members_of(OPEN.path)] == [C]
            assert lab.row(C).session(OPEN.path) == context.session
            context.join("lobby")

        lab.on_connect = check
        packet(1, PacketType.CONNECT, data={"token": "t", "n": [1]})
        assert lab.greeted == [{"token": "t", "n": [1]}]
        assert lab.context(C).rooms == ["lobby"]
        assert len(fakes.connections.to(C)) == 1, "nothing has failed"

    def test_a_frame_that_is_delivered_twice_greets_the_client_once(self, lab: Lab) -> None:
        for _ in range(2):
            packet(1, PacketType.CONNECT)
        assert lab.greeted == [{}]

    def test_a_2x_client_is_greeted_with_its_query(self, lab: Lab) -> None:
        socketio.message(
            arrival(1), Packet(PacketType.CONNECT, OPEN.path, query="token=a&b=%C3%BC")
        )
        assert lab.greeted == [{"token": "a", "b": "ü"}]

    def test_a_session_may_not_have_authenticated_yet(self, lab: Lab) -> None:
        packet(1, PacketType.CONNECT, CHAT.path)
        (context,) = lab.contexts
        assert not context.session.settled
        assert len(lab.fakes.tasks.deadlines) == 1

    @pytest.mark.parametrize(
        ("error", "text"), [(LookupError("secret"), INTERNAL), (Refusal("Full"), "Full")]
    )
    def test_a_hook_that_fails_leaves_the_client_connected(
        self, lab: Lab, fakes: Fakes, error: Exception, text: str
    ) -> None:
        def fail(_: Context) -> None:
            raise error

        lab.on_connect = fail
        packet(1, PacketType.CONNECT)
        assert lab.frames(C) == [["error", {"message": text}]]
        assert lab.row(C).session(OPEN.path)
        assert fakes.connections.closed == []
        packet(2, PacketType.CONNECT, CHAT.path)
        assert fakes.connections.to(C)[-1] == f'42["chat:error","{text}"]'


class TestAJoinThatDiesOnTheWay:
    def sweep(self, lab: Lab, later: int) -> None:
        lab.fakes.clock.now += later * 1000
        sweep(lab.registry, lab.fakes.ports, 60)

    def connect(self, lab: Lab, namespace: str, ms: int = 0) -> None:
        asked = Arrival(C, f"message {ms}", lab.fakes.clock.now)
        socketio.message(asked, Packet(PacketType.CONNECT, namespace))

    def test_after_connect_was_posted_is_closed_so_that_the_client_comes_back(
        self, lab: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shake_hands(EIO="4", transport="websocket")
        fails_once(monkeypatch, membership, "enter")
        with pytest.raises(TimeoutError):
            self.connect(lab, OPEN.path)
        assert lab.fakes.connections.to(C)[-1].startswith("40/open,")
        self.sweep(lab, 29)
        assert lab.fakes.connections.closed == []
        self.sweep(lab, 1)
        assert lab.fakes.connections.closed == [C]
        assert lab.fakes.tasks.ended_connections == [C]

    def test_in_a_second_namespace_is_found_before_the_next_ping(
        self, lab: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shake_hands(EIO="4", transport="websocket")
        self.connect(lab, QUIET.path)
        assert lab.row(C).due_at == lab.fakes.clock.now // 1000 + 180
        fails_once(monkeypatch, membership, "enter")
        with pytest.raises(TimeoutError):
            self.connect(lab, OPEN.path, 1)
        self.sweep(lab, 30)
        assert lab.fakes.connections.closed == [C]

    def test_while_it_is_on_the_way_is_left_alone(
        self, lab: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shake_hands(EIO="4", transport="websocket")
        lab.fakes.clock.now += 25_000
        fails_once(monkeypatch, membership, "enter")
        with pytest.raises(TimeoutError):
            self.connect(lab, OPEN.path)
        self.sweep(lab, 6)
        assert lab.fakes.connections.closed == []
        self.sweep(lab, 60)
        assert lab.fakes.connections.closed == [C]

    def test_of_a_native_client_is_closed_too(
        self, lab: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shake_hands(namespace=OPEN.path)
        fails_once(monkeypatch, membership, "enter")
        with pytest.raises(TimeoutError):
            opener.handler({"connectionId": C}, INVOCATION)
        self.sweep(lab, 30)
        assert lab.fakes.connections.closed == [C]

    @pytest.mark.parametrize("namespace", [OPEN.path, QUIET.path])
    @pytest.mark.parametrize("native", [True, False])
    def test_but_one_that_arrives_is_not_due_before_its_ping(
        self, lab: Lab, namespace: str, *, native: bool
    ) -> None:
        if native:
            shake_hands(namespace=namespace)
            opener.handler({"connectionId": C}, INVOCATION)
        else:
            shake_hands(EIO="4", transport="websocket")
            self.connect(lab, namespace)
        assert not lab.row(C).joining
        self.sweep(lab, 179)
        assert lab.fakes.connections.closed == []
        assert "2" not in lab.fakes.connections.to(C)
        assert lab.row(C).due_at - lab.fakes.clock.now // 1000 == 1


@pytest.mark.parametrize("reached", [True, False])
def test_a_session_is_joining_until_it_can_be_reached_or_ends(lab: Lab, *, reached: bool) -> None:
    shake_hands(EIO="4", transport="websocket")
    session = stage.session_of(USER.path, "p")
    address = lab.row(C).address(session)
    assert session_store.add_session(C, session, joining=True)
    assert lab.row(C).joining == {USER.path}
    if reached:
        assert people.join(address, "p", expires_at=stage.EXPIRES_AT, everybody=True, due_at=7)
        assert lab.row(C).due_at == 7
    else:
        session_store.mark_ended(lab.row(C), USER.path)
    assert not lab.row(C).joining


class TestTheOpener:
    def test_a_native_client_is_greeted_with_the_same_arrival_each_time(self, lab: Lab) -> None:
        shake_hands(namespace=OPEN.path)
        for _ in range(2):
            opener.handler({"connectionId": C}, INVOCATION)
        assert lab.greeted == [{}, {}]
        first, second = (context.arrival for context in lab.contexts)
        assert first == second
        assert first.ms == lab.fakes.clock.now // 1000 * 1000
        assert [one.connection_id for one in stage.members_of(OPEN.path)] == [C]

    def test_a_2x_client_in_the_main_namespace_is_greeted_with_its_query(self, lab: Lab) -> None:
        shake_hands(EIO="3", transport="websocket", token="t", more="1")
        opener.handler({"connectionId": C}, INVOCATION)
        (auth,) = lab.greeted
        assert auth == {"EIO": "3", "transport": "websocket", "more": "1"}, "no token is kept"

    def test_a_client_without_sessions_is_not_greeted(self, lab: Lab) -> None:
        shake_hands(EIO="4", transport="websocket")
        opener.handler({"connectionId": C}, INVOCATION)
        assert lab.greeted == []


class TestASessionWithoutAPerson:
    @pytest.mark.parametrize("wire", [Wire.SOCKETIO, Wire.NATIVE])
    def test_is_never_ended_for_having_no_person(self, lab: Lab, wire: Wire) -> None:
        context = lab.come(C, wire=wire)
        assert not lab.fakes.tasks.deadlines
        deadline(Deadline(C, OPEN.path, context.session.sid))
        row = lab.row(C)
        assert row.session(OPEN.path) == context.session
        expected = Verdict.PING if wire is Wire.SOCKETIO else Verdict.LOOK
        assert verdict(row, int(row.due_at)) is expected

    def test_is_due_for_a_ping_and_not_for_a_deadline(self, lab: Lab) -> None:
        shake_hands(namespace=QUIET.path)
        period = lab.row(C).due_at - lab.fakes.clock.now // 1000
        assert period == 180
        connections.delete(C)
        connections.create(Connection(C, wire="s", expires_at=stage.EXPIRES_AT))
        packet(1, PacketType.CONNECT, QUIET.path)
        assert lab.row(C).due_at - lab.fakes.clock.now // 1000 == 180

    def test_leaves_no_row_when_its_connection_ends(self, lab: Lab) -> None:
        lab.come(C)
        assert len(stage.members_of(OPEN.path)) == 1
        departure.end_connection(lab.registry, lab.fakes.ports, C)
        assert lab.left == [f"{OPEN.path} {C}"]
        assert connections.get(C) is None
        assert stage.members_of(OPEN.path) == []
        assert list(Person.scan()) == []

    def test_is_in_no_room_in_a_namespace_without_everybody(self, lab: Lab) -> None:
        lab.come(C, QUIET.path)
        assert stage.members_of(QUIET.path) == []

    def test_may_send_events_and_is_counted_by_its_connection(
        self, lab: Lab, use_settings: UseSettings
    ) -> None:
        use_settings(limit_call_cancel_per_minute=1)
        for name in (C, "other"):
            lab.come(name)
            send(lab, "limited", connection_id=name)
            assert lab.frames(name) == [[None]]
        send(lab, "limited")
        assert lab.frames(C)[1][0] == "error"
        send(lab, "echo", 1, [2], {"three": 3})
        assert lab.frames(C)[-1] == [1, [2], {"three": 3}]

    def test_is_not_made_reachable_after_its_connection_has_ended(self, lab: Lab) -> None:
        context = lab.come(C, QUIET.path)
        departure.end_connection(lab.registry, lab.fakes.ports, C)
        assert not membership.enter(context.address, stage.EXPIRES_AT)
        assert stage.members_of(QUIET.path) == []


class TestTheDataOfASession:
    def test_is_there_with_the_next_event(self, lab: Lab) -> None:
        context = lab.come(C)
        assert context.data == {}
        context.save_data(name="Ann", **{"a.b c": [1, {"x": None}]})
        assert context.data == {"name": "Ann", "a.b c": [1, {"x": None}]}
        context.save_data(name=None)
        assert lab.context(C).data == {"name": None, "a.b c": [1, {"x": None}]}
        assert lab.come(C, QUIET.path).data == {}

    def test_two_writers_of_different_names_lose_nothing(self, lab: Lab, race: Race) -> None:
        lab.come(C)
        contexts = [lab.context(C) for _ in range(8)]
        race(*(partial(one.save_data, **{f"n{i}": i}) for i, one in enumerate(contexts)))
        assert lab.context(C).data == {f"n{i}": i for i in range(8)}

    def test_is_gone_with_the_session(self, lab: Lab) -> None:
        before = lab.come(C)
        before.save_data(a=1)
        lab.come(C, QUIET.path).save_data(b=2)
        departure.end_session(lab.registry, lab.fakes.ports, lab.row(C), OPEN.path)
        before.save_data(a=2)
        assert len(lab.row(C).data.as_dict()) == 1
        assert lab.come(C).data == {}
        before.save_data(a=3)
        assert lab.context(C).data == {}
        assert lab.context(C, QUIET.path).data == {"b": 2}

    def test_can_be_saved_in_a_row_without_the_attribute(self, lab: Lab) -> None:
        lab.come(C)
        Connection(C).update([Connection.data.remove()])
        context = lab.context(C)
        assert context.data == {}
        for number in (1, 2):
            context.save_data(a=number)
        assert lab.context(C).data == {"a": 2}

    def test_has_a_largest_size(self, lab: Lab, use_settings: UseSettings) -> None:
        use_settings(session_data_bytes=20)
        context = lab.come(C)
        context.save_data(a="x" * 10)
        with pytest.raises(Refusal, match=r"^The data of a session has 20 bytes at most$"):
            context.save_data(b="x" * 10)
        context.save_data(a="x" * 17)
        assert lab.context(C).data == {"a": "x" * 17}

    def test_is_saved_without_a_read(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        context = lab.come(C)
        monkeypatch.setattr(connections, "get", lambda _: pytest.fail("the row is read"))
        context.save_data(a=1)
        assert context.data == {"a": 1}


class TestTheServerEndsSessions:
    def run(self, lab: Lab) -> None:
        """Invoke the disconnect function for the sessions that are to be ended."""
        for connection_id, namespace, sid, close in lab.fakes.tasks.ended:
            event = {"connectionId": connection_id, "namespace": namespace, "personId": ""}
            disconnect.handler({**event, "sid": sid, "close": close}, INVOCATION)

    def test_one_and_the_connection_stays(self, lab: Lab) -> None:
        lab.come(C, QUIET.path)
        lab.come(C).disconnect()
        self.run(lab)
        assert lab.fakes.connections.to(C) == ["41/open,"]
        assert [one.namespace for one in lab.row(C).all_sessions()] == [QUIET.path]
        assert lab.left == [f"{OPEN.path} {C}"]
        lab.context(C, QUIET.path).disconnect()
        self.run(lab)
        assert lab.row(C).all_sessions() == []
        assert lab.fakes.connections.closed == []

    def test_all_with_the_connection(self, lab: Lab) -> None:
        lab.come(C, QUIET.path)
        lab.come(C).disconnect(close=True)
        self.run(lab)
        assert sorted(lab.fakes.connections.to(C)) == ["41/open,", "41/quiet,"]
        assert lab.fakes.connections.closed == [C]
        assert connections.get(C) is None

    def test_the_session_of_a_native_client_with_its_connection(self, lab: Lab) -> None:
        lab.come(C, wire=Wire.NATIVE).disconnect()
        self.run(lab)
        assert lab.fakes.connections.to(C) == []
        assert lab.fakes.connections.closed == [C]

    def test_but_not_the_next_session_of_the_connection(self, lab: Lab) -> None:
        lab.come(C).disconnect()
        departure.end_session(lab.registry, lab.fakes.ports, lab.row(C), OPEN.path)
        after = lab.come(C)
        self.run(lab)
        assert lab.row(C).session(OPEN.path) == after.session

    def test_another_by_its_address(self, lab: Lab) -> None:
        other = lab.come("other")
        lab.come(C).disconnect(other.address)
        self.run(lab)
        assert lab.row("other").all_sessions() == []
        assert lab.row(C).session(OPEN.path)


def test_an_anonymous_session_differs_from_one_that_has_not_authenticated_yet(lab: Lab) -> None:
    anonymous = lab.come(C).session
    assert (anonymous.anonymous, anonymous.authenticated, anonymous.settled) == (True, False, True)
    waiting = lab.come(C, CHAT.path).session
    assert (waiting.anonymous, waiting.authenticated, waiting.settled) == (False, False, False)
    person = stage.session_of(CHAT.path, "anna")
    assert (person.anonymous, person.authenticated, person.settled) == (False, True, True)
    old = json.dumps({"namespace": "/", "sid": "s", "personId": "p", "role": "", "name": ""})
    assert session_of(old).settled
