"""Finds the failures in what the functions log, and puts them into words for the terminal.

``local/worker_log.py`` says what the lines look like.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

LEVELS = {"ERROR", "CRITICAL"}
MARKS = ("Traceback (most recent call last)", "Fatal Python error")
"""A text without a level is a failure where one of these is in it."""

LONGEST_TEXT = 300
"""Lines: a text is what a process printed last."""

REMEMBERED = 200

UNPACKED = re.compile(r'"[^"\n]*/ministack-lambda-[^"\n/]+/code/')
"""Where the emulator has a function's code; the same file is in this repository."""

SOURCE = re.compile(r"(?P<function>.+)\[[^\]]+\]")


class Failure(NamedTuple):
    """``event`` is None where a function handles none, or none that is known."""

    function: str
    event: str | None
    correlation_id: str | None
    message: str
    trace: str

    def __str__(self) -> str:
        """A heading, then the message and the traceback, indented."""
        heading = filter(None, ("!! " + self.function, self.event, self.correlation_id))
        body = f"{self.message}\n{self.trace}".strip()
        return "\n".join(
            ["  ".join(heading), *(f"   {line}".rstrip() for line in body.splitlines())]
        )


class Failures:
    """Reads the log line by line.

    A process's lines that are not JSON make up one text, such as a traceback. It ends with the
    next line that is; where that is a failure without a traceback, the text is its traceback.
    """

    def __init__(self, prefix: str = "") -> None:
        """``prefix``: what the names of the functions begin with, which is not shown."""
        self._prefix = prefix
        self._texts: dict[str, deque[str]] = {}
        self._found: deque[Failure] = deque(maxlen=REMEMBERED)

    def read(self, line: str) -> Iterator[Failure]:
        """The failures that a line brings to light, each of them once; mostly none."""
        source, _, text = line.rstrip("\n").partition(" ")
        record = _record(text)
        if record is None:
            if text.strip() or source in self._texts:
                self._texts.setdefault(source, deque(maxlen=LONGEST_TEXT)).append(text)
            return
        before = "\n".join(self._texts.pop(source, ()))
        trace = record.get("exception") if record.get("level") in LEVELS else None
        if trace or record.get("level") not in LEVELS:
            yield from self._of_text(source, before)
        if record.get("level") in LEVELS:
            yield from self._new(source, record, str(trace or before))

    def settle(self) -> Iterator[Failure]:
        """The failures in texts that nothing has followed so far; where there are none, nothing."""
        for source in list(self._texts):
            yield from self._of_text(source, "\n".join(self._texts.pop(source)))

    def _of_text(self, source: str, text: str) -> Iterator[Failure]:
        if any(mark in text for mark in MARKS):
            yield from self._new(source, {"message": ""}, text)

    def _new(self, source: str, record: dict[str, Any], trace: str) -> Iterator[Failure]:
        """The failure, but for what has been shown of it: a function that is invoked again fails
        in the same way, and one failure that leads to another is the beginning of its traceback."""
        found = SOURCE.fullmatch(source)
        failure = Failure(
            function=(found["function"] if found else source).removeprefix(self._prefix),
            event=record.get("event_name"),
            correlation_id=record.get("correlation_id"),
            message=str(record.get("message", "")),
            trace=UNPACKED.sub('"', trace).strip("\n"),
        )
        if failure in self._found:
            return
        trace = failure.trace
        for other in self._found:
            if other.correlation_id == failure.correlation_id:
                trace = trace.removeprefix(other.trace)
        self._found.append(failure)
        yield failure._replace(trace=trace.strip("\n"))


def _record(text: str) -> dict[str, Any] | None:
    """A line as a JSON object, None where it is none."""
    if not text.startswith("{"):
        return None
    try:
        record = json.loads(text)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
