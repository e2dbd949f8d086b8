"""Engine.IO payloads: the packets of one HTTP request or answer of long polling.

Revision 4 separates packets by a character. Revision 3 puts a packet's length before it, in UTF-16
code units, because JavaScript counts these. (Engine.IO protocol, "HTTP long-polling".)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shared.protocol.engineio import LEGACY
from shared.protocol.errors import InvalidPacket

SEPARATOR = "\x1e"
_MOST_DIGITS = 9


def encode(packets: Iterable[str], protocol: int) -> str:
    """Encode packets into a payload.

    protocol: the version of the Engine.IO protocol.
    """
    if protocol == LEGACY:
        return "".join(f"{_length(packet)}:{packet}" for packet in packets)
    return SEPARATOR.join(packets)


def decode(payload: str, protocol: int) -> Iterator[str]:
    """Yield the packets of a payload in order, without decoding the packets themselves.

    Raises :exc:`InvalidPacket` where the payload breaks the grammar. The packets before that place
    have been yielded by then.
    """
    if protocol != LEGACY:
        yield from payload.split(SEPARATOR)
        return
    if not payload:
        raise InvalidPacket("an empty payload")
    rest = _units(payload)
    while rest:
        digits, colon, rest = _cut(rest)
        if not colon or not digits.isascii() or not digits.isdigit() or len(digits) > _MOST_DIGITS:
            raise InvalidPacket("a payload without the length of a packet")
        end = 2 * int(digits)
        if len(rest) < end:
            raise InvalidPacket("a payload that is shorter than its packets")
        packet, rest = rest[:end], rest[end:]
        if packet:
            yield _text(packet)


def _cut(rest: bytes) -> tuple[str, bool, bytes]:
    """Return the text before the first colon, whether there is a colon, and what follows it."""
    head = _text(rest[: 2 * (_MOST_DIGITS + 2)])
    digits, colon, _ = head.partition(":")
    return digits, bool(colon), rest[2 * (len(digits) + 1) :]


def _length(packet: str) -> int:
    return len(_units(packet)) // 2


def _units(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def _text(units: bytes) -> str:
    return units.decode("utf-16-le", "surrogatepass")
