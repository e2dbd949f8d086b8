"""Shows in the terminal what fails in the functions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO

from local.failures import Failure, Failures

PAUSE_SECONDS = 0.2
QUIET_PAUSES = 5
"""After which a text has ended that nothing follows."""

MOST_CHARACTERS = 200_000
"""At a time: what else runs in this process has its turn in between."""


async def follow(path: Path, prefix: str, say: Callable[[str], None]) -> None:
    """Say what fails, as the log grows, until cancelled; what is there by then is said too.

    A log that cannot be followed any longer stops nothing else, so the reason is all that is said.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            await _until_cancelled(Tail(file, prefix, say))
    except Exception as error:  # noqa: BLE001 - whatever it is, the stack goes on
        say(f"Failures are shown no longer ({error!r}): see {path}")


async def _until_cancelled(tail: Tail) -> None:
    try:
        while True:
            tail.read()
            await asyncio.sleep(PAUSE_SECONDS)
    finally:
        tail.finish()


class Tail:
    """The end of a log that grows, from which failures are said."""

    def __init__(self, file: TextIO, prefix: str, say: Callable[[str], None]) -> None:
        self._file = file
        self._failures = Failures(prefix)
        self._say = say
        self._half = ""
        self._quiet = 0

    def read(self) -> bool:
        """Say what fails in what was added; False where nothing was."""
        added = self._file.read(MOST_CHARACTERS)
        *lines, self._half = (self._half + added).split("\n")
        for line in lines:
            self._tell(self._failures.read(line))
        self._quiet = 0 if added else self._quiet + 1
        if self._quiet == QUIET_PAUSES:
            self._tell(self._failures.settle())
        return bool(added)

    def finish(self) -> None:
        """Say everything that is left."""
        while self.read():
            pass
        self._tell(self._failures.settle())

    def _tell(self, failures: Iterable[Failure]) -> None:
        for failure in failures:
            self._say(str(failure))
