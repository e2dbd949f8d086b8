"""Posting through ``@connections``, to a server that checks what it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from botocore import auth
from botocore.auth import SIGV4_TIMESTAMP
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from shared import aws
from shared.gateway import ManagedConnections, PostFailed
from tests.conftest import UseSettings
from tests.unit.http_server import CLOSE, Told, serving

ATTEMPTS = 6


@pytest.fixture(autouse=True)
def role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    aws.session.cache_clear()


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between attempts; no time passes."""
    pauses: list[float] = []
    monkeypatch.setattr("shared.pause.time.sleep", pauses.append)
    return pauses


@pytest.fixture
def server() -> Iterator[Told]:
    with serving() as told:
        yield told


@pytest.fixture
def connections(server: Told, use_settings: UseSettings) -> ManagedConnections:
    return ManagedConnections(
        use_settings(connections_url_format=f"{server.url}/prod", post_attempts=ATTEMPTS)
    )


def test_a_frame_is_posted_signed_and_its_connection_id_encoded(
    connections: ManagedConnections, server: Told
) -> None:
    assert connections.post("a+b/c=", '42["наприклад"]') is True
    [(method, path, body, headers)] = server.asked
    assert (method, path) == ("POST", "/prod/@connections/a%2Bb%2Fc%3D")
    assert body.decode() == '42["наприклад"]'
    assert headers["host"] == server.url.removeprefix("http://")
    assert headers["x-amz-security-token"] == "token"
    assert "/us-east-1/execute-api/aws4_request, " in headers["authorization"]
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token" in headers["authorization"]


@pytest.mark.parametrize("token", ["token", None])
@pytest.mark.parametrize("body", ["наприклад", None])
def test_the_signature_is_the_sdk_s(
    connections: ManagedConnections,
    server: Told,
    monkeypatch: pytest.MonkeyPatch,
    body: str | None,
    token: str | None,
) -> None:
    if token is None:
        monkeypatch.delenv("AWS_SESSION_TOKEN")
    if body is None:
        connections.close("a+b/c=")
    else:
        connections.post("a+b/c=", body)
    [(method, path, _, headers)] = server.asked
    request = AWSRequest(method, server.url + path, data=(body or "").encode())
    sent = datetime.strptime(headers["x-amz-date"], SIGV4_TIMESTAMP).replace(tzinfo=UTC)
    monkeypatch.setattr(auth, "get_current_datetime", lambda: sent)
    role = Credentials("AKID", "secret", token)
    auth.SigV4Auth(role, "execute-api", "us-east-1").add_auth(request)
    assert headers["authorization"] == request.headers["Authorization"]


def test_looking_and_closing_have_methods_of_their_own(
    connections: ManagedConnections, server: Told
) -> None:
    assert connections.exists("abc=") is True
    connections.close("abc=")
    assert [asked[0] for asked in server.asked] == ["GET", "DELETE"]


def test_a_connection_that_is_gone_is_no_error(
    connections: ManagedConnections, server: Told, slept: list[float]
) -> None:
    server.answers = [410, 410, 410]
    assert connections.post("abc=", "2") is False
    assert connections.exists("abc=") is False
    connections.close("abc=")
    assert not slept


@pytest.mark.parametrize("trouble", [429, 500, 502, 503, 504])
def test_trouble_that_passes_is_waited_for(
    connections: ManagedConnections, server: Told, slept: list[float], trouble: int
) -> None:
    server.answers = [trouble] * (ATTEMPTS - 1)
    assert connections.post("abc=", "2") is True
    assert len(server.asked) == ATTEMPTS
    assert len(slept) == ATTEMPTS - 1
    assert all(0 <= pause <= 2 for pause in slept)


@pytest.mark.parametrize("trouble", [429, 503])
def test_trouble_that_stays_is_an_error(
    connections: ManagedConnections, server: Told, trouble: int
) -> None:
    server.answers = [trouble] * (ATTEMPTS + 1)
    with pytest.raises(PostFailed, match=str(trouble)):
        connections.post("abc=", "2")
    assert len(server.asked) == ATTEMPTS


@pytest.mark.parametrize("status", [400, 403, 413])
def test_a_refusal_is_an_error_at_once(
    connections: ManagedConnections, server: Told, status: int
) -> None:
    server.answers = [(status, b'{"message":"no"}')]
    with pytest.raises(PostFailed, match=r'"message":"no"'):
        connections.post("abc=", "2")
    assert len(server.asked) == 1


def test_a_lost_answer_is_asked_for_again(
    connections: ManagedConnections, server: Told, slept: list[float]
) -> None:
    server.answers = [CLOSE] * 3
    assert connections.post("abc=", "2") is True
    assert len(slept) == 3
    server.answers = [CLOSE] * 9
    with pytest.raises(PostFailed, match="RemoteDisconnected"):
        connections.post("abc=", "2")


def test_nobody_there_is_an_error(use_settings: UseSettings) -> None:
    connections = ManagedConnections(use_settings(connections_url_format="http://127.0.0.1:1/x"))
    with pytest.raises(PostFailed, match="refused"):
        connections.post("abc=", "2")


def test_of_many_nobody_stops_the_others_and_trouble_lets_them_go_first(
    connections: ManagedConnections, server: Told, slept: list[float]
) -> None:
    trouble = {3: [429], 5: [503, CLOSE, 429], 7: [410], 9: [403], 11: [429] * ATTEMPTS}

    def answer(path: str) -> int:
        left = trouble.get(int(path.rpartition("/")[2]))
        return left.pop(0) if left else 200

    server.answer = answer
    outcomes = list(connections.post_all((str(number), "2") for number in range(40)))
    assert sorted(int(name) for (name, _), _ in outcomes) == list(range(40))
    assert [name for (name, _), _ in outcomes[-3:]] == ["3", "5", "11"]
    found = {int(name): there for (name, _), there in outcomes}
    assert {number for number, there in found.items() if there is True} == {*range(40)} - {7, 9, 11}
    assert found[7] is False
    assert [type(found[number]) for number in (9, 11)] == [PostFailed] * 2
    assert len(slept) == ATTEMPTS - 1


def test_a_connection_closed_meanwhile_costs_no_attempt(
    connections: ManagedConnections, server: Told, slept: list[float]
) -> None:
    server.hang_up_after = True
    for _ in range(5):
        assert connections.post("abc=", "2")
        assert server.hung_up.acquire(timeout=5)
    assert not slept
    assert len(server.asked) == len(server.peers) == 5
