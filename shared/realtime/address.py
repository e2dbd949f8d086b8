"""Where an event goes, and what it looks like there."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from shared.protocol import native, socketio
from shared.protocol.errors import AckId
from shared.realtime import arguments


class Wire(StrEnum):
    """The wire format of a connection."""

    SOCKETIO = "s"
    NATIVE = "n"


class Address(NamedTuple):
    """A session as others see it: a connection in a namespace."""

    namespace: str
    wire: Wire
    connection_id: str

    @property
    def member(self) -> str:
        """The form kept in the sets of a person and a room; the namespace is in their key."""
        return f"{self.wire}:{self.connection_id}"

    @classmethod
    def of_member(cls, namespace: str, member: str) -> Address:
        wire, connection_id = member.split(":", 1)
        return cls(namespace, Wire(wire), connection_id)


class Delivery(NamedTuple):
    """One event to some addresses. ``payload`` is anything JSON can say; an ``Arguments``, or a
    struct with ``array_like=True``, makes an event with several arguments."""

    event: str
    payload: object
    addresses: tuple[Address, ...]


def frame(address: Address, event: str, payload: object) -> str:
    """The text frame that carries an event to ``address``."""
    if address.wire is Wire.NATIVE:
        return native.event_frame(event, arguments.as_data(payload))
    return socketio.event_frame(address.namespace, event, *arguments.of(payload))


def acknowledgement(address: Address, ack_id: AckId, result: object) -> str:
    """Return the text frame that answers an event whose sender asked for it."""
    if address.wire is Wire.NATIVE:
        return native.ack_frame(ack_id, arguments.as_data(result))
    return socketio.ack_frame(address.namespace, int(ack_id), *arguments.of(result))


def failed_acknowledgement(address: Address, ack_id: AckId, message: str) -> str:
    """The same when the event was refused."""
    if address.wire is Wire.NATIVE:
        return native.ack_error_frame(ack_id, message)
    return acknowledgement(address, ack_id, {"error": {"message": message}})
