"""Native frames, for clients without a Socket.IO library. A frame is one JSON object.

========================  ==========================================================
client → server           ``{"action":"call.initiate","data":{…},"id":"a1"}``
an event                  ``{"event":"call:ringing","data":{…}}``
an acknowledgement        ``{"ack":"a1","data":…}``
an acknowledged error     ``{"ack":"a1","error":{"message":"…"}}``
========================  ==========================================================

An action is an event's name with ``.`` in place of ``:``, because API Gateway selects the route by
the action. The event's plain name is accepted too. An acknowledgement is sent if the client gave an
``id``.

``{"action":"ping","id":1}`` does nothing but keep the connection: API Gateway ends one that is
silent for ten minutes, and CloudFront one on which nothing comes down for ten minutes.
"""

from __future__ import annotations

import msgspec

from shared.protocol.errors import AckId, InvalidJson, InvalidPayload, UnsupportedJson
from shared.protocol.json import dumps, loads


class Request(msgspec.Struct, frozen=True):
    """A client's request.

    event: the event's name, always with ``:``.
    data: the payload, None if it is absent or null.
    id: the id for the acknowledgement, None if it is absent or null.
    """

    event: str
    data: object
    id: AckId | None


def decode(text: str) -> Request:
    """Decode a frame.

    Raises :exc:`InvalidPayload`, never :exc:`~shared.protocol.errors.InvalidPacket`, because every
    frame of a native client is answered. The exception has ``ack`` and ``event`` set if they could
    be read.
    """
    refused: UnsupportedJson | None = None
    try:
        frame = loads(text)
    except InvalidJson as error:
        raise InvalidPayload("frame must be a JSON object") from error
    except UnsupportedJson as error:
        frame, refused = error.value, error
    if not isinstance(frame, dict):
        raise InvalidPayload("frame must be a JSON object")
    event, ack = _event(frame.get("action")), _ack(frame.get("id"))
    if refused is not None:
        message = refused.describe(skip=1 if refused.path[:1] == ("data",) else 0)
        raise InvalidPayload(message, event=event, ack=ack) from refused
    if ack is None and frame.get("id") is not None:
        raise InvalidPayload("id must be a string or a number", event=event)
    if event is None:
        raise InvalidPayload("action must be a non-empty string", ack=ack)
    return Request(event, frame.get("data"), ack)


def _event(action: object) -> str | None:
    return action.replace(".", ":") if isinstance(action, str) and action else None


def _ack(id_: object) -> AckId | None:
    return id_ if isinstance(id_, (str, int, float)) and not isinstance(id_, bool) else None


def event_frame(event: str, data: object) -> str:
    """Return the frame of an event for the client."""
    return dumps({"event": event, "data": data})


def ack_frame(ack_id: AckId, data: object) -> str:
    """Return the acknowledgement of a request. ``data`` is None if there is no result."""
    return dumps({"ack": ack_id, "data": data})


def ack_error_frame(ack_id: AckId, message: str) -> str:
    """Return the acknowledgement of a request that failed."""
    return dumps({"ack": ack_id, "error": {"message": message}})


def action(event: str) -> str:
    """Return an event's name as an action and API Gateway route key, as in ``call.initiate``."""
    return event.replace(":", ".")
