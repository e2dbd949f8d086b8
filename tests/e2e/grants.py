"""The rights of the functions, and the rights that they have used while the tests ran."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from infra.functions import FUNCTIONS
from infra.resources import OPTIONAL
from shared.pipeline.deployment import FunctionSpec

Use = tuple[str, str, str]
"""A function, an action, and its resource: a table, an index, a queue or another function."""

QUEUES = {
    "send-broadcast": "BROADCAST_QUEUE_URL",
    "send-shard": "SHARDS_QUEUE_URL",
    "delete-livekit-room": "LIVEKIT_ROOMS_QUEUE_URL",
    "send-deadline": "DEADLINES_QUEUE_URL",
}
OTHERS = {
    "read-secret": "secretsmanager GetSecretValue",
    "start-ring": "stepfunctions StartExecution",
    "put-events": "events PutEvents",
    "read-queues": "sqs GetQueueAttributes",
    "post": "@connections",
}

ALWAYS = [row for row in FUNCTIONS if not row.only_with]
"""The functions of every stack."""

RARE: dict[Use, str] = {
    **{
        (row.name, "may", "invoke-disconnect"): "a post may find that its connection is gone"
        for row in ALWAYS
        if {"post", "invoke-disconnect"} <= set(row.access.may.split())
    },
    **{
        (row.name, action, "mailboxes"): "a recipient may poll, or may have upgraded late"
        for row in ALWAYS
        for action in ("GetItem", "UpdateItem")
        if "post" in row.access.may.split()
    },
    **{
        (row.name, "PutItem", "recovery"): "a recipient may have asked for recovery"
        for row in ALWAYS
        if "post" in row.access.may.split()
    },
    **{
        (row.name, "UpdateItem", "limits"): "a client may send very many events"
        for row in ALWAYS
        if row.handler == "functions.native.handler"
    },
    **{
        ("chat", action, to): "an invite that reaches no tab ends the call at once"
        for action, to in (
            ("DeleteItem", "people"), ("PutItem", "calls"),
        )
    },
    **{
        ("sweep", "may", grant): "a process may have ended before it has announced a call"
        for grant in ("read-secret", "delete-livekit-room")
    },
    **{
        ("sweep", action, to): "a process may end before it has announced a booking's transition"
        for action, to in (
            ("GetItem", "accounts"), ("GetItem", "people"), ("GetItem", "bookings"),
            ("UpdateItem", "bookings"), ("UpdateItem", "partners"),
        )
    },
    **dict.fromkeys(
        (
            ("bookings", "GetItem", "recovery"), ("broadcast", "UpdateItem", "recovery"),
            ("broadcast-shard", "UpdateItem", "recovery"), ("disconnect", "UpdateItem", "rooms"),
            ("opener", "ConditionCheckItem", "chat"), ("opener", "GetItem", "chat"),
            ("opener", "PutItem", "chat"), ("opener", "UpdateItem", "chat"),
            ("opener", "ConditionCheckItem", "connections"), ("opener", "DeleteItem", "rooms"),
            ("opener", "UpdateItem", "rooms"), ("opener", "Query", "recovery"),
            ("opener", "GetItem", "people"), ("socketio", "GetItem", "recovery"),
            ("socketio", "UpdateItem", "recovery"), ("socketio", "may", "invoke-opener"),
        ),
        "only clients that have asked for recovery need it",
    ),
    ("bookings-stream", "BatchGetItem", "bookings"): "a transition may be announced by then",
    ("broadcast", "may", "send-broadcast"): "a post may fail",
    ("broadcast-shard", "may", "send-broadcast"): "a post may fail",
    **{
        (name, action, "limits"): "only large broadcasts take from the budget"
        for name in ("broadcast", "broadcast-shard")
        for action in ("GetItem", "UpdateItem")
    },
    ("calls", "DeleteItem", "rooms"): "only if presence goes to those who watch",
    **dict.fromkeys(
        (
            ("backend", "UpdateItem", "accounts"), ("backend", "UpdateItem", "people"),
            ("bookings", "GetItem", "accounts"), ("bookings", "GetItem", "counts"),
            ("bookings", "UpdateItem", "people"),
            ("bookings", "PutItem", "rooms"), ("bookings", "UpdateItem", "connections"),
            ("calls", "PutItem", "rooms"), ("calls", "UpdateItem", "connections"),
            ("chat", "BatchGetItem", "chat"), ("chat", "DeleteItem", "rooms"),
            ("chat", "GetItem", "messages"), ("chat", "Query", "rooms"),
            ("polling", "DeleteItem", "mailboxes"), ("sweep", "PutItem", "calls"),
            ("sweep", "UpdateItem", "connections"), ("sweep", "UpdateItem", "people"),
        ),
        "only some orders of events need it",
    ),
    **{
        (name, "may", "start-balance"): "only prepaid calls are watched"
        for name in ("socketio", "sweep")
    },
    **dict.fromkeys(
        [("balance-due", action, to) for action, to in (
            ("GetItem", "people"), ("UpdateItem", "people"), ("PutItem", "calls"),
            ("may", "post"), ("may", "delete-livekit-room"),
        )],
        "only prepaid calls are watched",
    ),
    **dict.fromkeys(
        [("http", "UpdateItem", "calls"), ("http", "may", "delete-livekit-room")],
        "only LiveKit's webhooks need it",
    ),
    **dict.fromkeys(
        (("chat-stream", "BatchGetItem", "people"), ("chat-stream", "GetItem", "chat")),
        "only a stack that wakes phones asks who is there",
    ),
    ("sweep", "Query", "call_lists"): "only a stack that wakes phones has calls that ring by push",
    ("polling", "may", "read-secret"): "only 2.x clients and admins' pages bring a token",
    ("polling", "may", "post"): "a client may vanish",
    ("opener", "GetItem", "connections"): "an invocation may be repeated",
    ("sweep", "UpdateItem", "limits"): "the sweep may be the first to find a connection lost",
    **dict.fromkeys(
        (("disconnect", "GetItem", "accounts"), ("disconnect", "GetItem", "bookings")),
        "a transition may overtake what a lost device has missed",
    ),
    ("chat", "UpdateItem", "rooms"): "a native client may join a channel twice",
    ("chat", "may", "send-deadline"): "a native client may send changes too quickly",
    **dict.fromkeys(
        (("deadline", "GetItem", "chat"), ("deadline", "PutItem", "chat")),
        "a person may have left before a status that was put off is set",
    ),
    ("sweep", "may", "send-deadline"): "the sweep may be the first to find a connection lost",
    ("sweep", "DeleteItem", "people"): "a call may have lost its timer",
    ("calls", "may", "delete-livekit-room"): "a caller may leave right after the accept",
    **dict.fromkeys(
        (("calls", "may", "read-secret"), ("disconnect", "may", "read-secret")),
        "a call may be answered before all devices hear that it rings",
    ),
    ("sweep", "UpdateItem", "counts"): "a stream may have lost a change",
}  # fmt: skip
"""Rights that the tests may leave unused, each with the reason why it is granted."""


def granted(*switched_on: str) -> set[Use]:
    """Return all rights of the functions of a stack.

    switched_on: what is switched on that is off by default, as ``FunctionSpec.only_with`` names it.
    """
    rows = [row for row in FUNCTIONS if row.only_with in ("", *switched_on)]
    rights = {(row.name, action, to) for row in rows for action, to in _of(row)}
    return rights if "pushes" in switched_on else {one for one in rights if one[2] not in OPTIONAL}


def _of(row: FunctionSpec) -> Iterator[tuple[str, str]]:
    for table, actions in row.access.tables.items():
        yield from ((action, table) for action in actions.split())
    yield from (("may", grant) for grant in row.access.may.split())


def exercised(requests: Path, environment: Mapping[str, str]) -> set[Use]:
    """Return the rights that the requests in the file of ``probe/watch.py`` have used."""
    tables = {
        name: variable.removesuffix("_TABLE").lower()
        for variable, name in environment.items()
        if variable.endswith("_TABLE")
    }
    may = {environment[variable]: grant for grant, variable in QUEUES.items()}
    may |= {what: grant for grant, what in OTHERS.items()}
    may |= {
        environment[f"{name.upper()}_FUNCTION"]: f"invoke-{name}"
        for name in ("opener", "disconnect", "socketio")
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
