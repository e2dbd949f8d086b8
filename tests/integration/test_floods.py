"""The coarse limits: events, CONNECTs, invites and invalid tokens of a client that sends many."""

from __future__ import annotations

import json

import pytest

from functions.socketio import join
from functions.socketio import main as socketio
from shared.pipeline import validation
from shared.pipeline.context import Arrival
from shared.pipeline.declarations import TOO_MANY_REQUESTS
from shared.pipeline.meters import MINUTE_MS, Shares
from shared.pipeline.rate_limits import Window
from shared.protocol.socketio import Packet, PacketType
from shared.realtime import connections
from shared.realtime.connections import Connection
from shared.realtime.namespaces import INVALID_TOKEN
from tests.conftest import UseSettings
from tests.fakes import NOW_MS, Fakes
from tests.integration import stage
from tests.integration.chat import Chat
from tests.integration.clients import Clients
from tests.simulation.clients import token
from tests.simulation.world import TINA

pytestmark = pytest.mark.usefixtures("tables")

C = "c"


@pytest.fixture
def chat(tables: object, fakes: Fakes) -> Chat:
    return Chat(fakes)


@pytest.fixture
def client(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> Fakes:
    """A Socket.IO connection without sessions."""
    for main in (join, socketio):
        monkeypatch.setattr(main, "ports", lambda: fakes.ports)
    connections.create(Connection(C, wire="s", expires_at=stage.EXPIRES_AT))
    return fakes


def connect(namespace: str, given: str, number: int) -> None:
    packet = Packet(PacketType.CONNECT, namespace, data={"token": given})
    socketio.message(Arrival(C, f"m{number}", NOW_MS + number), packet)


@pytest.mark.parametrize("limit", [5, 12])
def test_events_past_the_limit_are_refused(
    clients: Clients, use_settings: UseSettings, limit: int
) -> None:
    """Known ones and unknown ones, good ones and bad ones."""
    use_settings(limit_events_per_minute=limit)
    sent = ["call:end", "no:such:event", "call:cancel", "call:initiate"]
    for number in range(limit + 3):
        clients.send("u1", sent[number % len(sent)], {"callId": "x"})
    refused = [answer for answer in clients.acks("u1") if _text(answer) == TOO_MANY_REQUESTS]
    assert len(refused) == 3
    assert clients.events("u1")[-3:] == [("error", {"message": TOO_MANY_REQUESTS})] * 3
    clients.forget()
    clients.send("u2", "call:end", {"callId": "x"})
    assert _text(clients.acks("u2")[0]) == "Call not found", "another device is not limited"


def _text(answer: object) -> str:
    return str(answer["error"]["message"]) if isinstance(answer, dict) else ""


def test_a_refused_event_reads_nothing_but_its_session(
    clients: Clients, use_settings: UseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_settings(limit_events_per_minute=1)
    monkeypatch.setattr(validation, "payload_of", lambda *_: pytest.fail("it is read"))
    clients.send("u1", "no:such:event")
    clients.send("u1", "call:end", {"callId": "x"})
    assert _text(clients.acks("u1")[-1]) == TOO_MANY_REQUESTS


def test_after_a_while_events_are_accepted_again(
    clients: Clients, use_settings: UseSettings
) -> None:
    use_settings(limit_events_per_minute=1)
    for _ in range(2):
        clients.send("u1", "call:end", {"callId": "x"})
    clients.frames += 2 * MINUTE_MS
    clients.send("u1", "call:end", {"callId": "x"})
    assert [_text(one) for one in clients.acks("u1")] == [
        "Call not found",
        TOO_MANY_REQUESTS,
        "Call not found",
    ]


def test_an_ordinary_client_writes_no_row(clients: Clients) -> None:
    for _ in range(9):
        clients.send("u1", "call:end", {"callId": "x"})
    keys = [row.key for row in Shares.scan()]
    assert [key for key in keys if key.startswith("events#")] == []
    clients.send("u1", "call:end", {"callId": "x"})
    assert [row.hits for row in Shares.scan() if row.key.startswith("events#")] == [10]


def test_connects_past_the_limit_are_refused(client: Fakes, use_settings: UseSettings) -> None:
    use_settings(limit_joins_per_minute=6, limit_failed_authentications=100)
    for number in range(8):
        connect("/user", "no token", number)
    texts = [json.loads(frame.partition(",")[2])["message"] for frame in client.connections.to(C)]
    assert texts == [INVALID_TOKEN] * 6 + [TOO_MANY_REQUESTS] * 2


def test_a_connection_with_too_many_invalid_tokens_is_closed(client: Fakes) -> None:
    for number in range(4):
        connect("/user" if number % 2 else "/admin", "no token", number)
    connect("/user", token(TINA), 4)  # a valid token with another role is no guess
    assert client.connections.closed == []
    connect("/telecaller", "no token", 5)
    assert client.connections.closed == [C]
    assert client.tasks.ended_connections == [C]
    assert len(client.connections.to(C)) == 6, "every CONNECT is answered"


def test_failures_in_chat_count_too(chat: Chat, use_settings: UseSettings) -> None:
    use_settings(limit_failed_authentications=3)
    chat.tab("anna", "a1")
    for _ in range(3):
        assert chat.fakes.tasks.ended == []
        chat.send("a1", "authenticate", "no token")
    assert chat.fakes.tasks.ended == [("a1", "/", "sid-a1", True)]


@pytest.mark.parametrize("callee", ["online", "offline", "by turns"])
def test_invites_are_limited_per_person(chat: Chat, use_settings: UseSettings, callee: str) -> None:
    """Whichever tab sends them, and whether they ring or not."""
    use_settings(limit_invites_per_minute=4)
    for tab in ("a1", "a2"):
        chat.tab("anna", tab)
    chat.tab("carl", "c1")
    chat.tab("online", "b1")
    for number in range(6):
        target = ("online", "offline")[number % 2] if callee == "by turns" else callee
        invite = {"targetUserId": target, "callType": "audio", "offer": {}}
        chat.send(("a1", "a2")[number % 2], "call:invite", invite)
    found = chat.errors("a1") + chat.errors("a2")
    assert found.count(TOO_MANY_REQUESTS) == 2
    rung = [name for name, _ in chat.fakes.events("b1") if name == "call:incoming"]
    assert len(rung) == {"online": 4, "offline": 0, "by turns": 2}[callee]
    assert found.count("User is offline") == 4 - len(rung)
    chat.send("c1", "call:invite", {"targetUserId": "online", "callType": "audio", "offer": {}})
    assert chat.errors("c1") == [], "another person is not limited"


@pytest.mark.parametrize(
    ("limit", "size", "ms"), [(10, 10, 60_000), (50, 50, 60_000), (600, 50, 5_000)]
)
def test_a_coarse_limit_fits_into_a_row(limit: int, size: int, ms: int) -> None:
    window = Window.coarse("x", limit, NOW_MS)
    assert (window.size, window.ms) == (size, ms)
