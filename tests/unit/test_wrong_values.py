"""msgspec's error texts for values of the wrong shape, taken apart."""

from __future__ import annotations

import msgspec
import pytest

from shared import wrong_values
from shared.wrong_values import WrongValue, worded


class Part(msgspec.Struct):
    size: int

    def __post_init__(self) -> None:
        if self.size < 0:
            raise worded("Expected a size", "size")


class Thing(msgspec.Struct):
    name: str
    parts: list[Part] = []


@pytest.mark.parametrize(
    ("value", "what", "field", "missing"),
    [
        ([], "Expected `object`, got `array`", "", None),
        ({"name": 1}, "Expected `str`, got `int`", "name", None),
        ({}, "Object missing required field `name`", "name", "name"),
        (
            {"name": "a", "parts": [{}]},
            "Object missing required field `size`",
            "parts[0].size",
            "size",
        ),
        (
            {"name": "a", "parts": [{"size": "x"}]},
            "Expected `int`, got `str`",
            "parts[0].size",
            None,
        ),
    ],
)
def test_an_error_text_is_split_into_reason_and_field(
    value: object, what: str, field: str, missing: str | None
) -> None:
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.convert(value, Thing)
    wrong = wrong_values.read(error.value)
    assert (wrong.what, wrong.field, wrong.missing) == (what, field, missing)


def test_a_struct_s_own_check_names_its_field_in_the_same_way() -> None:
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.convert({"size": -1}, Part)
    assert wrong_values.read(error.value) == WrongValue("Expected a size", "size", None)
