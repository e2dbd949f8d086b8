"""``$disconnect``: ends connections and sessions, also for the other functions.

``shared.pipeline.departure`` says what the end of a connection or session is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from functions.products import REGISTRY
from shared.aws import log
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, entry
from shared.pipeline import departure
from shared.ports import Missed
from shared.realtime import connections, event_log
from shared.realtime.missed import keep

NORMAL = frozenset({1000, 1005})
"""The codes with which a client closes its WebSocket for good (RFC 6455, 7.4.1). A browser that
leaves a page says 1001, and perhaps comes back with the next page."""


@entry
def handler(event: Event) -> dict[str, int]:
    """Run the consequences of a connection or of sessions that have ended.

    The event is one of these:

    - API Gateway's ``$disconnect``: ``end_connection`` if the client has closed the connection,
      ``lose_connection`` if not.
    - ``{"connectionId"}``, from a function that found the connection gone: the same, by
      ``goodbye``. With ``missed``, what could not be sent to it is kept.
    - with ``leaving``, when the client has had its time to come back: ``finish_connection``.
    - with ``namespace``, and ``personId`` or ``sid``: ``expel`` ends the session in that namespace.
    - with ``ended``, from the sweep: ``finish_ended_sessions``.

    An exception is raised if a step fails, so that Lambda repeats an asynchronous invocation.
    """
    connection_id = event.get("connectionId") or event["requestContext"]["connectionId"]
    if "namespace" in event:
        departure.expel(
            REGISTRY,
            ports(),
            connection_id,
            event["namespace"],
            event.get("personId", ""),
            sid=event.get("sid", ""),
            close=event.get("close"),
        )
    elif "ended" in event or "leaving" in event:
        _finish(connection_id)
    elif event.get("goodbye"):
        departure.end_connection(REGISTRY, ports(), connection_id, ports().clock.now_ms())
    else:
        _gone(connection_id, event.get("requestContext", {}))
        _keep(connection_id, msgspec.convert(event.get("missed", []), list[Missed]))
    return {"statusCode": 200}


def _finish(connection_id: str) -> None:
    """Finish what an earlier invocation has begun, or has put off."""
    connection = connections.get(connection_id)
    if connection is None:
        return
    finish = departure.finish_connection if connection.leaving else departure.finish_ended_sessions
    finish(REGISTRY, ports(), connection)


def _keep(connection_id: str, missed: list[Missed]) -> None:
    """Keep the events that a connection has not received, if its client may come back.

    The logs of sessions that can be recovered say that the connection was gone.
    """
    for one in missed:
        if one.sid:
            event_log.note_gone(event_log.of_session(one.sid), one.offset, [connection_id])
    connection = connections.get(connection_id) if missed else None
    if connection is not None:
        keep(ports(), connection, missed, REGISTRY.missed_checks, REGISTRY.overtaking)


def _gone(connection_id: str, context: Mapping[str, Any]) -> None:
    """Handle the end of a connection.

    context: what API Gateway says of it; empty if another function has found it.
    """
    left_ms = context.get("requestTimeEpoch") or ports().clock.now_ms()
    code = context.get("disconnectStatusCode")
    if isinstance(code, int):  # the access log cannot have it
        log.set_event_name(f"$disconnect {code}")
    if code in NORMAL:
        departure.end_connection(REGISTRY, ports(), connection_id, left_ms, unless_closed=True)
    else:
        departure.lose_connection(REGISTRY, ports(), connection_id, left_ms)
