"""Socket.IO packets, compared with the examples of the protocol and with python-socketio."""

from __future__ import annotations

import json as stdlib

import pytest
import socketio.packet as oracle  # type: ignore[import-untyped]
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.protocol.errors import InvalidPacket, InvalidPayload
from shared.protocol.socketio import (
    MAX_ACK_ID,
    MAX_ATTACHMENTS,
    RESERVED_EVENTS,
    Packet,
    PacketType,
    ack_frame,
    connect_error_frame,
    connect_frame,
    decode,
    disconnect_frame,
    encode,
    event_frame,
)

T = PacketType

EXAMPLES = [
    # "Packet encoding" and "Exchange protocol" of the protocol, revision 5.
    ("0", Packet(T.CONNECT)),
    ('0{"token":"123"}', Packet(T.CONNECT, data={"token": "123"})),
    ("0/admin,", Packet(T.CONNECT, "/admin")),
    ('0/admin,{"token":"123"}', Packet(T.CONNECT, "/admin", data={"token": "123"})),
    ('0{"sid":"CjdVH4TQvovi1VvgAC5Z"}', Packet(T.CONNECT, data={"sid": "CjdVH4TQvovi1VvgAC5Z"})),
    ("1", Packet(T.DISCONNECT)),
    ("1/admin,", Packet(T.DISCONNECT, "/admin")),
    ('2["foo"]', Packet(T.EVENT, data=["foo"])),
    ('2["hello",1]', Packet(T.EVENT, data=["hello", 1])),
    ('2/admin,["bar"]', Packet(T.EVENT, "/admin", data=["bar"])),
    ('212["foo"]', Packet(T.EVENT, id=12, data=["foo"])),
    ('2/admin,456["project:delete",123]', Packet(T.EVENT, "/admin", 456, ["project:delete", 123])),
    ('312["bar"]', Packet(T.ACK, id=12, data=["bar"])),
    ("3/admin,456[]", Packet(T.ACK, "/admin", 456, [])),
    (
        '4/admin,{"message":"Not authorized"}',
        Packet(T.CONNECT_ERROR, "/admin", data={"message": "Not authorized"}),
    ),
    (
        '51-["hello",{"_placeholder":true,"num":0}]',
        Packet(T.BINARY_EVENT, data=["hello", {"_placeholder": True, "num": 0}], attachments=1),
    ),
    (
        '51-/admin,456["project:delete",{"_placeholder":true,"num":0}]',
        Packet(
            T.BINARY_EVENT,
            "/admin",
            456,
            ["project:delete", {"_placeholder": True, "num": 0}],
            attachments=1,
        ),
    ),
    (
        '61-/admin,456[{"_placeholder":true,"num":0}]',
        Packet(T.BINARY_ACK, "/admin", 456, [{"_placeholder": True, "num": 0}], attachments=1),
    ),
    # Revision 4.
    ("0/user?token=abc&x=/?,", Packet(T.CONNECT, "/user", query="token=abc&x=/?")),
    ("0/?token=abc,", Packet(T.CONNECT, query="token=abc")),
    ('4"Not authorized"', Packet(T.CONNECT_ERROR, data="Not authorized")),
    # Corners.
    ('20["foo"]', Packet(T.EVENT, id=0, data=["foo"])),
    ('2/a-b.c/d,["foo"]', Packet(T.EVENT, "/a-b.c/d", data=["foo"])),
    ('2["a,/b",null,"x-"]', Packet(T.EVENT, data=["a,/b", None, "x-"])),
    (f'2{MAX_ACK_ID}["foo"]', Packet(T.EVENT, id=MAX_ACK_ID, data=["foo"])),
    ('510-["foo"]', Packet(T.BINARY_EVENT, data=["foo"], attachments=MAX_ATTACHMENTS)),
]


@pytest.mark.parametrize(("text", "packet"), EXAMPLES)
def test_the_examples_of_the_protocol_are_decoded_and_encoded(text: str, packet: Packet) -> None:
    assert decode(text) == packet
    assert encode(packet) == text


@pytest.mark.parametrize(
    ("text", "packet"),
    [
        # The comma may be missing if nothing follows it: 2.x servers and some clients do that.
        ("0/admin", Packet(T.CONNECT, "/admin")),
        ("0/admin?a=b", Packet(T.CONNECT, "/admin", query="a=b")),
        ("0/admin?,", Packet(T.CONNECT, "/admin")),
        ("0/,", Packet(T.CONNECT)),
        ('2007["foo"]', Packet(T.EVENT, id=7, data=["foo"])),
        ('2 ["foo"] ', Packet(T.EVENT, data=["foo"])),
        ('501-["foo"]', Packet(T.BINARY_EVENT, data=["foo"], attachments=1)),
    ],
)
def test_other_spellings_of_a_packet_are_decoded(text: str, packet: Packet) -> None:
    assert decode(text) == packet


