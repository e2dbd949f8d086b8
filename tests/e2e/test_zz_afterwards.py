"""What is to be said after everything else has happened to the stack."""

from __future__ import annotations

from tests.e2e.stack import Stack


def test_no_function_has_failed(stack: Stack) -> None:
    kept = {file.name for file in stack.logs.iterdir()}
    assert "switchboard-dev-socketio.log" in kept, "the functions' logs are not kept"
    assert stack.troubles() == []
