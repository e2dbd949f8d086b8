"""Child processes that never outlive this process."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from local import guard
from local.settings import ROOT

TAIL_LINES = 25


class Failed(Exception):
    """Something that the stack needs has failed. The message is for the developer to read."""


class Child:
    """A command in its own process group, under a guard. ``log`` receives what it prints."""

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
        """Start a command in ``folder``. Its log begins anew."""
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
        """The process id of the guard, which is also the id of the process group."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the command has not ended yet."""
        return self._process.returncode is None

    async def wait(self) -> int:
        """Wait until the command ends, and return its exit code."""
        return await self._process.wait()

    async def stop(self) -> None:
        """Kill the whole group and wait. No state needs to be saved, as every start is fresh."""
        if self._process.stdin:
            self._process.stdin.close()
        await self._process.wait()

    def tail(self) -> str:
        """Return the last lines that the command has printed."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])


async def run(
    what: str,
    command: Sequence[str],
    log: Path,
    environment: Mapping[str, str],
    folder: Path = ROOT,
) -> None:
    """Run a command to its end. Raises ``Failed`` with the end of its log if it fails."""
    child = await Child.start(command, log, environment, folder)
    try:
        code = await child.wait()
    finally:
        await child.stop()
    if code:
        raise Failed(f"{what} failed with exit code {code}:\n{child.tail()}\nThe whole log: {log}")
