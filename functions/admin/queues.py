"""The HTTP route of the work that waits, and of the work that has failed."""

from __future__ import annotations

from functools import partial

import msgspec

from functions.admin.product import admin
from shared import times
from shared.aws import queues
from shared.aws.parallel import together
from shared.pipeline.deployment import Access
from shared.pipeline.http import HttpRequest
from shared.settings import settings

NAMES = ("broadcast", "shards", "livekit_rooms", "deadlines", "events")
"""The queues of the stack, as their settings are named."""


class Queue(msgspec.Struct, frozen=True, rename="camel"):
    """Work of the stack, as SQS estimates it. ``waiting``: the messages that wait; ``inFlight``:
    those that are being handled, or wait for their next attempt. Both are null for a function that
    has no queue. ``deadLetters``: the messages or events that have failed for good."""

    name: str
    waiting: int | None
    in_flight: int | None
    dead_letters: int


class Queues(msgspec.Struct, frozen=True, rename="camel"):
    """All work of the stack that may wait or fail."""

    items: list[Queue]
    timestamp: str


@admin.route("GET /admin/queues", who="an admin", access=Access(may="read-queues"))
def backlog(request: HttpRequest) -> Queues:
    """Return how much work waits in the stack's queues, and how much has failed for good."""
    values = settings()
    first = values.events_queue_url
    of_functions = [one.split("=") for one in values.dead_letters.split()]
    items = together(
        [
            *(partial(_queue, name, getattr(values, f"{name}_queue_url")) for name in NAMES),
            *(
                partial(_function, name, queues.beside(first, queue))
                for name, queue in of_functions
            ),
        ]
    )
    return Queues(items, times.iso(request.ports.clock.now_ms()))


def _queue(name: str, url: str) -> Queue:
    depth = queues.depth(url)
    dead = queues.depth(queues.beside(url, depth.dead_letters)).waiting if depth.dead_letters else 0
    return Queue(name.replace("_", "-"), depth.waiting, depth.in_flight, dead)


def _function(name: str, url: str) -> Queue:
    return Queue(name, None, None, queues.depth(url).waiting)
