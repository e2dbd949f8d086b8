"""The fixtures of several unit tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.http_server import ScriptedServer, serving


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """An HTTP server whose answers the test scripts."""
    with serving() as server:
        yield server
