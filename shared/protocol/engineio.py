"""Engine.IO packets, in revision 4 and in revision 3, which 2.x clients speak.

On a WebSocket, one text frame is one packet: a digit for the type, then the data. The revisions
differ in who sends the ping (4: the server, 3: the client), not in the encoding.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from shared.protocol.errors import InvalidPacket
from shared.protocol.json import dumps

LEGACY = 3
"""The revision of Socket.IO 2.x clients."""

CURRENT = 4
"""The revision of Socket.IO clients since 3.x."""

PROBE = "probe"
"""The data of the ping and the pong with which a client tries a WebSocket before it upgrades."""


class PacketType(StrEnum):
    """A packet's type, as in Engine.IO protocol v4, "Packet encoding"."""

    OPEN = "0"
    CLOSE = "1"
    PING = "2"
    PONG = "3"
    MESSAGE = "4"
    UPGRADE = "5"
    NOOP = "6"


class Packet(NamedTuple):
    """One packet. ``data`` is the text after the type, which may be empty."""

    type: PacketType
    data: str


_TYPES = {kind.value: kind for kind in PacketType}


def decode(frame: str) -> Packet:
    """Decode a text frame.

    Raises :exc:`InvalidPacket` for an empty frame, for an unknown type, and for a binary message
    in base64 (``b…``), which is not supported.
    """
    kind = _TYPES.get(frame[:1])
    if kind is None:
        raise InvalidPacket("unknown Engine.IO packet type")
    return Packet(kind, frame[1:])


def encode(packet_type: PacketType, data: str = "") -> str:
    """Encode a packet into a text frame."""
    return packet_type.value + data


def open_packet(
    *,
    sid: str,
    ping_interval_ms: int,
    ping_timeout_ms: int,
    max_payload: int,
    upgrades: Sequence[str] = (),
) -> str:
    """Return the open packet, which a client waits for before anything else ("Handshake").

    Intervals are in milliseconds, ``max_payload`` in bytes.

    upgrades: the transports that the client may change to. A WebSocket has none.
    """
    handshake = {
        "sid": sid,
        "upgrades": list(upgrades),
        "pingInterval": ping_interval_ms,
        "pingTimeout": ping_timeout_ms,
        "maxPayload": max_payload,
    }
    return encode(PacketType.OPEN, dumps(handshake))
