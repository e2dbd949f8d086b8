"""``POST /events``: from the request's body to the bus."""

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


def test_events_are_put_on_the_bus_in_order_with_their_times() -> None:
    fakes = Fakes()
    assert accept(fakes, {"events": [GOOD] * 3}) == 3
    stamps = [json.loads(one.data)["happenedAt"] for one in fakes.tasks.published]
    assert stamps == [NOW_MS, NOW_MS + 1, NOW_MS + 2]


def test_no_event_is_put_on_the_bus_if_one_is_invalid() -> None:
    fakes = Fakes()
    refused = refusal(fakes, {"events": [GOOD, {"type": "booking.created", "data": {}}]})
    assert (refused.status, refused.message) == (400, "events[1].data.bookingId is required")
    assert not fakes.tasks.published


def test_a_bus_that_refuses_some_events_gives_a_503_with_their_number() -> None:
    fakes = Fakes()
    fakes.tasks.bus_capacity = 2
    refused = refusal(fakes, {"events": [GOOD] * 5})
    assert refused.status == 503
    assert refused.message.startswith("3 of 5 events could not be accepted")


def test_an_event_too_large_for_a_message_gives_a_413() -> None:
    fakes = Fakes()
    large = {"type": "partner.registered", "data": {"x": "ü" * 70_000}}
    refused = refusal(fakes, {"events": [GOOD, large]})
    assert (refused.status, refused.message[:14]) == (413, "events[1].data")
    assert not fakes.tasks.published
