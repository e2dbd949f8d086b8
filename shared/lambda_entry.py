"""What every Lambda entry has around it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from shared.log import logger

Event = dict[str, Any]
Entry = Callable[[Event, Any], Any]

WARM_UP = "warm"


def entry(function: Callable[[Event], Any]) -> Entry:
    """A Lambda handler from a function of the event: logs carry the request id as correlation id.

    ``{"warm": true}`` returns at once: whoever starts a stack for the first time, or keeps
    functions warm, sends it.
    """

    @wraps(function)
    def handler(event: Event, context: Any) -> Any:
        if event.get(WARM_UP):
            return None
        request = event.get("requestContext") or {}
        logger.set_correlation_id(request.get("requestId") or context.aws_request_id)
        return function(event)

    return handler


def websocket_entry(function: Callable[[Event], int | None]) -> Entry:
    """An entry behind a WebSocket route. It never raises and never returns a body, either of which
    API Gateway would send to the client; ``function`` may return a status for ``$connect``."""

    def answer(event: Event) -> dict[str, int]:
        try:
            status = function(event)
        except Exception:  # noqa: BLE001 - API Gateway would send it to the client
            logger.exception("route failed")
            status = 500
        return {"statusCode": status or 200}

    return entry(answer)
