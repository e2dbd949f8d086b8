"""The row of a connection keeps nothing with which anybody could sign in."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import lists, sampled_from

from functions.connect import main as connect
from functions.products import REGISTRY
from functions.socketio import join
from functions.socketio import main as socketio
from shared.identity import tokens
from shared.identity.tokens import Kept
from shared.pipeline import authentication
from shared.pipeline.http import HttpError
from shared.realtime import connections
from shared.realtime.connections import Connection
from shared.realtime.namespaces import INVALID_TOKEN, TOKEN_REQUIRED
from tests.conftest import UseSettings
from tests.fakes import JWT_SECRET, Fakes
from tests.integration.stage import INVOCATION

pytestmark = pytest.mark.usefixtures("tables")

C, OURS = "c", "https://ours.example"
HOUR = 3_600
ADA = {"sub": "ada", "role": "ADMIN"}
ULLA = {"sub": "ulla", "role": "USER"}


@pytest.fixture(autouse=True)
def ports(fakes: Fakes, monkeypatch: pytest.MonkeyPatch, use_settings: UseSettings) -> None:
    use_settings(allowed_origins=OURS, limit_connections_per_minute=1_000)
    for main in (connect, join, socketio):
        monkeypatch.setattr(main, "ports", lambda: fakes.ports)


def token(claims: dict[str, str], secret: str = JWT_SECRET, seconds: int = HOUR) -> str:
    body = claims | {"exp": int(time.time()) + seconds}
    return jwt.encode(body, secret, algorithm="HS256")


def shake_hands(query: dict[str, str], cookie: str = "") -> Connection:
    """Connect, and return the row."""
    context = {"connectionId": C, "requestId": "r", "identity": {"sourceIp": "203.0.113.7"}}
    event = {
        "requestContext": context,
        "queryStringParameters": {"EIO": "4", "transport": "websocket"} | query,
        "headers": {"Origin": OURS, "Cookie": cookie},
    }
    assert connect.handler(event, INVOCATION) == {"statusCode": 200}
    row = connections.get(C)
    assert row
    return row


def ask(fakes: Fakes, namespace: str) -> Any:
    """Send CONNECT without a token, and return the answer."""
    fakes.connections.posted.clear()
    arrived = int(time.time() * 1000) + len(namespace)
    context = {"connectionId": C, "messageId": namespace, "requestTimeEpoch": arrived}
    socketio.handler(
        {"requestContext": context | {"requestId": "r"}, "body": f"40{namespace},"}, INVOCATION
    )
    (frame,) = fakes.connections.to(C)
    if frame.startswith("40"):
        return "joined"
    answer = json.loads(frame.removeprefix(f"44{namespace},"))
    return answer["message"] if isinstance(answer, dict) else answer


def in_clear(row: Connection, *given: str) -> bool:
    """Return whether the row holds a token, or a part that would make one."""
    held = json.dumps(row.to_simple_dict(), default=str)
    return any(part in held for one in given for part in (one, one.rpartition(".")[2]))


def test_a_token_of_the_query_joins_namespaces_also_later(fakes: Fakes) -> None:
    secret = token(ULLA)
    row = shake_hands({"EIO": "3", "token": secret})
    assert not in_clear(row, secret)
    assert ask(fakes, "/user") == "joined"
    assert ask(fakes, "/admin") == "Access denied"


def test_a_cookie_joins_the_namespaces_that_accept_cookies(fakes: Fakes) -> None:
    secret = token(ADA)
    row = shake_hands({}, f"authenticationToken={secret}")
    assert not in_clear(row, secret)
    assert ask(fakes, "/admin") == "joined"
    assert ask(fakes, "/user") == TOKEN_REQUIRED


@pytest.mark.parametrize("protocol", ["3", "4"])
def test_a_token_that_expires_after_the_handshake_is_refused(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    shake_hands({"EIO": protocol, "token": token(ULLA, seconds=60)})
    later = time.time() + 61
    monkeypatch.setattr(tokens.time, "time", lambda: later)  # type: ignore[attr-defined]
    assert ask(fakes, "/user") == INVALID_TOKEN


@pytest.mark.parametrize(
    ("given", "answer"), [("no.token.atall", INVALID_TOKEN), ("", TOKEN_REQUIRED)]
)
def test_a_wrong_token_is_told_from_none(fakes: Fakes, given: str, answer: str) -> None:
    row = shake_hands({"EIO": "3", "token": given})
    assert ask(fakes, "/user") == answer
    assert not given or not in_clear(row, given)


def test_the_query_of_a_2x_client_is_kept_without_its_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(REGISTRY.connect_hooks, "/", [])
    secret = token(ULLA)
    row = shake_hands({"EIO": "3", "token": secret, "page": "7"})
    assert json.loads(row.handshake)["page"] == "7"
    assert not in_clear(row, secret)


BAD = ["", "x", "a.b.c", token(ADA, "the secret of somebody else, long"), token(ADA, seconds=-1)]


@settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
@given(lists(sampled_from(BAD), max_size=4), lists(sampled_from(BAD), max_size=4))
def test_of_several_cookies_the_valid_one_counts(
    fakes: Fakes, before: list[str], after: list[str]
) -> None:
    good = token(ADA)
    cookie = "; ".join(f"authenticationToken={one}" for one in (*before, good, *after))
    assert shake_hands({}, cookie).cookie
    assert ask(fakes, "/admin") == "joined"
    identity = authentication.asker("an admin", {"cookie": cookie}, fakes.secrets)
    assert identity
    assert identity.account_id == "ada"
    without = "; ".join(f"authenticationToken={one}" for one in (*before, *after))
    with pytest.raises(HttpError) as refused:
        authentication.asker("an admin", {"cookie": without}, fakes.secrets)
    expected = INVALID_TOKEN if any(before + after) else TOKEN_REQUIRED
    assert (refused.value.status, refused.value.message) == (401, expected)


def test_what_is_kept_is_no_token(fakes: Fakes) -> None:
    kept = tokens.keep([token(ADA)], fakes.secrets)
    assert kept
    assert kept.valid().account_id == "ada"
    assert tokens.keep([], fakes.secrets) is None
    assert tokens.keep(["x"], fakes.secrets) == Kept()
