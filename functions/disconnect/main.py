"""``$disconnect``, and the departure of connections that other functions have found gone."""

from __future__ import annotations

from functions.products import REGISTRY
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, entry
from shared.pipeline.departure import depart, expel, finish
from shared.realtime import connections


@entry
def handler(event: Event) -> dict[str, int]:
    """Run the consequences of a connection or of sessions that have ended.

    The event is one of these:

    - API Gateway's ``$disconnect``, or ``{"connectionId"}`` from a function whose post found the
      connection gone: the whole connection departs.
    - with ``namespace``, and ``personId`` or ``sid``: the session in that namespace is ended.
    - with ``ended``, from the sweep: sessions that have ended on the connection are left.

    Raises if it could not finish, so that an asynchronous invocation is tried again.
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
            finish(REGISTRY, ports(), connection)
    else:
        depart(REGISTRY, ports(), connection_id)
    return {"statusCode": 200}
