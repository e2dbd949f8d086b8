"""Where the backend meets the simulation.

Everything is replaced for the time of a run and asks whether a simulated invocation is running.
Only then is it simulated, so that pytest, the engine and the SDK go on as ever in between.
"""

from __future__ import annotations

import logging
import os
import random
import secrets
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar
from unittest.mock import patch

import msgspec
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from functions.calls import livekit, livekit_rooms
from functions.calls.presence import stream
from local.emulator import aws_environment
from shared.aws import bulk_queries, clients, gateway, metrics, parallel, retry
from shared.aws.adapters import ports
from shared.aws.bulk_queries import Query
from shared.aws.http_connection import Answer
from shared.aws.http_connection import Request as HttpRequest
from shared.aws.http_pool import HttpPool, Outcome
from shared.aws.tables import forget_clients
from shared.pipeline import meters
from shared.settings import TABLE, Settings, settings
from tests.simulation import access
from tests.simulation.faults import Died, Request

if TYPE_CHECKING:
    from tests.simulation.invocation import Invocation
    from tests.simulation.world import World

APPLICATIONS = "arn:aws:sns:us-east-1:000000000000:app"

T = TypeVar("T")
_REAL = {name: getattr(time, name) for name in ("time", "time_ns", "monotonic", "sleep")}


class _Current:
    """The world that runs in this process at the moment."""

    world: World | None = None


def use(world: World) -> None:
    """Make requests and times those of a world from here on, in processes that begin."""
    _Current.world = world
    meters.EVENTS.forget()
    meters.JOINS.forget()
    stream.INTERVALS.forget()


def world_in_use() -> World:
    """Return the world in use."""
    assert _Current.world
    return _Current.world


@contextmanager
def simulated(tables: Iterable[str], url: str) -> Iterator[None]:
    """Replace what the backend takes from outside, and put it back in the end."""
    environment = aws_environment({}, url) | _environment(tables)
    with ExitStack() as stack:
        stack.enter_context(patch.dict(os.environ, environment))
        for target, name, replacement in (
            (time, "time", _time),
            (time, "time_ns", lambda: int(_time() * 1e9)),
            (time, "monotonic", _monotonic),
            (time, "sleep", _sleep),
            (gateway, "monotonic", _monotonic),
            (retry, "_RANDOM", _Random()),
            (parallel, "thread_pool", _running),
            (secrets, "SystemRandom", _Random),
            (secrets, "token_hex", lambda size=16: _random().randbytes(size).hex()),
            (secrets, "token_urlsafe", lambda size=16: _random().randbytes(size).hex()[:20]),
            (uuid, "uuid4", lambda: uuid.UUID(int=_random().getrandbits(128))),
            (BaseClient, "_make_api_call", _make_api_call),
            (bulk_queries, "send", _send_queries),
            (HttpPool, "send", _send),
            (metrics, "flush", metrics._counted.clear),
            (livekit_rooms, "LiveKitAPI", _LiveKit),
            (livekit.LiveKit, "is_empty", lambda *_: world_in_use().rooms_empty),
        ):
            stack.enter_context(patch.object(target, name, replacement))
        _forget()
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
            _forget()


def _environment(tables: Iterable[str]) -> dict[str, str]:
    """Return the functions' environment. Resources have the names of their specs."""
    named = {
        "broadcast_queue_url": "broadcasts",
        "shards_queue_url": "shards",
        "events_queue_url": "events",
        "livekit_rooms_queue_url": "livekit-rooms",
        "deadlines_queue_url": "deadlines",
        "opener_function": "opener",
        "disconnect_function": "disconnect",
        "socketio_function": "socketio",
    }
    resources = {
        field.name.upper(): named.get(field.name, field.name)
        for field in msgspec.structs.fields(Settings)
        if field.required and field.name != "tables"
    }
    return {
        **resources,
        **{f"{name.upper()}{TABLE}": name for name in tables},
        # Every use of the secret reads it, as in a process that has just started.
        "SECRET_CACHE_SECONDS": "0",
        # A GET looks at its mailbox once a second, because each look takes as long as any request.
        "POLL_PAUSE_SECONDS": "1",
        "SECRET_RETRY_SECONDS": "0",
        "PREPAID_CALLS": "true",
        "LIVEKIT_WEBHOOKS": "true",
        "UNPUBLISHED_QUEUE_URL": "unpublished",
        "PUSHES_QUEUE_URL": "pushes",
        "PUSH_APNS_VOIP_ARN": f"{APPLICATIONS}/APNS_VOIP/phones",
        "PUSH_FCM_ARN": f"{APPLICATIONS}/GCM/phones",
        "RING_BY_PUSH": "true",
        "DEAD_LETTERS": "opener=opener-dead-letters",
    }


