"""The Lambda function behind the native routes of a product.

Its frames are ``{"action":"call.initiate","data":{…},"id":…}``.
"""

from __future__ import annotations

from functions.products import REGISTRY
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, websocket_entry
from shared.pipeline.context import Arrival
from shared.pipeline.dispatch import Request, dispatch
from shared.protocol import native
from shared.protocol.errors import InvalidPayload
from shared.realtime.address import Wire


def request_of(frame: str) -> Request:
    """Return the request in a native frame.

    If the frame cannot be understood, its request carries the reason to refuse it.
    """
    try:
        asked = native.decode(frame)
    except InvalidPayload as error:
        return Request(error.event or "", Wire.NATIVE, ack=error.ack, refusal=error.message)
    return Request(asked.event, Wire.NATIVE, arguments=(asked.data,), ack=asked.id)


@websocket_entry
def handler(event: Event) -> None:
    """Handle one native frame.

    The handlers of all products are registered here, because two products may share a route: the
    namespace of the connection decides which handler is called.
    """
    dispatch(REGISTRY, ports(), Arrival.of(event), request_of(event["body"]))
