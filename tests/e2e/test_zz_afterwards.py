"""What is to be said after everything else has happened to the stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.grants import RARE, exercised, granted
from tests.e2e.stack import Stack


def test_no_function_has_failed(stack: Stack) -> None:
    kept = {file.name for file in stack.logs.iterdir()}
    assert "switchboard-dev-socketio.log" in kept, "the functions' logs are not kept"
    assert stack.troubles() == []
    assert stack.shown() == []


def test_nothing_is_granted_that_nobody_uses(stack: Stack, request: pytest.FixtureRequest) -> None:
    """The other way round IAM sees to: it is enforced while the tests run."""
    folder = Path(__file__).parent
    ran = {item.path for item in request.session.items}
    if not ran >= set(folder.glob("test_*.py")):
        pytest.skip("only a run of all tests here says who uses what")
    used = exercised(stack.logs / "requests.jsonl", stack.environment)
    unused = granted() - used
    print("\n".join(map(str, sorted(unused))))
    assert unused <= RARE.keys(), sorted(unused - RARE.keys())
    assert RARE.keys() <= granted(), "no longer granted"
