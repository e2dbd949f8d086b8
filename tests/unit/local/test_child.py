"""Child processes end together with their parent, however the parent ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.child import Child, Failed, run
from local.settings import ROOT

PARENT = """
import asyncio, os, sys
from pathlib import Path
from local.child import Child

async def main():
    grandchild = "import subprocess, sys; subprocess.run(['sleep', '60'])"
    child = await Child.start([sys.executable, "-c", grandchild], Path(sys.argv[1]), os.environ)
    await asyncio.sleep(0.3)
    print(child.pid, flush=True)
    await child.wait()

asyncio.run(main())
"""


def group_is_alive(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    states = subprocess.run(
        ["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True, check=True
    ).stdout
    rows = (line.split() for line in states.splitlines())
    return any(group == str(leader) and "Z" not in state for group, state in rows)


def wait_until_gone(leader: int) -> bool:
    deadline = time.monotonic() + 5
    while group_is_alive(leader) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not group_is_alive(leader)


def test_no_process_outlives_a_killed_parent(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "log")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout
        leader = int(parent.stdout.readline())
        assert group_is_alive(leader)
        parent.send_signal(signal.SIGKILL)
    assert wait_until_gone(leader)


async def test_stop_ends_the_whole_group(tmp_path: Path) -> None:
    child = await Child.start(["sh", "-c", "sleep 60 & sleep 60"], tmp_path / "log", os.environ)
    await asyncio.sleep(0.2)
    await child.stop()
    assert not child.running
    assert wait_until_gone(child.pid)


async def test_a_failed_command_shows_its_output(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"(?s)step failed with exit code 3:\n    because\n.*log"):
        await run("step", ["sh", "-c", "echo because; exit 3"], tmp_path / "log", os.environ)