DEEP = "[" * 40 + "]" * 40


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "x",
        " 0",
        "\u0662[]",
        # The reference parser's isPayloadValid.
        "0[]",
        "0null",
        '0"x"',
        "0{",
        "1{}",
        "1null",
        "2",
        "2/admin,",
        "23",
        "2[]",
        "2{}",
        "2null",
        "2[null]",
        "2[true]",
        "2[{}]",
        "2[[]]",
        '2"foo"',
        "3",
        "35",
        "3{}",
        "4",
        "4[]",
        "4null",
        "41",
        *(f'2["{name}"]' for name in sorted(RESERVED_EVENTS)),
        '51-["connect"]',
        # Not JSON.
        "2[",
        '2["foo"]x',
        '2["foo",NaN]',
        '2["foo",-Infinity]',
        "2[foo]",
        "2/admin",
        '2/admin["foo"]',
        '2/\ud800,["foo"]',
        "0/admin?\ud800,",
        # Acknowledgement ids.
        f'2{MAX_ACK_ID + 1}["foo"]',
        "2" + "0" * 17 + '["foo"]',
        "2" + "9" * 5000 + '["foo"]',
        '2-1["foo"]',
        '21.5["foo"]',
        '2\u0661["foo"]',
        # Attachments.
        '5["foo"]',
        '5-["foo"]',
        '50-["foo"]',
        '511-["foo"]',
        '51["foo"]',
        '5-1-["foo"]',
        '51.0-["foo"]',
        "5" + "9" * 5000 + '-["foo"]',
        "61-",
        "61-{}",
        "51-[]",
        '21-["foo"]',
        "01-",
        # Unsupported JSON in the wrong shape, or from a client that has not joined yet.
        '0{"token":1e400}',
        '4{"message":1e400}',
        "11e400",
        '2{"foo":1e400}',
        "2[null,1e400]",
        f"2[{DEEP}]",
        '2["connect",1e400]',
        '3{"foo":1e400}',
    ],
)
def test_an_invalid_packet_is_refused(text: str) -> None:
    with pytest.raises(InvalidPacket):
        decode(text)


LONG = "9" * 39


@pytest.mark.parametrize(
    ("text", "message", "namespace", "event", "ack"),
    [
        ("2[1]", "event name must be a string", "/", None, None),
        ("2/user,7[1.5,{}]", "event name must be a string", "/user", None, 7),
        ('2/user,7[""]', "event name must not be empty", "/user", None, 7),
        ('51-/user,7[""]', "event name must not be empty", "/user", None, 7),
        ("2/user,7[1e400]", "event name: number out of range", "/user", None, 7),
        ("2/user,7[1,1e400]", "payload: number out of range", "/user", None, 7),
        (r'27["\ud800"]', "event name: text with a lone surrogate", "/", None, 7),
        (
            r'2/user,7["call:end",{"callId":"\ud800"}]',
            "callId: text with a lone surrogate",
            "/user",
            "call:end",
            7,
        ),
        ('2["a",{"b":[0,1e400]}]', "b.1: number out of range", "/", "a", None),
        (f'2["a",{LONG}]', "payload: number out of range", "/", "a", None),
        (
            f'2/user,0["a",{DEEP}]',
            "0." * 29 + "0.0: nested deeper than 32 levels",
            "/user",
            "a",
            0,
        ),
        ('51-/user,7["a",1e400]', "payload: number out of range", "/user", "a", 7),
        # The server chose the id of an acknowledgement: the error carries no id.
        ("3/user,7[1e400]", "0: number out of range", "/user", None, None),
        ("61-/user,7[1e400]", "0: number out of range", "/user", None, None),
    ],
)
def test_an_invalid_payload_is_refused_with_namespace_event_and_ack(
    text: str, message: str, namespace: str, event: str | None, ack: int | None
) -> None:
    with pytest.raises(InvalidPayload) as caught:
        decode(text)
    error = caught.value
    assert error.message == message
    assert (error.namespace, error.event, error.ack) == (namespace, event, ack)


@pytest.mark.parametrize("namespace", ["", "user", "/a,b"])
def test_a_packet_with_an_invalid_namespace_is_not_encoded(namespace: str) -> None:
    with pytest.raises(ValueError, match="no namespace"):
        encode(Packet(T.CONNECT, namespace))


def test_a_query_with_a_comma_is_not_encoded() -> None:
    with pytest.raises(ValueError, match="no namespace"):
        encode(Packet(T.CONNECT, query="a=1,b=2"))


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (connect_frame("/", "abc"), '40{"sid":"abc"}'),
        (connect_frame("/user", "abc"), '40/user,{"sid":"abc"}'),
        (connect_frame("/", None), "40"),
        (connect_frame("/user", None), "40/user,"),
        (connect_error_frame("/", "No"), '44{"message":"No"}'),
        (connect_error_frame("/user", "No"), '44/user,{"message":"No"}'),
        (connect_error_frame("/user", "No", legacy=True), '44/user,"No"'),
        (connect_error_frame("/", "No", legacy=True), '44"No"'),
        (disconnect_frame("/"), "41"),
        (disconnect_frame("/user"), "41/user,"),
        (event_frame("/", "a"), '42["a"]'),
        (
            event_frame("/user", "call:ringing", {"callId": "é"}),
            '42/user,["call:ringing",{"callId":"é"}]',
        ),
        (event_frame("/user", "a", None, 1), '42/user,["a",null,1]'),
        (ack_frame("/", 0), "430[]"),
        (ack_frame("/user", 7, None), "43/user,7[null]"),
        (ack_frame("/user", 7, {"callId": "x"}), '43/user,7[{"callId":"x"}]'),
    ],
)
def test_packets_are_encoded_as_frames(frame: str, text: str) -> None:
    assert frame == text


