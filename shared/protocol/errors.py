"""The exceptions that decoding raises.

::

    ProtocolError
    ├── InvalidPacket       the frame is no valid packet: close the connection
    ├── InvalidPayload      the packet is valid, its content is refused: answer it
    ├── InvalidJson         the text is not JSON
    └── UnsupportedJson     the text is JSON that is refused

The frame codecs turn the last two into one of the first two. For any input they raise nothing but
``InvalidPacket`` and ``InvalidPayload``.
"""

from __future__ import annotations

from typing import TypeAlias

AckId: TypeAlias = str | int | float
"""The id by which a client recognises the acknowledgement of its request.

Socket.IO clients use integers, native clients choose a string or a number.
"""


class ProtocolError(Exception):
    """An error in what a client sent. The base of all exceptions here."""


class InvalidPacket(ProtocolError):
    """The frame does not follow the protocol's grammar."""


class InvalidPayload(ProtocolError):
    """A packet that follows the grammar and whose content is refused.

    message: what is wrong, in words for the client, with the name of the field if there is one.
    namespace: the Socket.IO namespace to answer in. None for native frames, since a native
        connection has only one namespace.
    event: the event's name, or None if it could not be read.
    ack: the id of the acknowledgement that the client waits for, or None if there is none or it
        could not be read.
    """

    def __init__(
        self,
        message: str,
        *,
        namespace: str | None = None,
        event: str | None = None,
        ack: AckId | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.namespace = namespace
        self.event = event
        self.ack = ack


class InvalidJson(ProtocolError):
    """The text is not JSON (RFC 8259)."""


class UnsupportedJson(ProtocolError):
    """The text is JSON with a value that could not be carried through the backend unchanged.

    reason: what was refused, in words for the client.
    path: the keys and indexes that lead to the first refused value. Empty for the whole text.
    value: the document with None in place of every refused value and without refused keys. From it
        an envelope can still be read if only its content is at fault.
    """

    def __init__(self, reason: str, *, path: tuple[str | int, ...], value: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path
        self.value = value

    def describe(self, skip: int = 0) -> str:
        """Return the field and the reason, as in ``position.lat: number out of range``.

        ``skip`` is the number of steps to leave out at the start of the path. These steps belong to
        the envelope, which the user of a client library does not see.
        """
        steps = [str(step) for step in self.path[skip:]]
        field = ".".join(steps) or "payload"
        if len(field) > _LONGEST_FIELD:
            field = field[:_LONGEST_FIELD] + "…"
        return f"{field}: {self.reason}"


_LONGEST_FIELD = 80
