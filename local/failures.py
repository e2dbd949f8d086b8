"""Finds the failures in what the functions log, and formats them for the terminal.

``local/worker_log.py`` describes the lines.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

LEVELS = {"ERROR", "CRITICAL"}
MARKS = ("Traceback (most recent call last)", "Fatal Python error")
"""A text without a level is a failure if it contains one of these."""

LONGEST_TEXT = 300
"""How many lines of a text are kept: the last ones."""

REMEMBERED = 200
"""How many failures are remembered, so that none is shown twice."""

UNPACKED = re.compile(r'"[^"\n]*/(ministack-lambda-[^"\n/]+/code|code/[0-9a-f]{64})/')
"""The folder of a function's code in the emulator. The same file is in this repository."""

DENIED = re.compile(
    r"not authorized to perform: dynamodb:(?P<action>\w+) on resource: \S+/switchboard-\w+-Tables"
    r"(?P<table>[A-Za-z]+?)[0-9A-F]{8}-[\w-]+(?:/index/(?P<index>\w+))?"
)
"""What DynamoDB's AccessDenied says, with the table's name as CloudFormation has made it."""

SOURCE = re.compile(r"(?P<function>.+)\[[^\]]+\]")


class Failure(NamedTuple):
    """A failure of a function.

    event: None if the function handles no events, or if the event is not known.
    """

    function: str
    event: str | None
    correlation_id: str | None
    message: str
    trace: str

    def __str__(self) -> str:
        """Return a heading, then the message and the traceback, indented."""
        heading = filter(None, ("!! " + self.function, self.event, self.correlation_id))
        body = "\n".join(filter(None, (self.message, self.trace, hint(self.trace)))).strip()
        return "\n".join(
            ["  ".join(heading), *(f"   {line}".rstrip() for line in body.splitlines())]
        )


def hint(trace: str) -> str:
    """Return what to write if a right is missing. Returns an empty text for any other failure."""
    found = DENIED.search(trace)
    if found is None:
        return ""
    # Imported here, so that a product's mistake is reported by the synth, in one sentence.
    from infra.tables import ALL_TABLES as TABLES  # noqa: PLC0415

    table = found["table"].lower()
    names = {one.name.replace("_", ""): one.name for one in TABLES}
    name = "/".join(filter(None, (names.get(table, table), found["index"])))
    right = f'Access({{"{name}": "{found["action"]}"}})'
    return f"Add {right} to access= where the handler or hook above is registered."


class Failures:
    """A reader of the log that finds failures, line by line.

    Successive lines of a process that are not JSON make up one text, such as a traceback. The text
    ends with the next line that is JSON. If that line is a failure without a traceback, the text is
    its traceback.
    """

    def __init__(self, prefix: str = "") -> None:
        """``prefix``: the beginning of all names of functions. It is not shown."""
        self._prefix = prefix
        self._texts: dict[str, deque[str]] = {}
        self._found: deque[Failure] = deque(maxlen=REMEMBERED)

    def read(self, line: str) -> Iterator[Failure]:
        """Yield the failures that are complete with this line, each of them once."""
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
        """Yield the failures in texts that no other line has ended so far."""
        for source in list(self._texts):
            yield from self._of_text(source, "\n".join(self._texts.pop(source)))

    def _of_text(self, source: str, text: str) -> Iterator[Failure]:
        if any(mark in text for mark in MARKS):
            yield from self._new(source, {"message": ""}, text)

    def _new(self, source: str, record: dict[str, Any], trace: str) -> Iterator[Failure]:
        """Yield the failure, without the parts of it that have been shown.

        A function that is invoked again fails in the same way. If one failure leads to another, the
        traceback of the second begins with that of the first.
        """
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
    """Return a line as a JSON object. Returns None if it is not a JSON object."""
    if not text.startswith("{"):
        return None
    try:
        record = json.loads(text)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
