"""What decoding raises.

::

    ProtocolError
    ├── InvalidPacket       the frame is no valid packet: close the connection
    ├── InvalidPayload      a valid packet with content we refuse: answer it
    ├── InvalidJson         text that is not JSON
    └── UnsupportedJson     JSON that we refuse to carry

The frame codecs turn the last two into one of the first two. Whatever arrives, they raise nothing
else.
"""

from __future__ import annotations

from typing import TypeAlias

AckId: TypeAlias = str | int | float
"""What a client calls a request by: an integer in Socket.IO, its own choice in native frames."""


class ProtocolError(Exception):
    """Anything wrong with what a client sent."""


class InvalidPacket(ProtocolError):
    """The frame does not follow the protocol's grammar."""


class InvalidPayload(ProtocolError):
    """The packet can be told apart from others, its content cannot be accepted.

    ``message``
        What is wrong, in words for the client; names the field where there is one.
    ``namespace``
        Where to answer. ``None`` for native frames, whose connection knows its only one.
    ``event``
        The event that was asked for, where it could be read.
    ``ack``
        The acknowledgement the client waits for, where there is one and it could be read.
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
    """The text is JSON, and holds something that would not survive on its way through us.

    ``reason``
        What was refused, in words for the client.
    ``path``
        Keys and indexes that lead to the first thing refused; empty for the whole text.
    ``value``
        The document with ``None`` in the place of everything refused, for reading an envelope
        whose content is at fault. Keys that are refused are left out.
    """

    def __init__(self, reason: str, *, path: tuple[str | int, ...], value: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path
        self.value = value

    def describe(self, skip: int = 0) -> str:
        """The reason with the field it is about, as in ``position.lat: number out of range``.

        ``skip`` leaves out the first steps of the path: those of the envelope, of which a client
        of a library knows nothing.
        """
        steps = [str(step) for step in self.path[skip:]]
        field = ".".join(steps) or "payload"
        if len(field) > _LONGEST_FIELD:
            field = field[:_LONGEST_FIELD] + "…"
        return f"{field}: {self.reason}"


_LONGEST_FIELD = 80