texts = st.text(st.characters(exclude_categories=["Cs"]))
namespaces = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=",?")).map(
    lambda text: "/" + text
)
queries = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=","))
ids = st.none() | st.integers(0, MAX_ACK_ID)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**38) + 1, 10**38 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=8
)
objects = st.dictionaries(texts, values, max_size=3)
names = texts.filter(lambda name: name and name not in RESERVED_EVENTS)
events = st.tuples(names, st.lists(values, max_size=3)).map(lambda parts: [parts[0], *parts[1]])
counts = st.integers(1, MAX_ATTACHMENTS)
acks = st.lists(values, max_size=3)
packets = st.one_of(
    st.builds(Packet, st.just(T.CONNECT), namespaces, data=st.none() | objects, query=queries),
    st.builds(Packet, st.just(T.DISCONNECT), namespaces),
    st.builds(Packet, st.just(T.EVENT), namespaces, ids, events),
    st.builds(Packet, st.just(T.ACK), namespaces, ids, acks),
    st.builds(Packet, st.just(T.CONNECT_ERROR), namespaces, data=texts | objects),
    st.builds(Packet, st.just(T.BINARY_EVENT), namespaces, ids, events, counts),
    st.builds(Packet, st.just(T.BINARY_ACK), namespaces, ids, acks, counts),
)


@given(packets)
def test_an_encoded_packet_decodes_to_itself(packet: Packet) -> None:
    assert decode(encode(packet)) == packet


def decoded_by_python_socketio(text: str) -> tuple[object, ...]:
    packet = oracle.Packet(encoded_packet=text)
    return (
        packet.packet_type,
        packet.namespace or "/",
        packet.id,
        packet.data,
        packet.attachment_count,
    )


def as_tuple(packet: Packet) -> tuple[object, ...]:
    return (packet.type, packet.namespace, packet.id, packet.data, packet.attachments)


@pytest.mark.parametrize("text", [text for text, _ in EXAMPLES])
def test_the_examples_are_decoded_as_by_python_socketio(text: str) -> None:
    assert as_tuple(decode(text)) == decoded_by_python_socketio(text)


@given(packets)
def test_python_socketio_decodes_our_packets(packet: Packet) -> None:
    assert decoded_by_python_socketio(encode(packet)) == as_tuple(packet)


@given(packets)
def test_packets_of_python_socketio_are_decoded(packet: Packet) -> None:
    assume(not packet.attachments)
    text = oracle.Packet(
        packet_type=int(packet.type), data=packet.data, namespace=packet.namespace, id=packet.id
    ).encode()
    assert as_tuple(decode(text)) == as_tuple(packet)


@given(events, ids)
def test_binary_events_of_python_socketio_are_decoded(data: list[object], ack: int | None) -> None:
    text, *attachments = oracle.Packet(data=[*data, b"one", {"x": b"two"}], id=ack).encode()
    packet = decode(text)
    assert (packet.type, packet.attachments, packet.id) == (T.BINARY_EVENT, len(attachments), ack)
    assert isinstance(packet.data, list)
    assert packet.data[:-2] == data


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("2" + "[" * 100_000, InvalidPacket),
        ("2" + "[" * 100_000 + "]" * 100_000, InvalidPacket),
        ('2["a",' + "[" * 100_000 + "]" * 100_001, InvalidPayload),
        ('2["a",' + "9" * 5000 + "]", InvalidPayload),
        ("0/" + "a" * 100_000 + ",[", InvalidPacket),
    ],
)
def test_a_huge_packet_is_refused(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode(text)


pieces = st.sampled_from(
    [*'01234567-/,?[]{}":', "/user", '["a"', "1e400", "NaN", "\\ud800", "\ud800", "9" * 20]
)


@given(st.text() | st.lists(pieces, max_size=25).map("".join))
def test_any_text_is_decoded_or_refused_with_an_error_that_can_be_sent_back(text: str) -> None:
    refused: InvalidPayload | None = None
    try:
        packet = decode(text)
    except InvalidPacket:
        return
    except InvalidPayload as error:
        refused = error
    if refused is not None:
        assert refused.namespace is not None
        # The namespace and the event that were read can be sent back.
        event_frame(refused.namespace, refused.event or "").encode()
        return
    assert decode(encode(packet)) == packet
    assert stdlib.loads(stdlib.dumps(packet.data)) == packet.data
