"""The protocol's exceptions, and how an error names its field."""

from __future__ import annotations

import pytest

from shared.protocol.errors import (
    InvalidJson,
    InvalidPacket,
    InvalidPayload,
    ProtocolError,
    UnsupportedJson,
)


@pytest.mark.parametrize("error", [InvalidPacket, InvalidPayload, InvalidJson, UnsupportedJson])
def test_every_protocol_error_has_the_same_base_class(error: type[Exception]) -> None:
    assert error.__mro__[1] is ProtocolError


def test_an_invalid_payload_keeps_message_namespace_event_and_ack() -> None:
    error = InvalidPayload("lat: too big", namespace="/user", event="call:end", ack=7)
    assert (error.message, str(error)) == ("lat: too big", "lat: too big")
    assert (error.namespace, error.event, error.ack) == ("/user", "call:end", 7)


def test_an_invalid_payload_has_no_namespace_event_and_ack_by_default() -> None:
    error = InvalidPayload("no")
    assert (error.namespace, error.event, error.ack) == (None, None, None)


@pytest.mark.parametrize(
    ("path", "skip", "text"),
    [
        ((), 0, "payload: too deep"),
        (("data", "position", "lat"), 1, "position.lat: too deep"),
        ((1, "tags", 3), 1, "tags.3: too deep"),
        ((1,), 1, "payload: too deep"),
        (("k" * 80,), 0, "k" * 80 + ": too deep"),
        (("k" * 81,), 0, "k" * 80 + "…: too deep"),
    ],
)
def test_a_description_names_the_field_and_the_reason(
    path: tuple[str | int, ...], skip: int, text: str
) -> None:
    assert UnsupportedJson("too deep", path=path, value=None).describe(skip=skip) == text
