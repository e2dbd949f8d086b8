"""Payloads of long polling, compared with the examples of the protocol and with python-engineio."""

from __future__ import annotations

import contextlib

import engineio.packet as packets  # type: ignore[import-untyped]
import engineio.payload as oracle  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.protocol.engineio import LEGACY
from shared.protocol.errors import InvalidPacket
from shared.protocol.polling import SEPARATOR, decode, encode

EXAMPLES = [
    # "Payload encoding" of the protocol, revisions 4 and 3. 3 counts UTF-16 code units.
    (4, ["4hello"], "4hello"),
    (4, ["4hello", "2", "4world"], "4hello\x1e2\x1e4world"),
    (3, ["4hello", "2", "4world"], "6:4hello1:26:4world"),
    (3, ["4€"], "2:4€"),
    (3, ["4🙂", "4a:b"], "3:4🙂4:4a:b"),
]
text = st.text(st.characters(exclude_characters=SEPARATOR, exclude_categories=["Cs"]))


@pytest.mark.parametrize(("protocol", "frames", "payload"), EXAMPLES)
def test_examples(protocol: int, frames: list[str], payload: str) -> None:
    assert encode(frames, protocol) == payload
    assert list(decode(payload, protocol)) == frames


@given(st.lists(text.map("4".__add__), min_size=1, max_size=16))
def test_revision_4_is_that_of_python_engineio(frames: list[str]) -> None:
    payload = encode(frames, 4)
    sent = [packets.Packet(packets.MESSAGE, frame[1:]) for frame in frames]
    assert payload == oracle.Payload(packets=sent).encode()
    assert list(decode(payload, 4)) == frames


@given(st.lists(st.text().map("4".__add__), min_size=1))
def test_revision_3_carries_any_text(frames: list[str]) -> None:
    assert list(decode(encode(frames, LEGACY), LEGACY)) == frames


@pytest.mark.parametrize(
    ("payload", "before"),
    [
        ("", []),
        ("4hello", []),
        ("x:4a", []),
        (":4a", []),
        ("٣:4ab", []),
        ("3:4a", []),
        ("2:4a5:4b", ["4a"]),
        ("2:4a2", ["4a"]),
        ("99999999999:4", []),
    ],
)
def test_revision_3_refuses_what_its_lengths_do_not_describe(
    payload: str, before: list[str]
) -> None:
    found = decode(payload, LEGACY)
    assert [next(found) for _ in before] == before
    with pytest.raises(InvalidPacket):
        next(found)


def test_revision_3_skips_packets_without_content() -> None:
    assert list(decode("0:2:4a0:", LEGACY)) == ["4a"]


@given(st.text())
def test_no_payload_raises_anything_else(payload: str) -> None:
    for protocol in (3, 4):
        with contextlib.suppress(InvalidPacket):
            list(decode(payload, protocol))
