"""The stack as ``infra`` declares it: functions, tables, queues, routes and their limits."""

from __future__ import annotations

import json
from functools import cache
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


def is_followed(function: str, table: str, record: dict[str, Any]) -> bool:
    """Return whether a stream's record passes the filters of a function's event source."""
    filters = _filters(function, table)
    return not filters or any(_matches(pattern, record) for pattern in filters)


@cache
def _filters(function: str, table: str) -> list[dict[str, Any]]:
    found = lambdas.stream_filters(SPECS[function], table) or ()
    return [json.loads(one["pattern"]) for one in found]


def _matches(pattern: dict[str, Any], record: dict[str, Any]) -> bool:
    """Return whether a record has a value of each list in a pattern, or one with its prefix."""
    for name, wanted in pattern.items():
        value = record.get(name)
        if isinstance(wanted, dict):
            if not isinstance(value, dict) or not _matches(wanted, value):
                return False
        elif not any(
            str(value).startswith(one["prefix"]) if isinstance(one, dict) else value == one
            for one in wanted
        ):
            return False
    return True


__all__ = ["REGISTRY", "TABLES"]
