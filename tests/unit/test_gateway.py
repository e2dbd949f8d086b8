"""Posting through ``@connections`` to a server that checks its requests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from botocore import auth
from botocore.auth import SIGV4_TIMESTAMP
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from shared.aws import clients
from shared.aws.gateway import ManagedConnections, PostFailed, PostRefused
from tests.conftest import UseSettings
from tests.unit.http_server import CLOSE, ScriptedServer

RETRY_SECONDS = 5.0


@pytest.fixture(autouse=True)
def role(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the SDK credentials, and leave no session that keeps them."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    clients.session.cache_clear()
    yield
    clients.session.cache_clear()


@dataclass
class Time:
    """A clock that moves only in pauses and when a test moves it."""

    now: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    clock = Time()
    monkeypatch.setattr("shared.aws.retry.time.sleep", clock.sleep)
    monkeypatch.setattr("shared.aws.gateway.monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def connections(server: ScriptedServer, use_settings: UseSettings) -> ManagedConnections:
    return ManagedConnections(
        use_settings(connections_url_format=f"{server.url}/prod", post_retry_seconds=RETRY_SECONDS)
    )


def test_a_frame_is_posted_with_a_signature_and_an_encoded_connection_id(
    connections: ManagedConnections, server: ScriptedServer
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
def test_the_signature_equals_the_sdk_s(
    connections: ManagedConnections,
    server: ScriptedServer,
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


def test_a_connection_is_looked_up_with_get_and_closed_with_delete(
    connections: ManagedConnections, server: ScriptedServer
) -> None:
    assert connections.exists("abc=") is True
    connections.close("abc=")
    assert [asked[0] for asked in server.asked] == ["GET", "DELETE"]


def test_a_gone_connection_is_not_an_error(
    connections: ManagedConnections, server: ScriptedServer, clock: Time
) -> None:
    server.answers = [410, 410, 410]
    assert connections.post("abc=", "2") is False
    assert connections.exists("abc=") is False
    connections.close("abc=")
    assert not clock.pauses


@pytest.mark.parametrize("trouble", [429, 500, 502, 503, 504])
def test_a_passing_error_is_retried(
    connections: ManagedConnections, server: ScriptedServer, clock: Time, trouble: int
) -> None:
    server.answers = [trouble] * 4
    assert connections.post("abc=", "2") is True
    assert len(server.asked) == 5
    assert len(clock.pauses) == 4
    assert clock.now <= 0.1 + 0.2 + 0.4 + 0.8


@pytest.mark.parametrize("trouble", [429, 503])
def test_a_lasting_error_is_raised_after_the_retry_time(
    connections: ManagedConnections, server: ScriptedServer, clock: Time, trouble: int
) -> None:
    server.answer = lambda _: trouble
    with pytest.raises(PostFailed, match=str(trouble)):
        connections.post("abc=", "2")
    assert len(server.asked) > 4
    assert RETRY_SECONDS <= clock.now <= RETRY_SECONDS + 2
    assert sum(clock.pauses[:-1]) < RETRY_SECONDS


def test_a_gateway_that_hangs_is_not_retried_for_ever(
    connections: ManagedConnections, server: ScriptedServer, clock: Time
) -> None:
    def hang(_: str) -> int:
        clock.now += RETRY_SECONDS
        return CLOSE

    server.answer = hang
    with pytest.raises(PostFailed, match="Disconnected"):
        connections.post("abc=", "2")
    assert len(server.asked) == 2


@pytest.mark.parametrize("status", [400, 413])
def test_a_refused_post_is_an_error_at_once(
    connections: ManagedConnections, server: ScriptedServer, status: int
) -> None:
    server.answers = [(status, b'{"message":"no"}')]
    with pytest.raises(PostFailed, match=r'"message":"no"'):
        connections.post("abc=", "2")
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [200, 403])
def test_a_403_is_believed_the_second_time(
    connections: ManagedConnections, server: ScriptedServer, clock: Time, status: int
) -> None:
    server.answers = [(403, b""), (status, b'{"message":"no"}')]
    if status == 403:
        with pytest.raises(PostRefused, match=r'"message":"no"'):
            connections.post("abc=", "2")
    else:
        assert connections.post("abc=", "2") is True
    assert len(server.asked) == 2
    assert len(clock.pauses) == 1


def test_a_post_whose_answer_was_lost_is_retried(
    connections: ManagedConnections, server: ScriptedServer, clock: Time
) -> None:
    server.answers = [CLOSE] * 3
    assert connections.post("abc=", "2") is True
    assert len(clock.pauses) == 3


def test_an_unreachable_gateway_is_an_error(use_settings: UseSettings) -> None:
    connections = ManagedConnections(use_settings(connections_url_format="http://127.0.0.1:1/x"))
    with pytest.raises(PostFailed, match="refused"):
        connections.post("abc=", "2")


def test_among_many_posts_a_failure_stops_no_other_and_retries_come_last(
    connections: ManagedConnections, server: ScriptedServer
) -> None:
    always = {11: 429}
    once = {3: [429], 5: [503, CLOSE, 429], 7: [410], 9: [403] * 2, 13: [413]}

    def answer(path: str) -> int:
        number = int(path.rpartition("/")[2])
        left = once.get(number)
        return left.pop(0) if left else always.get(number, 200)

    server.answer = answer
    outcomes = list(connections.post_all((str(number), "2") for number in range(40)))
    order = [int(name) for (name, _), _ in outcomes]
    assert sorted(order) == list(range(40))
    assert order[-2:] == [5, 11]
    assert set(order[-4:-2]) == {3, 9}
    found = {int(name): there for (name, _), there in outcomes}
    assert found[7] is False
    failed = [PostRefused, PostFailed, PostRefused]
    assert [type(found[number]) for number in (9, 11, 13)] == failed
    assert {number for number, there in found.items() if there is not True} == {7, 9, 11, 13}


def test_a_connection_that_the_gateway_closed_costs_no_attempt(
    connections: ManagedConnections, server: ScriptedServer, clock: Time
) -> None:
    server.hang_up_after = True
    for _ in range(5):
        assert connections.post("abc=", "2")
        assert server.hung_up.acquire(timeout=5)
    assert not clock.pauses
    assert len(server.asked) == len(server.peers) == 5
