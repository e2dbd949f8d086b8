"""Engine.IO packets, with the examples of the protocol's document and python-engineio as oracle."""

from __future__ import annotations

import engineio.packet as oracle  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.protocol.engineio import Packet, PacketType, decode, encode, open_packet
from shared.protocol.errors import InvalidPacket
from shared.protocol.json import loads

EXAMPLES = [
    # "Packet encoding" and "Upgrade" of the protocol, revisions 3 and 4.
    ("4hello", Packet(PacketType.MESSAGE, "hello")),
    ("4€", Packet(PacketType.MESSAGE, "€")),
    ("2", Packet(PacketType.PING, "")),
    ("3", Packet(PacketType.PONG, "")),
    ("2probe", Packet(PacketType.PING, "probe")),
    ("3probe", Packet(PacketType.PONG, "probe")),
    ("5", Packet(PacketType.UPGRADE, "")),
    ("1", Packet(PacketType.CLOSE, "")),
    ("6", Packet(PacketType.NOOP, "")),
    ("4", Packet(PacketType.MESSAGE, "")),
    ('0{"sid":"x"}', Packet(PacketType.OPEN, '{"sid":"x"}')),
    ("42\n", Packet(PacketType.MESSAGE, "2\n")),
]


@pytest.mark.parametrize(("frame", "packet"), EXAMPLES)
def test_examples(frame: str, packet: Packet) -> None:
    assert decode(frame) == packet
    assert encode(packet.type, packet.data) == frame


def test_no_data() -> None:
    assert encode(PacketType.PING) == "2"


@pytest.mark.parametrize(
    "frame", ["", "7", "9x", "a", " 2", "-1", "bAQIDBA==", "b4AQIDBA==", "\u0664", "\ud800", "\n"]
)
def test_invalid(frame: str) -> None:
    with pytest.raises(InvalidPacket):
        decode(frame)


def test_open_packet() -> None:
    frame = open_packet(
        sid="lv_VI97HAXpY6yYWAAAC",
        ping_interval_ms=25_000,
        ping_timeout_ms=20_000,
        max_payload=1_000_000,
    )
    # "Handshake", without the upgrade a WebSocket has no need of.
    assert frame == (
        '0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":[],'
        '"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'
    )
    packet = oracle.Packet(encoded_packet=frame)
    assert (packet.packet_type, packet.data) == (oracle.OPEN, loads(frame[1:]))


@given(st.sampled_from(PacketType), st.text())
def test_round_trip(kind: PacketType, data: str) -> None:
    assert decode(encode(kind, data)) == (kind, data)


@given(st.sampled_from(PacketType), st.text().map(lambda text: "x" + text))
def test_as_python_engineio(kind: PacketType, data: str) -> None:
    frame = oracle.Packet(int(kind), data).encode()
    assert encode(kind, data) == frame
    theirs = oracle.Packet(encoded_packet=frame)
    assert decode(frame) == (PacketType(str(theirs.packet_type)), theirs.data)


@given(st.text())
def test_fuzz(frame: str) -> None:
    try:
        packet = decode(frame)
    except InvalidPacket:
        assert frame[:1] not in {*PacketType}
    else:
        assert encode(packet.type, packet.data) == frame
