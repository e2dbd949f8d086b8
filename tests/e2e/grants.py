"""What the functions may do, and what they did while the tests ran."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from infra.functions import FUNCTIONS
from shared.pipeline.deployment import FunctionSpec

Use = tuple[str, str, str]
"""Function, action, and what it was done to: a table, an index, a queue, another function."""

QUEUES = {
    "send-broadcast": "BROADCAST_QUEUE_URL",
    "delete-livekit-room": "LIVEKIT_ROOMS_QUEUE_URL",
    "send-deadline": "DEADLINES_QUEUE_URL",
}
OTHERS = {
    "read-secret": "secretsmanager GetSecretValue",
    "start-ring": "stepfunctions StartExecution",
    "put-events": "events PutEvents",
    "post": "@connections",
}

RARE: dict[Use, str] = {
    **{
        (row.name, "may", "invoke-disconnect"): "a post may find its connection gone"
        for row in FUNCTIONS
        if {"post", "invoke-disconnect"} <= set(row.access.may.split())
    },
    **{
        ("chat", action, to): "an invite that reaches nobody ends where it began"
        for action, to in (
            ("DeleteItem", "people"), ("PutItem", "calls"),
        )
    },
    ("sweep", "DeleteItem", "people"): "a call may have lost its timer",
    ("calls", "may", "delete-livekit-room"): "a caller may leave right after the accept",
    ("sweep", "UpdateItem", "counts"): "a stream may have lost a change",
}  # fmt: skip
"""Grants that a run need not exercise, each with what it is there for."""


def granted() -> set[Use]:
    return {(row.name, action, to) for row in FUNCTIONS for action, to in _of(row)}


def _of(row: FunctionSpec) -> Iterator[tuple[str, str]]:
    for table, actions in row.access.tables.items():
        yield from ((action, table) for action in actions.split())
    yield from (("may", grant) for grant in row.access.may.split())


def exercised(requests: Path, environment: Mapping[str, str]) -> set[Use]:
    """What the watch has written down, in the words of the table of functions."""
    tables = {
        name: variable.removesuffix("_TABLE").lower()
        for variable, name in environment.items()
        if variable.endswith("_TABLE")
    }
    may = {environment[variable]: grant for grant, variable in QUEUES.items()}
    may |= {what: grant for grant, what in OTHERS.items()}
    may |= {
        environment[f"{name.upper()}_FUNCTION"]: f"invoke-{name}"
        for name in ("opener", "disconnect")
    }
    found = set()
    for line in requests.read_text().splitlines():
        record = json.loads(line)
        function = record["function"].removeprefix("switchboard-dev-")
        for action, to in record.get("uses", ()):
            table, _, index = to.partition("/")
            if table in tables:
                found.add((function, action, f"{tables[table]}/{index}".rstrip("/")))
            else:
                found.add((function, "may", may[to]))
    return found
