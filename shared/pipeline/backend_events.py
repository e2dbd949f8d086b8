"""Backend events: what a team's own systems report. How they are checked, dated and passed on.

A backend event has a type and data. It arrives through ``POST /events`` or directly on the stack's
EventBridge bus, with the type as detail-type and the data as detail. Either way it is delivered at
least once, in any order. So it carries the time at which it happened:

- ``data.happenedAt`` (ISO 8601 with a time zone, or epoch ms), if the sender gives it;
- the time of its arrival, which ``POST /events`` adds as ``data.happenedAt`` if the sender gives
  none;
- EventBridge's time of the event, in whole seconds, for an event on the bus without
  ``data.happenedAt``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from shared.errors import InvalidRequest
from shared.ids import compose
from shared.pipeline import validation
from shared.pipeline.declarations import BackendEventHandler
from shared.pipeline.payloads import Posted
from shared.pipeline.registry import Registry
from shared.ports import BusMessage
from shared.protocol import json

HAPPENED_AT = "happenedAt"
AHEAD_MS = 300_000
"""How far in the future an event may be dated, in ms. An event from further in the future would win
over all real events until then."""

MOST_DATA_BYTES = 127 * 1024
"""The largest data of one event. An event that is passed on must fit into a message of API Gateway,
which holds 128 KB, the event's envelope included."""


class BackendEvent(msgspec.Struct, frozen=True):
    """A backend event that has been checked.

    event: the handler that a product has registered for the type.
    payload: the data as the type that the handler declares.
    data: the data as they came.
    happened_at_ms: ``data.happenedAt`` in epoch ms, or None if the data have none.
    """

    event: BackendEventHandler
    payload: Any
    data: dict[str, Any]
    happened_at_ms: int | None


def read(registry: Registry, type_: object, data: object, now_ms: int) -> BackendEvent:
    """Check a backend event, and return it.

    Raises ``InvalidRequest`` with a text that names ``type`` or the wrong field.
    """
    if type_ is None:
        raise InvalidRequest("type is required")
    event = registry.backend_events.get(type_) if isinstance(type_, str) else None
    if event is None:
        raise InvalidRequest(f"type: there is no event {json.dumps(type_)[:100]}")
    if data is None:
        raise InvalidRequest("data is required")
    if not isinstance(data, dict):
        raise InvalidRequest("data: expected an object")
    posted = {name: value for name, value in data.items() if name != HAPPENED_AT}
    named = {name: value for name, value in posted.items() if name}  # "" is ``Posted.posted``
    payload = validation.struct_of(event.payload, named, "data")
    if isinstance(payload, Posted):
        payload = msgspec.structs.replace(payload, posted=posted)
    return BackendEvent(event, payload, data, _happened_at(data.get(HAPPENED_AT), now_ms))


def _happened_at(given: object, now_ms: int) -> int | None:
    if given is None:
        return None
    if isinstance(given, str):
        at_ms = _epoch_ms(given)
    elif isinstance(given, int | float) and not isinstance(given, bool):
        at_ms = int(given)
    else:
        at_ms = None
    if at_ms is None or at_ms < 0:
        raise InvalidRequest(f"data.{HAPPENED_AT}: expected a time in ISO 8601 or in epoch ms")
    if at_ms > now_ms + AHEAD_MS:
        raise InvalidRequest(f"data.{HAPPENED_AT}: is in the future")
    return at_ms


def _epoch_ms(text: str) -> int | None:
    """Return a time in ISO 8601 as epoch ms. Returns None if it is not, or has no time zone."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if time.tzinfo is None else round(time.timestamp() * 1000)


def stamp(events: Iterable[BackendEvent], now_ms: int) -> list[BusMessage]:
    """Return the events as messages for the bus, each with ``happenedAt``.

    An event without ``happenedAt`` happens now. Each is dated a millisecond after the one before
    it, so that the events keep their order.
    """
    messages = []
    for index, one in enumerate(events):
        data = one.data | {HAPPENED_AT: now_ms + index} if one.happened_at_ms is None else one.data
        messages.append(BusMessage(one.event.type, json.dumps(data)))
    return messages


def digest(payload: object, *about: str) -> str:
    """Return what identifies a backend event, however often it is delivered: 24 hex digits.

    payload: the payload, or the data as they came.
    about: what identifies the event beside its payload.
    """
    return hashlib.sha256(compose(*about, json.dumps(payload)).encode()).hexdigest()[:24]


def time_of(event: Mapping[str, Any]) -> int:
    """Return EventBridge's time of an event, in epoch ms. It is exact to the second only."""
    return round(datetime.fromisoformat(event["time"]).timestamp() * 1000)