def _forget() -> None:
    """Forget what has been made from the environment."""
    settings.cache_clear()
    ports.cache_clear()
    livekit_rooms.secret.cache_clear()
    clients.session.cache_clear()
    forget_clients()


def _running() -> Invocation | None:
    """Return the invocation whose code asks, or None if other code of this process asks."""
    return _Current.world.running if _Current.world else None


def _random() -> random.Random:
    return _Current.world.random if _Current.world else random.Random()


class _Random:
    """The part of ``random`` that the backend uses, from the world's seed."""

    def uniform(self, least: float, most: float) -> float:
        return _random().uniform(least, most)

    def sample(self, items: Any, number: int) -> list[Any]:
        return _random().sample(items, number)


class _LiveKit:
    """LiveKit's server API, which deletes every room that it is asked to."""

    def __init__(self, *_: object, **__: object) -> None:
        self.room = self

    async def __aenter__(self) -> _LiveKit:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close nothing."""

    async def delete_room(self, _: object) -> None:
        """Delete a room."""


def _time() -> float:
    invocation = _running()
    return invocation.world.now_ms / 1000 if invocation else float(_REAL["time"]())


def _monotonic() -> float:
    invocation = _running()
    return invocation.world.now_ms / 1000 if invocation else float(_REAL["monotonic"]())


def _sleep(seconds: float) -> None:
    invocation = _running()
    if invocation is None:
        _REAL["sleep"](seconds)
    else:
        invocation.wait(seconds * 1000)


def _make_api_call(client: Any, operation: str, params: dict[str, Any]) -> Any:
    service = client.meta.service_model.service_name
    world, invocation = world_in_use(), _running()
    if invocation is None:
        return world.execute(service, operation, params)
    request = access.request_of(service, operation, params)
    return invocation.request(request, lambda: world.execute(service, operation, params))


def _send_queries(queries: Sequence[Query]) -> list[Outcome]:
    return [_query(query) for query in queries]


def _query(query: Query) -> Outcome:
    try:
        answer = _make_api_call(clients.client("dynamodb"), "Query", query)
    except ClientError as error:
        return Answer(HTTPStatus.BAD_REQUEST, str(error).encode())
    return Answer(HTTPStatus.OK, msgspec.json.encode(answer))


def _send(
    _pool: HttpPool, items: Iterable[T], request: Callable[[T], HttpRequest]
) -> Iterator[tuple[T, Outcome]]:
    world, invocation = world_in_use(), _running()
    assert invocation, "only functions post"
    sent = list(items)
    posts = [_post(world, request(item)) for item in sent]
    yield from zip(sent, invocation.posts(posts), strict=True)


def _post(world: World, request: HttpRequest) -> tuple[Request, Callable[[], Outcome]]:
    """Return a request to ``@connections``, and what executes it."""
    method, path, body, _ = request
    connection_id = path.rpartition("/")[2].replace("%3D", "=")
    execute = _serving(world, method, connection_id, body.decode())
    return access.post_of(method, connection_id), execute


def _serving(world: World, method: str, connection_id: str, body: str) -> Callable[[], Outcome]:
    return lambda: world.gateway.serve(method, connection_id, body)


__all__ = ["Died", "simulated", "use", "world_in_use"]
