"""``GET /socket.io/`` of the HTTP API: opens sessions of clients that poll, and waits for packets.

An invocation does little but wait, for as long as 20 s. So this function is small and imports no
product. The packets that clients send, with POST, go to ``functions/socketio``.

https://socket.io/docs/v4/engine-io-protocol/#http-long-polling
"""

from __future__ import annotations

from functions.polling.exchange import Answer, Request, answered, preflight
from functions.polling.opening import open_session
from functions.polling.waiting import wait
from shared.aws.lambda_entry import Event, entry


@entry
def handler(event: Event) -> Answer:
    """Answer a request. Requests of any method but POST come here."""
    if event["requestContext"]["http"]["method"] == "OPTIONS":
        return preflight(event)
    return answered(event, _get)


def _get(request: Request) -> Answer:
    return wait(request) if request.sid else open_session(request)
