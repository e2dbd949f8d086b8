"""``$disconnect``, and every other way to learn that a connection is gone."""

from __future__ import annotations

from functions.products import REGISTRY
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, entry
from shared.pipeline.departure import depart, expel, finish
from shared.realtime import connections


@entry
def handler(event: Event) -> dict[str, int]:
    """Run what follows from a connection's end.

    The event is API Gateway's, or ``{"connectionId"}`` from a function whose post found no client.
    With ``namespace`` and ``personId`` or ``sid``, a session is put out; with ``ended``, sent by
    the sweep, sessions have ended and not been left. Raises if it could not finish, so that an
    asynchronous invocation is tried again."""
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
            finish(REGISTRY, ports(), connection)
    else:
        depart(REGISTRY, ports(), connection_id)
    return {"statusCode": 200}
