"""Native frames, compared with the examples of the contract."""

from __future__ import annotations

import json as stdlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.protocol.errors import AckId, InvalidPayload
from shared.protocol.native import (
    Request,
    ack_error_frame,
    ack_frame,
    action,
    decode,
    event_frame,
)


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        (
            '{"action":"call.initiate","data":{"callType":"AUDIO"},"id":"a1"}',
            Request("call:initiate", {"callType": "AUDIO"}, "a1"),
        ),
        ('{"action":"call:initiate","id":1}', Request("call:initiate", None, 1)),
        ('{"action":"authenticate","data":[1]}', Request("authenticate", [1], None)),
        ('{"action":"a.b.c","data":null,"id":null}', Request("a:b:c", None, None)),
        ('{"action":"x","id":""}', Request("x", None, "")),
        ('{"action":"x","id":0}', Request("x", None, 0)),
        ('{"action":"x","id":1.5,"other":true}', Request("x", None, 1.5)),
        ('{"action":"x","id":' + "9" * 38 + "}", Request("x", None, 10**38 - 1)),
    ],
)
def test_a_frame_is_decoded_to_a_request(text: str, request_: Request) -> None:
    assert decode(text) == request_


@pytest.mark.parametrize("ack", [7, 1.0, "1", 10**38 - 1])
def test_an_acknowledgement_returns_the_id_unchanged(ack: AckId) -> None:
    request = decode(stdlib.dumps({"action": "x", "id": ack}))
    assert request.id is not None
    assert stdlib.loads(ack_frame(request.id, None))["ack"] == ack
    assert type(request.id) is type(ack)


OBJECT = "frame must be a JSON object"
ACTION = "action must be a non-empty string"
ID = "id must be a string or a number"
DEEP = "[" * 40 + "]" * 40


@pytest.mark.parametrize(
    ("text", "message", "event", "ack"),
    [
        ("", OBJECT, None, None),
        ("hello", OBJECT, None, None),
        ('{"action":"x","data":NaN,"id":1}', OBJECT, None, None),
        ('42["x"]', OBJECT, None, None),
        ("[]", OBJECT, None, None),
        ("null", OBJECT, None, None),
        ("[1e400]", OBJECT, None, None),
        ("{}", ACTION, None, None),
        ('{"id":"a1"}', ACTION, None, "a1"),
        ('{"action":"","id":0}', ACTION, None, 0),
        ('{"action":5,"id":1.5}', ACTION, None, 1.5),
        ('{"action":["x"],"id":"a1"}', ACTION, None, "a1"),
        ('{"action":"x.y","id":true}', ID, "x:y", None),
        ('{"action":"x","id":{}}', ID, "x", None),
        ('{"action":"x","id":[1]}', ID, "x", None),
        ('{"id":false}', ID, None, None),
        ('{"action":"x.y","id":"a1","data":1e400}', "payload: number out of range", "x:y", "a1"),
        (
            r'{"data":{"to":["\ud800"]},"action":"x","id":2}',
            "to.0: text with a lone surrogate",
            "x",
            2,
        ),
        ('{"action":"x","id":1e400}', "id: number out of range", "x", None),
        (r'{"action":"x","id":"\ud800"}', "id: text with a lone surrogate", "x", None),
        (r'{"action":"\ud800","id":1}', "action: text with a lone surrogate", None, 1),
        (
            '{"action":"x","id":1,"data":' + DEEP + "}",
            "0." * 30 + "0: nested deeper than 32 levels",
            "x",
            1,
        ),
    ],
)
def test_an_invalid_frame_is_refused_with_its_event_and_id(
    text: str, message: str, event: str | None, ack: AckId | None
) -> None:
    with pytest.raises(InvalidPayload) as caught:
        decode(text)
    error = caught.value
    assert error.message == message
    assert (error.namespace, error.event, error.ack) == (None, event, ack)
    assert type(error.ack) is type(ack)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"action":"x","data":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"action":"x","id":' + "9" * 5000 + "}",
    ],
)
def test_a_huge_frame_is_refused(text: str) -> None:
    with pytest.raises(InvalidPayload):
        decode(text)


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (event_frame("call:ringing", {"a": 1}), '{"event":"call:ringing","data":{"a":1}}'),
        (event_frame("x", None), '{"event":"x","data":null}'),
        (ack_frame("a1", {"callId": "x"}), '{"ack":"a1","data":{"callId":"x"}}'),
        (ack_frame(0, None), '{"ack":0,"data":null}'),
        (ack_error_frame(1.5, "No"), '{"ack":1.5,"error":{"message":"No"}}'),
    ],
)
def test_events_and_acknowledgements_are_encoded(frame: str, text: str) -> None:
    assert frame == text


@pytest.mark.parametrize(
    ("event", "name"), [("call:initiate", "call.initiate"), ("a:b:c", "a.b.c"), ("x", "x")]
)
def test_an_action_is_the_event_s_name_with_dots(event: str, name: str) -> None:
    assert action(event) == name
    assert decode(stdlib.dumps({"action": name})).event == event


texts = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.integers(-(10**38) + 1, 10**38 - 1) | st.floats(allow_nan=False, allow_infinity=False)


@given(texts.filter(lambda name: name and "." not in name), texts | numbers, st.lists(texts))
def test_an_encoded_request_decodes_to_itself(event: str, ack: AckId, data: list[str]) -> None:
    text = stdlib.dumps({"action": action(event), "data": data, "id": ack})
    assert decode(text) == Request(event, data, ack)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(
    st.text()
    | st.fixed_dictionaries(
        {}, optional={"action": anything, "data": anything, "id": anything}
    ).map(stdlib.dumps)
)
def test_any_text_is_decoded_or_refused_with_an_id_that_can_be_sent_back(text: str) -> None:
    try:
        request = decode(text)
    except InvalidPayload as error:
        if error.ack is not None:
            # The id that was read can be sent back.
            ack_error_frame(error.ack, error.message).encode()
        return
    assert "." not in request.event
    event_frame(request.event, request.data).encode()
