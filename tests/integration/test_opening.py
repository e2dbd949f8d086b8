"""From the handshake to a connection that can be reached, even if a step fails."""

from __future__ import annotations

import msgspec
import pytest

from functions.calls.namespaces import USER
from functions.chat.namespaces import CHAT
from functions.connect import main as connect
from functions.opener import main as opener
from shared.realtime import connections, lifecycle, people, session_store
from shared.realtime.address import Wire
from shared.realtime.connections import Connection
from tests.conftest import UseSettings
from tests.fakes import Fakes
from tests.integration import stage
from tests.integration.stage import INVOCATION, fails_once

pytestmark = pytest.mark.usefixtures("tables")

RETRIED_MS = 61_000
"""How long after a failure Lambda invokes the opener again, at the earliest."""

SESSION = stage.session_of(USER.path, "ulla")


@pytest.fixture(autouse=True)
def use_ports(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    for main in (connect, opener):
        monkeypatch.setattr(main, "ports", lambda: fakes.ports)


def open_(connection_id: str) -> None:
    opener.handler({"connectionId": connection_id}, INVOCATION)


def shake_hands(connection_id: str, **query: str) -> None:
    identity = {"sourceIp": "203.0.113.7"}
    context = {"connectionId": connection_id, "requestId": "request", "identity": identity}
    event = {"requestContext": context, "queryStringParameters": query, "headers": {}}
    assert connect.handler(event, INVOCATION) == {"statusCode": 200}


@pytest.mark.parametrize("own", [{"namespace": "/user"}, {"action": "call.end", "sid_": "x"}])
def test_parameters_of_the_app_change_nothing(fakes: Fakes, own: dict[str, str]) -> None:
    shake_hands("c", EIO="4", transport="websocket", **own)
    row = connections.get("c")
    assert row
    assert (row.wire, row.all_sessions()) == (Wire.SOCKETIO, [])
    open_("c")
    assert fakes.connections.to("c")[0].startswith("0{")


def test_the_first_subprotocol_is_confirmed() -> None:
    context = {"connectionId": "c", "requestId": "r", "identity": {"sourceIp": "203.0.113.7"}}
    event = {
        "requestContext": context,
        "queryStringParameters": {"EIO": "4", "transport": "websocket"},
        "headers": {"sec-websocket-protocol": "chat.v2, chat.v1"},
    }
    answer = {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "chat.v2"}}
    assert connect.handler(event, INVOCATION) == answer


def native(connection_id: str) -> None:
    connections.create(
        Connection(connection_id, wire=Wire.NATIVE.value, expires_at=stage.EXPIRES_AT)
    )
    assert session_store.add_session(connection_id, SESSION)


def test_a_native_client_is_reachable_when_the_opener_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    native("n")
    fails_once(monkeypatch, people, "join")
    with pytest.raises(TimeoutError):
        open_("n")
    assert not stage.user("ulla").online
    open_("n")
    assert [one.connection_id for one in stage.user("ulla").addresses] == ["n"]


def test_a_socket_io_client_gets_one_open_packet(fakes: Fakes) -> None:
    shake_hands("c", EIO="4", transport="websocket")
    for _ in range(2):
        open_("c")
    (frame,) = fakes.connections.to("c")
    assert frame.startswith("0{")


def test_a_2x_client_is_in_the_root_namespace_without_a_connect_packet(fakes: Fakes) -> None:
    shake_hands("c", EIO="3", transport="websocket")
    row = connections.get("c")
    assert row
    session = row.session(CHAT.path)
    assert session
    open_("c")
    assert [frame[:2] for frame in fakes.connections.to("c")] == ["0{", "40"]
    assert fakes.tasks.deadlines == [("c", CHAT.path, session.sid, 30)]


def test_a_2x_client_has_a_deadline_when_the_opener_is_tried_again(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    shake_hands("c", EIO="3", transport="websocket")
    fails_once(monkeypatch, fakes.tasks, "deadline")
    with pytest.raises(TimeoutError):
        open_("c")
    open_("c")
    assert [frame[:2] for frame in fakes.connections.to("c")] == ["0{", "40"]
    assert len(fakes.tasks.deadlines) == 1


def test_a_2x_client_from_an_address_with_too_many_connections_has_no_session(
    fakes: Fakes, use_settings: UseSettings
) -> None:
    use_settings(limit_connections_per_minute=1)
    for connection_id in ("first", "second"):
        shake_hands(connection_id, EIO="3", transport="websocket")
    row = connections.get("second")
    assert row
    assert row.all_sessions() == []
    open_("second")
    opened, refused = fakes.connections.to("second")
    assert opened.startswith("0{")
    assert refused == '44"Too many connection attempts. Please wait."'
    assert fakes.tasks.deadlines == []


@pytest.mark.parametrize("protocol", ["3", "4"])
def test_a_client_whose_opener_died_is_closed_by_the_retry_so_that_it_comes_back(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    shake_hands("c", EIO=protocol, transport="websocket")
    fails_once(monkeypatch, fakes.connections, "post")
    with pytest.raises(TimeoutError):
        open_("c")
    open_("c")
    assert fakes.connections.closed == [], "the first invocation may still run"
    fakes.clock.now += RETRIED_MS
    open_("c")
    assert fakes.connections.to("c") == []
    assert fakes.connections.closed == ["c"]
    assert fakes.tasks.ended_connections == ["c"]


@pytest.mark.parametrize("sign", ["CONNECT", "PONG", "reached"])
def test_a_client_that_has_been_heard_of_is_not_closed_by_a_late_repetition(
    fakes: Fakes, sign: str
) -> None:
    shake_hands("c", EIO="4", transport="websocket")
    open_("c")
    fakes.clock.now += RETRIED_MS
    if sign == "CONNECT":
        session = msgspec.structs.replace(SESSION, arrived_ms=fakes.clock.now)
        assert session_store.add_session("c", session, joining=True)
    elif sign == "PONG":
        lifecycle.mark_answered("c", fakes.clock.now // 1000)
    else:
        assert session_store.add_session("c", SESSION)
    open_("c")
    assert fakes.connections.closed == []
    assert len(fakes.connections.to("c")) == 1


def test_a_native_client_is_never_closed_by_the_retry(fakes: Fakes) -> None:
    native("n")
    for _ in range(2):
        open_("n")
        fakes.clock.now += 10**12
    assert fakes.connections.closed == []
    assert stage.user("ulla").online


def test_a_connection_that_leaves_is_not_opened(fakes: Fakes) -> None:
    native("n")
    lifecycle.mark_leaving("n")
    open_("n")
    assert not stage.user("ulla").online
    assert fakes.tasks.ended_connections == []
