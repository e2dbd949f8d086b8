"""Accepts the events that a team's backend reports with ``POST /events``.

The body is ``{"type", "data"}``, or ``{"events": [{"type", "data"}, …]}`` for up to 100 events.
"""

from __future__ import annotations

import time

from shared.errors import InvalidRequest
from shared.pipeline import backend_events
from shared.pipeline.backend_events import BackendEvent
from shared.pipeline.http import HttpError
from shared.pipeline.registry import Registry
from shared.ports import BusMessage, Ports
from shared.protocol import json

MOST_EVENTS = 100
MOST_BODY_BYTES = 4 * 1024 * 1024
"""Lambda accepts 6 MB, and the body may be encoded as base64 in them.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


def accept(registry: Registry, ports: Ports, body: bytes) -> int:
    """Put the events of a body on the bus, and return how many they are.

    If any event is wrong, none is put on the bus.

    Raises ``HttpError`` 400 with the name of the wrong field, 413 if the body or an event is too
    large, and 503 if the bus has not accepted all events. The events that it has accepted are
    handled; reported again with the same ``happenedAt``, they change nothing.

    Returns no sooner than the time of the last event, so that the next event that the caller
    reports is newer.
    """
    now = ports.clock.now_ms()
    messages = backend_events.stamp(_read(registry, body, now), now)
    for index, message in enumerate(messages):
        if len(message.data.encode()) > backend_events.MOST_DATA_BYTES:
            raise _too_large(f"events[{index}].data", backend_events.MOST_DATA_BYTES)
    _put(ports, messages)
    time.sleep(max(0, now + len(messages) - ports.clock.now_ms()) / 1000)
    return len(messages)


def _read(registry: Registry, body: bytes, now_ms: int) -> list[BackendEvent]:
    if len(body) > MOST_BODY_BYTES:
        raise _too_large("The body", MOST_BODY_BYTES)
    try:
        given = json.loads(body)
    except (json.InvalidJson, json.UnsupportedJson) as error:
        raise HttpError(400, f"The body is not JSON as we take it: {error}") from error
    if not isinstance(given, dict):
        raise HttpError(400, "The body is not a JSON object")
    if "events" not in given:
        return [_check(registry, given, now_ms, "")]
    events = given["events"]
    if not isinstance(events, list) or not 1 <= len(events) <= MOST_EVENTS:
        raise HttpError(400, f"events: expected a list of 1 to {MOST_EVENTS}")
    return [_check(registry, one, now_ms, f"events[{n}]") for n, one in enumerate(events)]


def _check(registry: Registry, given: object, now_ms: int, where: str) -> BackendEvent:
    if not isinstance(given, dict):
        raise HttpError(400, f"{where}: expected an object")
    try:
        return backend_events.read(registry, given.get("type"), given.get("data"), now_ms)
    except InvalidRequest as error:
        raise HttpError(400, f"{where}.{error.message}".lstrip(".")) from error


def _put(ports: Ports, messages: list[BusMessage]) -> None:
    missing = len(ports.tasks.publish(messages))
    if missing:
        raise HttpError(
            503,
            f"{missing} of {len(messages)} events could not be accepted. Please send them again.",
        )


def _too_large(what: str, most: int) -> HttpError:
    return HttpError(413, f"{what} is larger than {most} bytes")
