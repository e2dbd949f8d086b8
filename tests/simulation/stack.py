"""The stack as ``infra`` declares it: functions, tables, queues, routes and their limits."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

from functions.products import REGISTRY
from infra import call_timers, lambdas, queues
from infra.functions import FUNCTIONS
from infra.gateway import websocket_routes
from infra.tables import ALL_TABLES as TABLES

SPECS = {spec.name: spec for spec in FUNCTIONS}
STREAMS = {table.name: table.stream for table in TABLES if table.stream}
ROUTES = websocket_routes()
TIMER = json.loads(call_timers.DEFINITION.read_text())["States"]
MAX_RECEIVES = {
    spec.takes: queues.RECEIVES.get(spec.takes, queues.MAX_RECEIVES)
    for spec in FUNCTIONS
    if spec.takes
}
ORDERED = queues.ORDERED
TAKERS = {spec.takes: spec for spec in FUNCTIONS if spec.takes}
STREAM_BATCH, STREAM_RETRIES = lambdas.STREAM_BATCH, lambdas.STREAM_RETRIES


def _handler(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


HANDLERS = {spec.name: _handler(spec.handler) for spec in FUNCTIONS}
"""The real Lambda entries, found by their strings as Lambda finds them."""


def is_followed(table: str, event_name: str) -> bool:
    """Return whether a stream's record passes the event source's filter."""
    filters = lambdas.STREAM_FILTERS.get(table)
    if not filters:
        return True
    patterns = [json.loads(one["pattern"]) for one in filters]
    return any(event_name in pattern.get("eventName", [event_name]) for pattern in patterns)


__all__ = ["REGISTRY", "TABLES"]
