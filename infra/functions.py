"""The functions: one table of what each may touch and how it is called.

A role holds what its row says and nothing else. ``TransactWriteItems`` is authorised by the actions
of its parts (PutItem, UpdateItem, DeleteItem, ConditionCheckItem), so it is not named here:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html

``infra/lambdas.py`` makes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.build import KEYS, LIVEKIT

QUEUE_BATCH = 10


@dataclass(frozen=True)
class Asynchronous:
    """How an event is tried again before it goes to the function's dead-letter queue.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html
    """

    retries: int
    max_age_seconds: int


@dataclass(frozen=True)
class Row:
    """A function: its handler, its limits, and everything it may touch.

    ``tables``: actions by table, or by ``table/index``. ``may`` names grants of
    ``Resources.grants``, ``takes`` the queue it reads, ``batch`` how many messages at a time,
    ``layers`` what it needs beside the one that all have. ``at_once``: how many take from its queue
    at a time, so that a full one leaves the others room. ``awaited``: somebody waits for it, so it
    starts from a snapshot where that is set. ``reserved``: the setting that says how many there may
    be at a time.
    """

    name: str
    handler: str
    tables: Mapping[str, str] = field(default_factory=dict)
    may: str = ""
    timeout_seconds: int = 10
    memory_mb: int = 512
    asynchronous: Asynchronous | None = None
    streams: tuple[str, ...] = ()
    takes: str = ""
    batch: int = QUEUE_BATCH
    at_once: int | None = None
    layers: tuple[str, ...] = ()
    every_minute: bool = False
    awaited: bool = False
    reserved: str = ""


FUNCTIONS = (
    Row(
        "connect",
        "functions.connect.main.handler",
        {"accounts": "GetItem", "connections": "PutItem", "limits": "UpdateItem"},
        may="read-secret invoke-opener",
        layers=(KEYS,),
        awaited=True,
    ),
    Row(
        "opener",
        "functions.opener.main.handler",
        {
            "connections": "ConditionCheckItem UpdateItem",
            "people": "UpdateItem",
            "rooms": "PutItem",
        },
        may="post invoke-disconnect send-deadline",
        timeout_seconds=40,  # opening_retry_seconds and the longest post
        asynchronous=Asynchronous(retries=1, max_age_seconds=60),
        awaited=True,
    ),
    Row(
        "deadline",
        "functions.deadline.main.handler",
        {"connections": "GetItem UpdateItem"},
        may="post invoke-disconnect",
        timeout_seconds=20,
        takes="deadlines",
        at_once=5,  # a herd that never authenticates: late is early enough
    ),
    Row(
        "disconnect",
        "functions.disconnect.main.handler",
        {
            "connections": "GetItem UpdateItem DeleteItem",
            "rooms": "DeleteItem",
            "people": "DeleteItem GetItem UpdateItem",
            "calls": "PutItem",
            "chat": "GetItem PutItem UpdateItem",
        },
        may="post invoke-disconnect delete-livekit-room send-broadcast",
        timeout_seconds=20,
        asynchronous=Asynchronous(retries=2, max_age_seconds=3_600),
        reserved="disconnects_at_once",  # what is lost, the sweep finds
    ),
    Row(
        "socketio",
        "functions.socketio.main.handler",
        {
            "accounts": "GetItem",
            "connections": "GetItem UpdateItem ConditionCheckItem",
            "people": "DeleteItem GetItem PutItem UpdateItem",
            "rooms": "DeleteItem PutItem Query",
            "calls": "PutItem Query",
            "calls/callee": "Query",
            "limits": "UpdateItem",
            "counts": "GetItem",
            "chat": "BatchGetItem ConditionCheckItem GetItem PutItem UpdateItem",
            "messages": "GetItem PutItem",
            "bookings": "GetItem UpdateItem",
            "partners": "GetItem UpdateItem",
            "booking_messages": "PutItem UpdateItem",
        },
        may="read-secret start-ring post invoke-disconnect send-broadcast delete-livekit-room "
        "send-deadline",
        timeout_seconds=20,
        memory_mb=1024,
        layers=(KEYS,),
        awaited=True,
    ),
    Row(
        "calls",
        "functions.calls.main.handler",
        {
            "accounts": "GetItem",
            "connections": "GetItem",
            "people": "DeleteItem GetItem UpdateItem",
            "calls": "PutItem Query",
            "calls/callee": "Query",
            "limits": "UpdateItem",
        },
        may="read-secret start-ring post invoke-disconnect delete-livekit-room",
        timeout_seconds=20,
        memory_mb=1024,
        layers=(KEYS,),
        awaited=True,
    ),
    Row(
        "chat",
        "functions.chat.main.handler",
        {
            "accounts": "GetItem",
            "connections": "ConditionCheckItem GetItem UpdateItem",
            "people": "DeleteItem GetItem PutItem UpdateItem",
            "rooms": "DeleteItem PutItem Query",
            "calls": "PutItem Query",
            "calls/callee": "Query",
            "chat": "BatchGetItem ConditionCheckItem GetItem PutItem UpdateItem",
            "messages": "GetItem PutItem",
        },
        may="read-secret start-ring post invoke-disconnect send-broadcast",
        timeout_seconds=20,
        memory_mb=1024,
        layers=(KEYS,),
        awaited=True,
    ),
    Row(
        "ring-timeout",
        "functions.ring.main.handler",
        {"people": "DeleteItem GetItem UpdateItem", "calls": "PutItem"},
        may="post invoke-disconnect",
        timeout_seconds=20,
    ),
    Row(
        "presence",
        "functions.presence.main.handler",
        {"connections": "GetItem", "counts": "GetItem"},
        may="post invoke-disconnect",
        timeout_seconds=20,
        awaited=True,
    ),
    Row(
        "presence-stream",
        "functions.presence.stream.handler",
        {"counts": "UpdateItem", "accounts": "GetItem"},
        may="send-broadcast",
        timeout_seconds=30,
        streams=("people", "connections", "calls"),
    ),
    Row(
        "bookings",
        "functions.bookings.main.handler",
        {
            "connections": "GetItem ConditionCheckItem",
            "people": "GetItem",
            "rooms": "PutItem",
            "limits": "UpdateItem",
            "counts": "GetItem",
            "bookings": "GetItem UpdateItem",
            "partners": "GetItem UpdateItem",
            "booking_messages": "PutItem UpdateItem",
        },
        may="post invoke-disconnect",
        timeout_seconds=20,
        awaited=True,
    ),
    Row(
        "bookings-stream",
        "functions.bookings.stream.handler",
        {"counts": "GetItem UpdateItem"},
        may="send-broadcast",
        timeout_seconds=30,
        streams=("bookings",),
    ),
    Row(
        "broadcast",
        "functions.broadcast.main.handler",
        {"rooms": "Query"},
        may="post invoke-disconnect send-broadcast",
        timeout_seconds=180,  # docs/performance.md: a million recipients
        memory_mb=1769,
        takes="broadcasts",
        at_once=20,  # all that a group asks for; of many groups, those who ring come first
        batch=1,  # an invocation for each part of a large room, whose groups a batch would mix
    ),
    Row(
        "livekit-rooms",
        "functions.calls.livekit_rooms.handler",
        may="read-secret",
        timeout_seconds=15,  # longer than the secret and LiveKit take, one after the other
        takes="livekit-rooms",
        at_once=5,  # LiveKit is not to be stormed either
        layers=(LIVEKIT,),
    ),
    Row(
        "sweep",
        "functions.sweep.main.handler",
        {
            "connections": "BatchGetItem UpdateItem",
            "connections/due": "Query",
            "rooms": "Query",
            "people": "BatchGetItem DeleteItem GetItem UpdateItem",
            "calls": "PutItem",
            "chat": "DeleteItem Query",
            "counts": "GetItem PutItem UpdateItem",
        },
        may="post invoke-disconnect delete-livekit-room",
        timeout_seconds=58,  # sweep_seconds and the longest request, before the next one begins
        memory_mb=1769,  # one processor: it is what many posts cost
        # The next sweep does what this one did not.
        asynchronous=Asynchronous(retries=0, max_age_seconds=60),
        every_minute=True,
    ),
    Row(
        "backend",
        "functions.backend.main.handler",
        {
            "chat": "GetItem PutItem Query UpdateItem",
            "connections": "GetItem UpdateItem",
            "rooms": "DeleteItem",
            "accounts": "GetItem UpdateItem",
            "people": "GetItem UpdateItem",
            "limits": "DeleteItem UpdateItem",
            "bookings": "GetItem UpdateItem",
            "partners": "UpdateItem",
        },
        may="post invoke-disconnect send-broadcast",
        timeout_seconds=30,
        takes="events",
        at_once=10,  # an import of a whole catalogue waits in the queue
    ),
    Row(
        "http",
        "functions.http.main.handler",
        {
            "counts": "GetItem BatchGetItem",
            "accounts": "GetItem",
            "people": "GetItem",
            "calls": "Query",
            "calls/callee": "Query",
            "chat": "GetItem Query",
            "messages": "Query",
            "messages/thread": "Query",
            "bookings": "GetItem",
        },
        may="read-secret put-events",
        timeout_seconds=25,  # for a hundred events, some of them put again
        layers=(KEYS,),
        awaited=True,
    ),
)
