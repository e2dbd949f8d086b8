"""Traces of X-Ray show posts, which the SDK does not make."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from shared.aws import traces
from shared.aws.gateway import ManagedConnections
from tests.conftest import UseSettings
from tests.unit.http_server import ScriptedServer

SAMPLED = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(type=socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(2)
        monkeypatch.setenv(traces.DAEMON, f"127.0.0.1:{daemon.getsockname()[1]}")
        for name, value in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        yield daemon


@pytest.fixture
def connections(server: ScriptedServer, use_settings: UseSettings) -> ManagedConnections:
    return ManagedConnections(use_settings(connections_url_format=f"{server.url}/prod"))


def received(daemon: socket.socket) -> dict[str, Any]:
    header, document = daemon.recv(65_536).split(b"\n", 1)
    assert json.loads(header) == {"format": "json", "version": 1}
    found: dict[str, Any] = json.loads(document)
    return found


def test_the_posts_of_a_sampled_invocation_are_a_subsegment(
    connections: ManagedConnections,
    server: ScriptedServer,
    daemon: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(traces.TRACE, f"{SAMPLED};Lineage=1:a87bd80c:0")
    server.answers = [410]
    list(connections.post_all([("a=", "2"), ("b=", "2"), ("c=", "2")]))
    document = received(daemon)
    assert document["trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"
    assert document["parent_id"] == "53995c3f42cd8ad8"
    assert document["name"] == "@connections"
    assert document["annotations"] == {"requests": 3, "gone": 1, "failed": 0}
    assert len(document["id"]) == 16
    assert 0 <= document["end_time"] - document["start_time"] < 10


@pytest.mark.parametrize("trace", ["", "nonsense", SAMPLED.replace("Sampled=1", "Sampled=0")])
def test_an_invocation_that_is_not_sampled_sends_nothing(
    connections: ManagedConnections,
    daemon: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
    trace: str,
) -> None:
    monkeypatch.setenv(traces.TRACE, trace)
    assert connections.post("a=", "2")
    daemon.setblocking(False)
    with pytest.raises(BlockingIOError):
        daemon.recv(65_536)


@pytest.mark.parametrize("address", ["", "nowhere", "127.0.0.1:none", "127.0.0.1:70000"])
def test_a_post_does_not_fail_with_its_trace(
    connections: ManagedConnections, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv(traces.TRACE, SAMPLED)
    monkeypatch.setenv(traces.DAEMON, address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    assert connections.post("a=", "2")
