"""Engine.IO packets, compared with the examples of the protocol and with python-engineio."""

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
def test_the_examples_of_the_protocol_are_decoded_and_encoded(frame: str, packet: Packet) -> None:
    assert decode(frame) == packet
    assert encode(packet.type, packet.data) == frame


def test_a_packet_without_data_is_encoded_as_its_type() -> None:
    assert encode(PacketType.PING) == "2"


@pytest.mark.parametrize(
    "frame", ["", "7", "9x", "a", " 2", "-1", "bAQIDBA==", "b4AQIDBA==", "\u0664", "\ud800", "\n"]
)
def test_an_invalid_frame_is_refused(frame: str) -> None:
    with pytest.raises(InvalidPacket):
        decode(frame)


def test_the_open_packet_holds_the_session_and_its_limits() -> None:
    frame = open_packet(
        sid="lv_VI97HAXpY6yYWAAAC",
        ping_interval_ms=25_000,
        ping_timeout_ms=20_000,
        max_payload=1_000_000,
    )
    # "Handshake" of the protocol, without the upgrade, which a WebSocket does not need.
    assert frame == (
        '0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":[],'
        '"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'
    )
    packet = oracle.Packet(encoded_packet=frame)
    assert (packet.packet_type, packet.data) == (oracle.OPEN, loads(frame[1:]))


@given(st.sampled_from(PacketType), st.text())
def test_an_encoded_packet_decodes_to_itself(kind: PacketType, data: str) -> None:
    assert decode(encode(kind, data)) == (kind, data)


@given(st.sampled_from(PacketType), st.text().map(lambda text: "x" + text))
def test_packets_are_encoded_and_decoded_as_by_python_engineio(kind: PacketType, data: str) -> None:
    frame = oracle.Packet(int(kind), data).encode()
    assert encode(kind, data) == frame
    expected = oracle.Packet(encoded_packet=frame)
    assert decode(frame) == (PacketType(str(expected.packet_type)), expected.data)


@given(st.text())
def test_any_text_is_decoded_or_refused(frame: str) -> None:
    try:
        packet = decode(frame)
    except InvalidPacket:
        assert frame[:1] not in {*PacketType}
    else:
        assert encode(packet.type, packet.data) == frame
