"""Checks of the whole run, after all other tests have used their stacks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from filelock import FileLock

from tests.e2e.grants import RARE, Use, exercised, granted
from tests.e2e.stack import Stack

CHECKED = ("main", "third")
"""The stacks that are checked. Each of them has its tests here."""


@pytest.fixture(params=CHECKED)
def stack(request: pytest.FixtureRequest) -> Stack:
    used: Stack = request.getfixturevalue(f"{request.param}_stack")
    return used


def test_no_function_has_failed(stack: Stack) -> None:
    kept = {file.name for file in stack.logs.iterdir()}
    assert "switchboard-dev-socketio.log" in kept, "the functions' logs are not kept"
    assert stack.logged_errors() == []
    assert stack.shown() == []


def test_every_granted_right_is_used(
    stack: Stack,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    worker_id: str,
) -> None:
    """IAM checks the opposite, that every used right is granted: it is enforced in the tests.

    The tests of both stacks may run in different processes. What ends last checks the rights.
    """
    folder = Path(__file__).parent
    ran = {item.path for item in request.session.items}
    if not ran >= set(folder.glob("test_*.py")):
        pytest.skip("only a run of all tests in this folder uses all rights")
    mine = exercised(stack.logs / "requests.jsonl", stack.environment)
    base = tmp_path_factory.getbasetemp()
    found = _together(base if worker_id == "master" else base.parent, mine)
    if len(found) < len(CHECKED):
        pytest.skip("the tests of another stack have not ended")
    unused = granted() - set().union(*found)
    print("\n".join(map(str, sorted(unused))))
    assert unused <= RARE.keys(), sorted(unused - RARE.keys())
    assert RARE.keys() <= granted(), "no longer granted"


def _together(folder: Path, mine: set[Use]) -> list[set[Use]]:
    """Add the rights that a stack has used to a file, and return those of each stack so far."""
    file = folder / "rights.jsonl"
    with FileLock(f"{file}.lock"):
        with file.open("a") as lines:
            lines.write(json.dumps(sorted(mine)) + "\n")
        return [
            {(name, action, to) for name, action, to in json.loads(line)}
            for line in file.read_text().splitlines()
        ]
