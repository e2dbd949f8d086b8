"""Native frames: one JSON object each, for clients without a Socket.IO library.

========================  ==========================================================
client → server           ``{"action":"call.initiate","data":{…},"id":"a1"}``
an event                  ``{"event":"call:ringing","data":{…}}``
an acknowledgement        ``{"ack":"a1","data":…}``
an acknowledged error     ``{"ack":"a1","error":{"message":"…"}}``
========================  ==========================================================

An action is an event's name with ``.`` for ``:``, because API Gateway picks the route by it; the
plain name does as well. An acknowledgement is sent where the client gave an ``id``.
"""

from __future__ import annotations

import msgspec

from shared.protocol.errors import AckId, InvalidJson, InvalidPayload, UnsupportedJson
from shared.protocol.json import dumps, loads


class Request(msgspec.Struct, frozen=True):
    """What a client asks for.

    ``event`` has ``:`` whichever way it came, ``data`` and ``id`` are ``None`` if absent or null.
    """

    event: str
    data: object
    id: AckId | None


def decode(text: str) -> Request:
    """Decode a frame.

    Raises :exc:`InvalidPayload`, never :exc:`~shared.protocol.errors.InvalidPacket`: whatever a
    native client sends is answered. ``ack`` and ``event`` are set wherever they could be read.
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
    """An event for the client."""
    return dumps({"event": event, "data": data})


def ack_frame(ack_id: AckId, data: object) -> str:
    """The result of the request with this id; ``None`` where there is nothing to say."""
    return dumps({"ack": ack_id, "data": data})


def ack_error_frame(ack_id: AckId, message: str) -> str:
    """The failure of the request with this id."""
    return dumps({"ack": ack_id, "error": {"message": message}})


def action(event: str) -> str:
    """An event's name as an action and API Gateway route key: ``call.initiate``."""
    return event.replace(":", ".")
