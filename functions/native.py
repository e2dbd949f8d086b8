"""The entry behind a product's native routes: ``{"action":"call.initiate","data":{…},"id":…}``."""

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
    """A native frame as a request; one that cannot be understood is a request to refuse."""
    try:
        asked = native.decode(frame)
    except InvalidPayload as error:
        return Request(error.event or "", Wire.NATIVE, ack=error.ack, refusal=error.message)
    return Request(asked.event, Wire.NATIVE, arguments=(asked.data,), ack=asked.id)


@websocket_entry
def handler(event: Event) -> None:
    """All products are registered behind each route: one that two products share serves whichever
    namespace asks."""
    dispatch(REGISTRY, ports(), Arrival.of(event), request_of(event["body"]))
