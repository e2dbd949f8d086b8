"""Prints the failures of the functions in the terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO

from local.failures import Failure, Failures

PAUSE_SECONDS = 0.2
QUIET_PAUSES = 5
"""After so many pauses without a new line, a text is complete."""

MOST_CHARACTERS = 200_000
"""How much is read at a time. The other tasks of this process run in between."""


async def follow(path: Path, prefix: str, say: Callable[[str], None]) -> None:
    """Print the failures in a log as it grows, until cancelled, and then those in the rest of it.

    If the log cannot be followed any longer, the reason is printed and the stack goes on.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            await _until_cancelled(Tail(file, prefix, say))
    except Exception as error:  # noqa: BLE001 - the stack goes on, whatever the reason
        say(f"Failures are shown no longer ({error!r}): see {path}")


async def _until_cancelled(tail: Tail) -> None:
    try:
        while True:
            tail.read()
            await asyncio.sleep(PAUSE_SECONDS)
    finally:
        tail.finish()


class Tail:
    """The end of a log that grows. The failures in it are printed with ``say``."""

    def __init__(self, file: TextIO, prefix: str, say: Callable[[str], None]) -> None:
        self._file = file
        self._failures = Failures(prefix)
        self._say = say
        self._half = ""
        self._quiet = 0

    def read(self) -> bool:
        """Print the failures in what was added to the log. Returns whether anything was added."""
        added = self._file.read(MOST_CHARACTERS)
        *lines, self._half = (self._half + added).split("\n")
        for line in lines:
            self._print(self._failures.read(line))
        self._quiet = 0 if added else self._quiet + 1
        if self._quiet == QUIET_PAUSES:
            self._print(self._failures.settle())
        return bool(added)

    def finish(self) -> None:
        """Print all remaining failures."""
        while self.read():
            pass
        self._print(self._failures.settle())

    def _print(self, failures: Iterable[Failure]) -> None:
        for failure in failures:
            self._say(str(failure))
