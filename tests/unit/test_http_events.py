"""``POST /events``, as far as the bus."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.backend import intake
from functions.products import REGISTRY
from shared.pipeline.http import HttpError
from tests.fakes import NOW_MS, Fakes

GOOD: dict[str, Any] = {"type": "partner.registered", "data": {"partnerId": "p"}}


def accept(fakes: Fakes, body: object) -> int:
    return intake.accept(REGISTRY, fakes.ports, json.dumps(body).encode())


def refusal(fakes: Fakes, body: object) -> HttpError:
    with pytest.raises(HttpError) as refused:
        accept(fakes, body)
    return refused.value


def test_all_are_put_in_order_with_the_time() -> None:
    fakes = Fakes()
    assert accept(fakes, {"events": [GOOD] * 3}) == 3
    stamps = [json.loads(one.data)["happenedAt"] for one in fakes.tasks.told]
    assert stamps == [NOW_MS, NOW_MS + 1, NOW_MS + 2]


def test_none_is_put_where_one_is_wrong() -> None:
    fakes = Fakes()
    refused = refusal(fakes, {"events": [GOOD, {"type": "booking.created", "data": {}}]})
    assert (refused.status, refused.message) == (400, "events[1].data.bookingId is required")
    assert not fakes.tasks.told


def test_a_bus_that_does_not_take_all_is_a_503_that_says_how_many() -> None:
    fakes = Fakes()
    fakes.tasks.bus_takes = 2
    refused = refusal(fakes, {"events": [GOOD] * 5})
    assert refused.status == 503
    assert refused.message.startswith("3 of 5 events could not be accepted")


def test_what_no_message_can_carry_is_a_413() -> None:
    fakes = Fakes()
    large = {"type": "partner.registered", "data": {"x": "ü" * 70_000}}
    refused = refusal(fakes, {"events": [GOOD, large]})
    assert (refused.status, refused.message[:14]) == (413, "events[1].data")
    assert not fakes.tasks.told
