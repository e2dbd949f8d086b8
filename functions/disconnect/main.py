"""``$disconnect``: ends connections and sessions, also for the other functions.

``shared.pipeline.departure`` says what the end of a connection or session is.
"""

from __future__ import annotations

from functions.products import REGISTRY
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, entry
from shared.pipeline.departure import end_connection, expel, finish_ended_sessions
from shared.realtime import connections


@entry
def handler(event: Event) -> dict[str, int]:
    """Run the consequences of a connection or of sessions that have ended.

    The event is one of these:

    - API Gateway's ``$disconnect``, or ``{"connectionId"}`` from a function whose post found the
      connection gone: ``end_connection``.
    - with ``namespace``, and ``personId`` or ``sid``: ``expel`` ends the session in that namespace.
    - with ``ended``, from the sweep: ``finish_ended_sessions``.

    An exception is raised if a step fails, so that Lambda repeats an asynchronous invocation.
    """
    connection_id = event.get("connectionId") or event["requestContext"]["connectionId"]
    if "namespace" in event:
        expel(
            REGISTRY,
            ports(),
            connection_id,
            event["namespace"],
            event.get("personId", ""),
            sid=event.get("sid", ""),
            close=event.get("close"),
        )
    elif "ended" in event:
        connection = connections.get(connection_id)
        if connection is not None:
            finish_ended_sessions(REGISTRY, ports(), connection)
    else:
        arrived_ms = event.get("requestContext", {}).get("requestTimeEpoch")
        end_connection(REGISTRY, ports(), connection_id, arrived_ms or ports().clock.now_ms())
    return {"statusCode": 200}
