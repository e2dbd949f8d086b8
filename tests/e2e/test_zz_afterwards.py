"""Checks of the whole run, after all other tests have used the stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.grants import RARE, exercised, granted
from tests.e2e.stack import Stack


def test_no_function_has_failed(stack: Stack) -> None:
    kept = {file.name for file in stack.logs.iterdir()}
    assert "switchboard-dev-socketio.log" in kept, "the functions' logs are not kept"
    assert stack.logged_errors() == []
    assert stack.shown() == []


def test_every_granted_right_is_used(stack: Stack, request: pytest.FixtureRequest) -> None:
    """IAM checks the opposite, that every used right is granted: it is enforced in the tests."""
    folder = Path(__file__).parent
    ran = {item.path for item in request.session.items}
    if not ran >= set(folder.glob("test_*.py")):
        pytest.skip("only a run of all tests in this folder uses all rights")
    used = exercised(stack.logs / "requests.jsonl", stack.environment)
    unused = granted() - used
    print("\n".join(map(str, sorted(unused))))
    assert unused <= RARE.keys(), sorted(unused - RARE.keys())
    assert RARE.keys() <= granted(), "no longer granted"
