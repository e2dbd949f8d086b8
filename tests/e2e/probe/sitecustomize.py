"""Keeps what the emulator's Lambda workers print, because the emulator does not show it.

This folder is on the workers' PYTHONPATH. Standard error has the functions' logs. Standard output
has the answers to the emulator; an answer with the status ``error`` means an unhandled exception.
Besides, ``watch`` records the requests to AWS, and ``faults`` makes a function fail if its
environment says so.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, TextIO

import faults  # type: ignore[import-not-found] # beside this file, on the same path
import watch  # type: ignore[import-not-found]

FOLDER = "E2E_LAMBDA_LOGS"


class Tee:
    """A stream that also writes the lines that contain ``mark`` to a file."""

    def __init__(self, stream: TextIO, path: Path, mark: str) -> None:
        self._stream = stream
        self._path = path
        self._mark = mark

    def write(self, text: str) -> int:
        """Write a text to the stream, and to the file if it contains the mark."""
        if self._mark in text:
            with self._path.open("a") as file:
                file.write(text if text.endswith("\n") else f"{text}\n")
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def keep() -> None:
    """Keep what this process prints, if it is a worker and the tests ask for it."""
    folder, function = os.environ.get(FOLDER), os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
    if folder and function:
        path = Path(folder) / f"{function}.log"
        path.touch()
        sys.stderr = Tee(sys.stderr, path, "")
        sys.stdout = Tee(sys.stdout, path, '"status": "error"')
        watch.install(Path(folder) / "requests.jsonl", function)
        faults.install()


keep()
