"""Strict JSON; the standard library decides what is JSON at all."""

from __future__ import annotations

import json as stdlib
import math
import time
from decimal import Decimal

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.protocol.json import (
    MAX_DEPTH,
    MAX_DIGITS,
    InvalidJson,
    UnsupportedJson,
    dumps,
    loads,
)
from tests.e2e.probe import sqs_rules

# Values that survive a round trip: no surrogates, no NaN, integers of 38 digits.
limit = 10**MAX_DIGITS - 1
texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-limit, limit)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20
)


def nested(depth: int, leaf: str = "") -> str:
    return "[" * depth + leaf + "]" * depth


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        (' {"a" : [1, -0.5, 1e5, true]}\r\n', {"a": [1, -0.5, 1e5, True]}),
        (b'"\xc3\xa9"', "é"),
        (r'"\ud83d\ude00"', "😀"),
        (r'"\u0000"', "\0"),
        ('{"a":1,"a":2}', {"a": 2}),
        ("1e-400", 0.0),
        ("9" * 38, limit),
        ("-" + "9" * 38, -limit),
        # Long runs of digits that are no integer.
        ("1." + "3" * 60, 1.3333333333333333),
        ("1" * 50 + "e-49", 1.1111111111111112),
        ('"' + "1" * 60 + '"', "1" * 60),
        ("[-" + "9" * 38 + ',"' + "1" * 60 + '"]', [-limit, "1" * 60]),
        # Brackets that do not nest.
        (stdlib.dumps(["[{" * 40]), ["[{" * 40]),
        (stdlib.dumps(['"\\' + "[" * 40]), ['"\\' + "[" * 40]),
        ("[" + "[]," * 40 + '{"a":{}}]', [*[[]] * 40, {"a": {}}]),
    ],
)
def test_valid_json_is_parsed(text: str | bytes, value: object) -> None:
    assert loads(text) == value


def test_depth_limit_is_inclusive() -> None:
    loads(nested(MAX_DEPTH))
    loads("[" + nested(MAX_DEPTH - 1) + "," + nested(MAX_DEPTH - 1, "1") + "]")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "NaN",
        "[Infinity]",
        '{"a":-Infinity}',
        "[1] [2]",
        "[1]\0",
        "[1,]",
        "{a:1}",
        "{'a':1}",
        '"\x01"',
        '"open',
        r'"\x"',
        "\ufeff1",
        "01",
        "1.",
        "+1",
        "\u0661",
        "-",
        "tru",
        b'"\xff"',
        b'"\xed\xa0\x80"',
        "1" * 39 + "x",
        # Deep, but not JSON.
        "[" * 40,
        "]" * 40 + "[" * 40,
        "[" * 100_000,
        nested(40) + "]",
        nested(40, "NaN"),
        nested(40, "1 2"),
        nested(40, '"open'),
        "[" * 40 + "}" * 40,
        "[" * 20 + "{" + "[" * 20 + "]" * 41,
        nested(40) + "1",
    ],
)
def test_text_that_is_not_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidJson):
        loads(text)


@pytest.mark.parametrize(
    ("text", "reason", "path", "value"),
    [
        ("1e400", "number out of range", (), None),
        ('{"a":[0,-1e400]}', "number out of range", ("a", 1), {"a": [0, None]}),
        ("[" + "9" * 39 + "]", "number out of range", (0,), [None]),
        ("[1e400,-" + "9" * 5000 + ',"x"]', "number out of range", (0,), [None, None, "x"]),
        (r'["x","\ud800"]', "text with a lone surrogate", (1,), ["x", None]),
        (r'["\udc00\ud800"]', "text with a lone surrogate", (0,), [None]),
        ('["\ud800"]', "text with a lone surrogate", (0,), [None]),
        (r'{"a\udfff":1,"b":2}', "key with a lone surrogate", (), {"b": 2}),
    ],
)
def test_an_unsupported_value_is_reported_with_reason_path_and_the_rest(
    text: str, reason: str, path: tuple[str | int, ...], value: object
) -> None:
    with pytest.raises(UnsupportedJson) as caught:
        loads(text)
    assert caught.value.reason == reason
    assert caught.value.path == path
    assert caught.value.value == value


