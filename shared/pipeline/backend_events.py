"""What a team's own systems tell: how an event is checked, when it happened, how it gets there.

An event has a type and data. It arrives through ``POST /events`` or directly on the stack's
EventBridge bus, with the type as detail-type and the data as detail. Either way it is delivered at
least once, in any order, so it carries when it happened: ``data.happenedAt`` (ISO 8601 with a time
zone, or epoch milliseconds) where the sender gives it, which ``POST /events`` does for those who do
not; else the time that EventBridge has of it, in whole seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from shared.errors import InvalidRequest
from shared.pipeline import validation
from shared.pipeline.payloads import Posted
from shared.pipeline.product import BackendEventHandler
from shared.pipeline.registry import Registry
from shared.ports import BusMessage
from shared.protocol import json

HAPPENED_AT = "happenedAt"
AHEAD_MS = 300_000
"""An event from further in the future would win over all real ones until then."""

MOST_DATA_BYTES = 127 * 1024
"""Of one event. What is passed on has to fit into a message of API Gateway's, which takes 128 KB
with what is around it."""


class BackendEvent(NamedTuple):
    """An event that has been checked; ``happened_at_ms`` is None where its data do not say."""

    event: BackendEventHandler
    payload: Any
    data: dict[str, Any]
    happened_at_ms: int | None


def read(registry: Registry, type_: object, data: object, now_ms: int) -> BackendEvent:
    """Check an event. Raises ``InvalidRequest`` with a text that names ``type`` or the field."""
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
    payload = validation.struct_of(event.payload, posted, "data")
    if isinstance(payload, Posted):
        payload = msgspec.structs.replace(payload, posted=posted)
    return BackendEvent(event, payload, data, _happened_at(data.get(HAPPENED_AT), now_ms))


def _happened_at(given: object, now_ms: int) -> int | None:
    if given is None:
        return None
    if isinstance(given, str):
        moment = _moment(given)
    elif isinstance(given, int | float) and not isinstance(given, bool):
        moment = int(given)
    else:
        moment = None
    if moment is None or moment < 0:
        raise InvalidRequest(f"data.{HAPPENED_AT}: expected a time in ISO 8601 or in epoch ms")
    if moment > now_ms + AHEAD_MS:
        raise InvalidRequest(f"data.{HAPPENED_AT}: is in the future")
    return moment


def _moment(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else round(moment.timestamp() * 1000)


def stamp(told: Iterable[BackendEvent], now_ms: int) -> list[BusMessage]:
    """The events as messages. Those that do not say when they happened did so now, each a
    millisecond after the one before it, so that they keep their order."""
    messages = []
    for index, one in enumerate(told):
        data = one.data | {HAPPENED_AT: now_ms + index} if one.happened_at_ms is None else one.data
        messages.append(BusMessage(one.event.type, json.dumps(data)))
    return messages


def time_of(event: Mapping[str, Any]) -> int:
    """When EventBridge says that an event happened, in epoch ms; it knows seconds only."""
    return round(datetime.fromisoformat(event["time"]).timestamp() * 1000)
