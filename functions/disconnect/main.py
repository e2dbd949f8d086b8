"""``$disconnect``, and every other way to learn that a connection is gone."""

from __future__ import annotations

from functions.products import REGISTRY
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, entry
from shared.pipeline.departure import depart, expel, finish
from shared.realtime import connections


@entry
def handler(event: Event) -> dict[str, int]:
    """From API Gateway, or ``{"connectionId"}`` from a function whose post found nobody; with
    ``namespace`` and ``personId`` from one that puts somebody out, with ``ended`` from the sweep,
    where sessions have ended and not been left. Raises where it could not finish, so that an
    asynchronous invocation is tried again."""
    connection_id = event.get("connectionId") or event["requestContext"]["connectionId"]
    if "namespace" in event:
        expel(REGISTRY, ports(), connection_id, event["namespace"], event["personId"])
    elif "ended" in event:
        connection = connections.get(connection_id)
        if connection is not None:
            finish(REGISTRY, ports(), connection)
    else:
        depart(REGISTRY, ports(), connection_id)
    return {"statusCode": 200}
