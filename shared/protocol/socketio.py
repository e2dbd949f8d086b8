"""Socket.IO packets, in protocol revision 5 and in revision 4, which 2.x clients speak.

::

    <packet type>[<attachments>-][<namespace>,][<acknowledgement id>][JSON]

(Protocol, "Packet encoding".) A packet is the data of an Engine.IO message. The checks here follow
the reference parser, which is stricter than the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum
from typing import Never
from urllib.parse import urlencode

import msgspec

from shared.protocol import engineio
from shared.protocol.errors import InvalidJson, InvalidPacket, InvalidPayload, UnsupportedJson
from shared.protocol.json import dumps, loads

MAX_ACK_ID = 2**53 - 1
"""The largest integer that a JavaScript client can count to."""

MAX_ATTACHMENTS = 10
"""The most binary attachments of one packet, as in the reference parser."""

RESERVED_EVENTS = frozenset(
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)
"""Names that the client libraries use for events of their own."""


class PacketType(IntEnum):
    """A packet's type, as in Socket.IO protocol v5, "Packet types". In v4, 4 is called ERROR."""

    CONNECT = 0
    DISCONNECT = 1
    EVENT = 2
    ACK = 3
    CONNECT_ERROR = 4
    BINARY_EVENT = 5
    BINARY_ACK = 6


class Packet(msgspec.Struct, frozen=True):
    """One packet.

    data: depends on the type. CONNECT: an object or None. EVENT and BINARY_EVENT: a list that
        begins with the event's name. ACK and BINARY_ACK: a list. CONNECT_ERROR: an object, in v4 a
        string.
    id: the acknowledgement id, 0 to :data:`MAX_ACK_ID`, or None.
    attachments: how many binary frames follow; 0 unless the type is a binary one.
    query: the URL-encoded query that a 2.x client put behind the namespace, without the ``?``.
    """

    type: PacketType
    namespace: str = "/"
    id: int | None = None
    data: object = None
    attachments: int = 0
    query: str = ""


_EVENTS = frozenset({PacketType.EVENT, PacketType.BINARY_EVENT})
_ACKS = frozenset({PacketType.ACK, PacketType.BINARY_ACK})
_BINARY = frozenset({PacketType.BINARY_EVENT, PacketType.BINARY_ACK})

# A namespace has no surrogates: UTF-8 cannot encode them, so no answer could name the namespace.
_HEADER = re.compile(
    r"""
    (?P<type> [0-6])
    (?: (?P<attachments> [0-9]+) - )?
    (?: (?P<namespace> / [^,?\ud800-\udfff]*) (?: \? (?P<query> [^,\ud800-\udfff]*) )? (?: ,|\Z) )?
    (?P<id> [0-9]*)
    """,
    re.VERBOSE,
)


def decode(text: str) -> Packet:
    """Decode the data of an Engine.IO message.

    Raises :exc:`InvalidPacket` for bad grammar, text that is not JSON, data of the wrong type and a
    reserved event name. Raises :exc:`InvalidPayload` for an empty or numeric event name, and for
    JSON that :func:`shared.protocol.json.loads` does not support. A CONNECT with such JSON raises
    :exc:`InvalidPacket` instead, because its sender has not joined the namespace yet and cannot be
    answered there.
    """
    header = _HEADER.match(text)
    if header is None:
        raise InvalidPacket("unknown Socket.IO packet type")
    kind = PacketType(int(header["type"]))
    attachments = _attachments(kind, header["attachments"])
    namespace = header["namespace"] or "/"
    ack = _bounded(header["id"], MAX_ACK_ID, "acknowledgement id") if header["id"] else None
    data = _data(kind, namespace, ack, text[header.end() :])
    return Packet(kind, namespace, ack, data, attachments, header["query"] or "")


def _attachments(kind: PacketType, digits: str | None) -> int:
    if (kind in _BINARY) != (digits is not None):
        raise InvalidPacket("attachments belong to binary packets, and only to them")
    if digits is None:
        return 0
    count = _bounded(digits, MAX_ATTACHMENTS, "number of attachments")
    if count == 0:
        raise InvalidPacket("a binary packet without attachments")
    return count


def _bounded(digits: str, maximum: int, what: str) -> int:
    # Checks the length first, because int() raises on very long text.
    if len(digits) > len(str(maximum)) or int(digits) > maximum:
        raise InvalidPacket(f"{what} out of range")
    return int(digits)


def _data(kind: PacketType, namespace: str, ack: int | None, text: str) -> object:
    try:
        data = loads(text) if text else None
    except InvalidJson as error:
        raise InvalidPacket(f"data is not JSON: {error}") from error
    except UnsupportedJson as error:
        _refuse(kind, namespace, ack, error)
    if (text and data is None) or not _is_data_valid(kind, data):
        raise InvalidPacket(f"wrong data for {kind.name}")
    if kind in _EVENTS:
        name = _event_name(data)
        if not name:
            what = "must be a string" if name is None else "must not be empty"
            raise InvalidPayload(f"event name {what}", namespace=namespace, ack=ack)
    return data