@pytest.mark.parametrize(
    "text",
    [
        nested(MAX_DEPTH + 1),
        nested(MAX_DEPTH, "{}"),
        nested(MAX_DEPTH, "[],[]"),
    ],
)
def test_json_one_level_too_deep_is_refused(text: str) -> None:
    with pytest.raises(UnsupportedJson, match="nested deeper than 32 levels"):
        loads(text)


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1, MAX_DEPTH + 2, 100, 50_000])
def test_json_that_is_too_deep_is_cut_at_the_limit(depth: int) -> None:
    with pytest.raises(UnsupportedJson, match="nested deeper than 32 levels") as caught:
        loads(nested(depth, '{"]":"}"}'))
    assert caught.value.path == (0,) * MAX_DEPTH
    assert dumps(caught.value.value) == nested(MAX_DEPTH, "null")


def test_the_rest_of_too_deep_json_can_still_be_read() -> None:
    text = '{"id":"a1","data":' + nested(200) + ',"more":[1,{"x":[2]}]}'
    with pytest.raises(UnsupportedJson) as caught:
        loads(text)
    value = caught.value.value
    assert isinstance(value, dict)
    assert (value["id"], value["more"]) == ("a1", [1, {"x": [2]}])


def test_depth_is_reported_before_an_offence_inside_the_deep_part() -> None:
    with pytest.raises(UnsupportedJson, match="nested deeper"):
        loads(nested(60, "1e400"))


@pytest.mark.parametrize(
    "text",
    [
        '"' + '\\"' * 150_000,
        "[" * 40 + '"' + '\\"' * 150_000,
        "[" * 300_000,
        "[]" * 150_000,
        nested(150_000),
    ],
)
def test_hostile_text_is_refused_in_linear_time(text: str) -> None:
    started = time.process_time()
    with pytest.raises((InvalidJson, UnsupportedJson)):
        loads(text)
    # A quadratic scan takes minutes.
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, None, "é"]}, '{"a":[1,null,"é"]}'),
        (limit, "9" * 38),
        (Decimal("1.50"), "1.50"),
        (math.nan, "null"),
        ((1, 2), "[1,2]"),
    ],
)
def test_values_are_serialized(value: object, text: str) -> None:
    assert dumps(value) == text


def test_structs_are_serialized_under_their_wire_names() -> None:
    class Point(msgspec.Struct, rename="camel"):
        in_x: int

    assert dumps([Point(1)]) == '[{"inX":1}]'


@pytest.mark.parametrize("value", [object(), {None: 1}])
def test_a_value_that_json_cannot_hold_is_not_serialized(value: object) -> None:
    with pytest.raises(TypeError):
        dumps(value)


def test_a_lone_surrogate_is_not_serialized() -> None:
    with pytest.raises(UnicodeEncodeError):
        dumps("\ud800")


@given(values)
def test_a_serialized_value_parses_to_itself(value: object) -> None:
    assert loads(dumps(value)) == value
    assert loads(dumps(value).encode()) == value


@given(values, st.booleans())
def test_values_are_parsed_as_by_the_standard_library(value: object, ascii_: bool) -> None:
    text = stdlib.dumps(value, ensure_ascii=ascii_)
    assert loads(text) == stdlib.loads(text)


alphabet = st.sampled_from([*'[]{}",:\\ u18', "\\u", "ud800", "NaN", "1e400", "9" * 39, "\ud800"])


@given(
    st.text()
    | st.binary()
    | st.lists(alphabet, max_size=40).map("".join)
    | st.lists(st.sampled_from(["[", "]", '{"":', "}", "1", ",", '"']), max_size=300).map("".join)
)
@example("[" * 33 + '"\\' + "]" * 33)
def test_a_text_counts_as_json_exactly_if_the_standard_library_reads_it(text: str | bytes) -> None:
    try:
        accepted = loads(text)
    except InvalidJson:
        accepted = InvalidJson
    except UnsupportedJson as error:
        dumps(error.value)
        accepted = UnsupportedJson
    assert (accepted is not InvalidJson) == is_json(text)


def is_json(text: str | bytes) -> bool:
    def refuse(name: str) -> object:
        raise ValueError(name)

    try:
        stdlib.loads(
            text if isinstance(text, str) else text.decode(), parse_constant=refuse, parse_int=float
        )
    except ValueError:
        return False
    return True


@given(st.text())
@example("\ufffe\uffff")
def test_every_text_can_stand_in_a_message_of_sqs(words: str) -> None:
    written = dumps({words: [words]})
    sqs_rules.check({"MessageBody": written})
    assert loads(written) == stdlib.loads(written) == {words: [words]}
