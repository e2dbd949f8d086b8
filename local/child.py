"""Child processes that never outlive this one."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from local import guard
from local.settings import ROOT

TAIL_LINES = 25


class Failed(Exception):
    """Something the stack needs did not work. The message is for the person at the terminal."""


class Child:
    """A command in its own process group, under a guard; what it prints goes to ``log``."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self.log = log

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str],
        folder: Path = ROOT,
    ) -> Child:
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                str(guard.__file__),
                *command,
                cwd=folder,
                env=environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(process, log)

    @property
    def pid(self) -> int:
        """Of the guard, which is the id of the process group too."""
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    async def wait(self) -> int:
        return await self._process.wait()

    async def stop(self) -> None:
        """Kill the whole group and wait. There is nothing to save: every start is a fresh one."""
        if self._process.stdin:
            self._process.stdin.close()
        await self._process.wait()

    def tail(self) -> str:
        """The end of what it printed."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])


async def run(
    what: str,
    command: Sequence[str],
    log: Path,
    environment: Mapping[str, str],
    folder: Path = ROOT,
) -> None:
    """Run a command to its end; raises ``Failed`` with the end of its log when it fails."""
    child = await Child.start(command, log, environment, folder)
    try:
        code = await child.wait()
    finally:
        await child.stop()
    if code:
        raise Failed(f"{what} failed with exit code {code}:\n{child.tail()}\nAll of it: {log}")
