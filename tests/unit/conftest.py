"""The fixtures of several unit tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local.emulator import aws_environment
from shared.aws import clients
from tests.unit.http_server import ScriptedServer, serving


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """An HTTP server whose answers the test scripts."""
    with serving() as server:
        yield server


@pytest.fixture
def sdk_asks_server(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let new clients of the SDK ask the scripted server, with no pause before they ask again."""
    for name, value in aws_environment({}, server.url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    made: tuple[Any, ...] = (clients.session, clients.client)
    for one in made:
        one.cache_clear()
    yield
    for one in made:
        one.cache_clear()