def _refuse(kind: PacketType, namespace: str, ack: int | None, error: UnsupportedJson) -> Never:
    """Raise the protocol error for unsupported JSON; ``error.value`` is the part that is fine."""
    if kind in _EVENTS and error.path == (0,):
        # The refused value is text or a number, which the reference parser takes as an event name.
        message = f"event name: {error.reason}"
        raise InvalidPayload(message, namespace=namespace, ack=ack) from error
    if kind not in _EVENTS | _ACKS or not _is_data_valid(kind, error.value):
        raise InvalidPacket(f"wrong data for {kind.name}") from error
    if kind in _ACKS:
        # The id is of our own request: the client does not wait for an answer to its answer.
        raise InvalidPayload(error.describe(), namespace=namespace) from error
    message, event = error.describe(skip=1), _event_name(error.value)
    raise InvalidPayload(message, namespace=namespace, event=event, ack=ack) from error


def _is_data_valid(kind: PacketType, data: object) -> bool:
    """Check data as the reference parser's ``isPayloadValid`` does. EVENT and ACK need data."""
    match kind:
        case PacketType.CONNECT:
            return data is None or isinstance(data, dict)
        case PacketType.DISCONNECT:
            return data is None
        case PacketType.CONNECT_ERROR:
            return isinstance(data, (str, dict))
        case PacketType.ACK | PacketType.BINARY_ACK:
            return isinstance(data, list)
        case _:
            if not isinstance(data, list) or not data or isinstance(data[0], bool):
                return False
            name = data[0]
            return isinstance(name, (str, int, float)) and name not in RESERVED_EVENTS


def _event_name(data: object) -> str | None:
    """Return the name in the data of a valid event packet, or None if it is a number."""
    name = data[0] if isinstance(data, list) else None
    return name if isinstance(name, str) else None


def encode(packet: Packet) -> str:
    """Encode a packet into the data of an Engine.IO message.

    Raises :exc:`ValueError` for a namespace or query that would make the packet ambiguous.
    """
    parts = [str(packet.type.value)]
    if packet.attachments:
        parts.append(f"{packet.attachments}-")
    parts.append(_prefix(packet.namespace, packet.query))
    if packet.id is not None:
        parts.append(str(packet.id))
    if packet.data is not None:
        parts.append(dumps(packet.data))
    return "".join(parts)


def _prefix(namespace: str, query: str) -> str:
    if not namespace.startswith("/") or "," in namespace or "," in query:
        raise ValueError(f"no namespace: {namespace!r}")
    if query:
        return f"{namespace}?{query},"
    return "" if namespace == "/" else f"{namespace},"


def _frame(packet: Packet) -> str:
    return engineio.encode(engineio.PacketType.MESSAGE, encode(packet))


def connect_frame(namespace: str, sid: str | None, pid: str = "") -> str:
    """Return the frame that confirms a connection to a namespace: ``40/user,{"sid":"…"}``.

    In v4 a session has no id in a namespace: pass None to leave it out (``40/user,``).

    pid: with what the client asks for this session again after a loss of its connection. It is left
        out if it is empty, because clients that receive one take every last argument of an event
        that is a text for the event's offset.
    """
    data = None if sid is None else {"sid": sid, **({"pid": pid} if pid else {})}
    return _frame(Packet(PacketType.CONNECT, namespace, data=data))


def implied_connect(query: Mapping[str, str]) -> str:
    """Return the frame with which a 2.x client would ask for ``/``, which it joins without asking.

    query: the query of the client's handshake.
    """
    return _frame(Packet(PacketType.CONNECT, query=urlencode(query)))


def connect_error_frame(namespace: str, message: str, *, legacy: bool = False) -> str:
    """Return the frame that refuses a connection to a namespace: ``44/user,{"message":"…"}``.

    In v4 (``legacy``) the data is the text alone: ``44/user,"…"``.
    """
    data = message if legacy else {"message": message}
    return _frame(Packet(PacketType.CONNECT_ERROR, namespace, data=data))


def disconnect_frame(namespace: str) -> str:
    """Return the frame that ends a client's session in a namespace: ``41/user,``."""
    return _frame(Packet(PacketType.DISCONNECT, namespace))


def event_frame(namespace: str, event: str, *args: object) -> str:
    """Return the frame of an event: ``42/user,["call:ringing",{…}]``."""
    return _frame(Packet(PacketType.EVENT, namespace, data=[event, *args]))


def ack_frame(namespace: str, ack_id: int, *args: object) -> str:
    """Return the frame of an acknowledgement: ``43/user,7[{…}]``."""
    return _frame(Packet(PacketType.ACK, namespace, ack_id, list(args)))
