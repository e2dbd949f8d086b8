"""From decoded JSON to a payload, or to the text that a client reads."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import pytest

from shared.errors import INTERNAL, ConnectionRefused, Duplicate, InvalidRequest, Refusal
from shared.pipeline.declarations import EventHandler
from shared.pipeline.payloads import Inbound
from shared.pipeline.validation import payload_of


class Place(Inbound, frozen=True):
    lat: float


class Order(Inbound, frozen=True):
    item_id: Annotated[str, msgspec.Meta(min_length=1, max_length=5)]
    kind: Literal["A", "B"]
    place: Place | None = None
    tags: tuple[str, ...] = ()
    amounts: dict[str, int] = msgspec.field(default_factory=dict)


def row(*, missing: str | None = None, texts: dict[str, str] | None = None) -> EventHandler:
    return EventHandler(
        event="order",
        namespace="/user",
        product="shop",
        payload=Order,
        handle=lambda context, payload: None,
        error_event="shop:error",
        missing=missing,
        texts=texts or {},
    )


def refused(handler: EventHandler, value: object) -> str:
    with pytest.raises(InvalidRequest) as error:
        payload_of(handler, value)
    assert error.value.event == "shop:error"
    return error.value.message


def test_a_valid_payload_becomes_the_struct() -> None:
    value = {"itemId": "x", "kind": "A", "place": {"lat": 1}, "tags": ["t"], "unknown": [1]}
    assert payload_of(row(), value) == Order("x", "A", Place(1.0), ("t",))


def test_a_whole_number_is_an_integer_however_it_is_written() -> None:
    value = {"itemId": "x", "kind": "A", "amounts": {"a": 789.0}, "place": {"lat": 2.0}}
    made = payload_of(row(), value)
    assert made == Order("x", "A", Place(2.0), amounts={"a": 789})
    assert type(made.amounts["a"]) is int
    wrong = value | {"amounts": {"a": 0.5}}
    assert refused(row(), wrong) == "amounts[...]: expected int, got float"


def test_an_event_without_a_payload_takes_anything() -> None:
    handler = EventHandler("e", "/", "p", None, lambda c, p: None)
    assert payload_of(handler, {"any": "thing"}) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"kind": "A"}, "itemId is required"),
        ({"itemId": "x"}, "kind is required"),
        ({"itemId": "x", "kind": "A", "place": {}}, "place.lat is required"),
        ({"itemId": 5, "kind": "A"}, "itemId: expected str, got int"),
        ({"itemId": None, "kind": "A"}, "itemId: expected str, got null"),
        ({"itemId": "", "kind": "A"}, "itemId: expected str of length >= 1"),
        ({"itemId": "abcdef", "kind": "A"}, "itemId: expected str of length <= 5"),
        ({"itemId": "x", "kind": "C"}, "kind: invalid enum value 'C'"),
        ({"itemId": "x", "kind": "A", "tags": [1]}, "tags[0]: expected str, got int"),
        (
            {"itemId": "x", "kind": "A", "place": {"lat": "north"}},
            "place.lat: expected float, got str",
        ),
        (None, "payload: expected object, got null"),
        ([], "payload: expected object, got array"),
        ("text", "payload: expected object, got str"),
    ],
)
def test_an_invalid_field_is_named_if_the_contract_has_no_text_for_it(
    value: object, text: str
) -> None:
    assert refused(row(), value) == text


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "text",
        {},
        {"itemId": "x"},
        {"itemId": None, "kind": "A"},
        {"itemId": "", "kind": "A"},
        {"itemId": "x", "kind": "A", "place": {}},
    ],
)
def test_an_absent_or_empty_field_gives_the_contract_s_text(value: object) -> None:
    assert refused(row(missing="Invalid order"), value) == "Invalid order"


def test_a_wrong_value_gives_the_contract_s_text_for_its_field() -> None:
    handler = row(missing="Invalid order", texts={"kind": "Invalid kind"})
    assert refused(handler, {"itemId": "x", "kind": "C"}) == "Invalid kind"
    assert refused(handler, {"itemId": "x", "kind": 5}) == "Invalid kind"
    assert refused(handler, {"itemId": 5, "kind": "A"}) == "itemId: expected str, got int"


def test_a_missing_field_gives_the_text_of_its_field_if_there_is_no_other() -> None:
    assert refused(row(texts={"kind": "Invalid kind"}), {"itemId": "x"}) == "Invalid kind"


def test_a_refusal_carries_its_message_and_its_error_event() -> None:
    refusal = Refusal("no", event="special")
    assert (refusal.message, refusal.event, str(refusal)) == ("no", "special", "no")
    assert Refusal("no").event is None
    assert issubclass(InvalidRequest, Refusal)
    assert issubclass(ConnectionRefused, Refusal)
    assert not issubclass(Duplicate, Refusal)
    assert INTERNAL == "Something went wrong. Please try again."
