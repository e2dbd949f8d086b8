"""Where an event goes, and its frame in the wire format of that connection."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import NamedTuple

from shared.ids import compose
from shared.protocol import native, socketio
from shared.protocol.errors import AckId
from shared.realtime import arguments


class Wire(StrEnum):
    """The wire format of a connection, or of a session with recovery."""

    SOCKETIO = "s"
    NATIVE = "n"

    RECOVERY = "r"
    """Socket.IO with connection state recovery: every event has its offset as its last argument,
    and is logged before it is sent."""

    AWAY = "a"
    """A session with recovery that cannot receive anything now: its events are logged only."""


class Address(NamedTuple):
    """A session as other sessions see it: a connection in a namespace.

    namespace: the session's namespace.
    wire: the wire format.
    connection_id: the connection.
    sid: the session's id if it can be recovered, and empty otherwise.
    """

    namespace: str
    wire: Wire
    connection_id: str
    sid: str = ""

    @property
    def member(self) -> str:
        """The address as text in a person's set of connections; the row's key has the namespace."""
        return ":".join(filter(None, (self.wire, self.connection_id, self.sid)))

    @property
    def receiver(self) -> str:
        """What stays the same when a session that can be recovered has another connection.

        One connection may have sessions in several namespaces.
        """
        return compose(self.namespace, self.sid or self.connection_id)

    @classmethod
    def of_member(cls, namespace: str, member: str) -> Address:
        """Return the address of a ``member`` in a namespace."""
        wire, connection_id, *sid = member.split(":")
        return cls(namespace, Wire(wire), connection_id, *sid)

    def is_same(self, other: Address) -> bool:
        """Return whether both are the same session, which may have another connection by now."""
        return self.receiver == other.receiver

    def among(self, addresses: Iterable[Address]) -> Address | None:
        """Return the address that the session has among others, or None if it is not there."""
        return next((one for one in addresses if one.is_same(self)), None)

    @property
    def away(self) -> bool:
        """Whether nothing can be sent to the session now."""
        return self.wire is Wire.AWAY


class Delivery(NamedTuple):
    """An event with the addresses that receive it.

    event: the event's name.
    payload: anything that JSON can express. An ``Arguments``, or a struct with ``array_like=True``,
        makes an event with several arguments.
    addresses: the sessions that receive the event.
    id: the id of an event that is sent once more, as in ``Missed``; empty for a new event.
    """

    event: str
    payload: object
    addresses: tuple[Address, ...]
    id: str = ""

    def without(self, receivers: Collection[str]) -> Delivery:
        """Return the delivery without some sessions, each as ``Address.receiver``."""
        rest = tuple(one for one in self.addresses if one.receiver not in receivers)
        return self._replace(addresses=rest)


def frame(address: Address, event: str, payload: object, offset: str = "") -> str:
    """Return the text frame that carries an event to ``address``.

    offset: the event's offset, for a session with recovery.
    """
    if address.wire is Wire.NATIVE:
        return native.event_frame(event, arguments.as_data(payload))
    values = arguments.of(payload)
    return socketio.event_frame(address.namespace, event, *values, *((offset,) if offset else ()))


def acknowledgement(address: Address, ack_id: AckId, result: object) -> str:
    """Return the text frame of an acknowledgement with a handler's result."""
    if address.wire is Wire.NATIVE:
        return native.ack_frame(ack_id, arguments.as_data(result))
    return socketio.ack_frame(address.namespace, int(ack_id), *arguments.of(result))


def failed_acknowledgement(address: Address, ack_id: AckId, message: str) -> str:
    """Return the text frame of the acknowledgement of an event that was refused."""
    if address.wire is Wire.NATIVE:
        return native.ack_error_frame(ack_id, message)
    return acknowledgement(address, ack_id, {"error": {"message": message}})
