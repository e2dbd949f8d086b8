"""Whatever becomes of a CONNECT, its client gets an answer."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import sampled_from

from functions.connect import main as connect
from functions.products import REGISTRY
from functions.socketio import join
from functions.socketio import main as socketio
from shared.aws import tables as aws_tables
from shared.errors import INTERNAL
from shared.identity import accounts, tokens
from shared.realtime import connections, session_store
from shared.realtime.connections import Connection
from shared.realtime.namespaces import INVALID_TOKEN, Login
from tests.fakes import JWT_SECRET, Fakes
from tests.integration.stage import EXPIRES_AT, INVOCATION

pytestmark = pytest.mark.usefixtures("tables")

C = "c"
WITH_TOKEN = [one for one in REGISTRY.namespaces.values() if one.login is Login.TOKEN]


@pytest.fixture(autouse=True)
def ports(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    for main in (connect, join, socketio):
        monkeypatch.setattr(main, "ports", lambda: fakes.ports)


def token(**changes: Any) -> str:
    claims = {"sub": "ulla", "role": "USER", "name": "Ulla", "exp": EXPIRES_AT}
    return jwt.encode(claims | changes, JWT_SECRET, algorithm="HS256")


def ask(namespace: str, given: str, protocol: int = 4) -> None:
    """Send CONNECT on a new connection, through the function's own entry."""
    connections.create(Connection(C, wire="s", protocol=protocol, expires_at=EXPIRES_AT))
    frame = f"40{namespace}," + json.dumps({"token": given})
    if protocol == 3:
        frame = f"40{namespace}?token={given},"
    context = {"connectionId": C, "messageId": "m", "requestTimeEpoch": 1, "requestId": "r"}
    answer = socketio.handler({"requestContext": context, "body": frame}, INVOCATION)
    assert answer == {"statusCode": 200}


@settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
@given(
    namespace=sampled_from(WITH_TOKEN),
    claim=sampled_from(["sub", "name", "role"]),
    half=sampled_from(["\ud83d", "\ude00", "a\udfff", "\ud800\ud800"]),
)
def test_a_token_with_half_an_emoji_is_an_invalid_token(
    fakes: Fakes, namespace: Any, claim: str, half: str
) -> None:
    fakes.connections.posted.clear()
    ask(namespace.path, token(**{"role": namespace.role, claim: half}))
    refused = f'44{namespace.path},{{"message":"{INVALID_TOKEN}"}}'
    assert fakes.connections.posted == [(C, refused)]


@pytest.mark.parametrize("half", ["\ud83d", "x\udc00"])
@pytest.mark.parametrize("claim", ["sub", "name", "role"])
def test_a_native_handshake_with_such_a_token_is_unauthorized(claim: str, half: str) -> None:
    query = {"namespace": "/user", "token": token(**{claim: half})}
    context = {"connectionId": C, "requestId": "r", "identity": {"sourceIp": "203.0.113.7"}}
    event = {"requestContext": context, "queryStringParameters": query, "headers": {}}
    assert connect.handler(event, INVOCATION) == {"statusCode": 401}


@pytest.mark.parametrize(
    ("where", "name"),
    [
        (connections, "get"),
        (session_store, "add_session"),
        (accounts, "get"),
        (tokens, "verify"),
    ],
)
@pytest.mark.parametrize("protocol", [3, 4])
def test_a_failure_of_ours_is_answered_with_the_general_text(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch, where: object, name: str, protocol: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise aws_tables.TransactionRefused([])

    monkeypatch.setattr(where, name, fail)
    ask("/user", token(), protocol)
    ((_, frame),) = fakes.connections.posted
    assert frame.startswith("44/user,")
    assert INTERNAL in frame
    text = json.loads(frame.removeprefix("44/user,"))
    known = name != "get" or where is not connections
    assert text == (INTERNAL if protocol == 3 and known else {"message": INTERNAL})
