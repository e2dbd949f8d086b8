"""The events that a team's backend reports: checked, stamped, batched and compared."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.products import REGISTRY
from shared.aws import tasks
from shared.aws.event_order import is_older
from shared.errors import InvalidRequest
from shared.pipeline import backend_events
from shared.ports import BusMessage
from tests.fakes import NOW_MS

ASSIGNED = {"bookingId": "b", "partnerId": "p"}
CREATED = {
    "bookingId": "b",
    "bookingNumber": "BK1",
    "customerId": "c",
    "service": "Cleaning",
    "scheduledAt": "2026-12-15T10:00:00Z",
    "address": "123 Main St",
    "amount": 999,
}


def refusal(type_: object, data: object) -> str:
    with pytest.raises(InvalidRequest) as refused:
        backend_events.read(REGISTRY, type_, data, NOW_MS)
    return refused.value.message


def test_every_event_of_the_contract_is_known() -> None:
    assert set(REGISTRY.backend_events) >= {
        "account.upserted",
        "booking.created",
        "booking.assigned",
        "booking.updated",
        "earnings.updated",
        "notification.created",
        "partner.registered",
        "kyc.submitted",
    }


@pytest.mark.parametrize("field", list(CREATED))
def test_the_error_names_a_missing_field(field: str) -> None:
    without = {name: value for name, value in CREATED.items() if name != field}
    assert refusal("booking.created", without) == f"data.{field} is required"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bookingId", ""),
        ("bookingId", "x" * 129),
        ("customerId", 5),
        ("scheduledAt", "soon"),
        ("amount", -1),
        ("amount", "1"),
        ("amount", 1e13),
        ("address", None),
    ],
)
def test_the_error_names_a_wrong_field(field: str, value: object) -> None:
    assert refusal("booking.created", CREATED | {field: value}).startswith(f"data.{field}: ")


def test_an_event_that_is_passed_on_keeps_every_field() -> None:
    data = {"accountId": "a", "": [1], "posted": {}, "amount": 2.0}
    assert (
        backend_events.read(REGISTRY, "notification.created", data, NOW_MS).payload.posted == data
    )


ACCOUNT = {"_id": "a", "role": "TELECALLER", "name": "A"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("_id", ""),
        ("_id", "x" * 129),
        ("role", ""),
        ("name", "x" * 4_001),
        ("about", "x" * 4_001),
        ("coins", -5),
        ("coins", 10**13),
        ("rates", {"AUDIO": -5}),
        ("rates", {"VIDEO": 10**13}),
        ("permissions", [""]),
        ("permissions", ["x"] * 101),
    ],
)
def test_the_error_names_a_wrong_field_of_an_account(field: str, value: object) -> None:
    assert refusal("account.upserted", ACCOUNT | {field: value}).startswith(f"data.{field}")


@pytest.mark.parametrize("type_", ["booking.created", "booking.updated"])
@pytest.mark.parametrize(
    ("given", "kept"), [(1e-200, 0), (0.1 + 0.2, 0.3), (12.345678901, 12.345678901), (1e12, 1e12)]
)
def test_an_amount_is_rounded_to_the_digits_that_a_row_keeps(
    type_: str, given: float, kept: float
) -> None:
    event = backend_events.read(REGISTRY, type_, CREATED | {"amount": given}, NOW_MS)
    assert event.payload.amount == kept


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        (NOW_MS, NOW_MS),
        (NOW_MS + 0.7, NOW_MS),
        ("2026-01-19T10:30:00.250Z", NOW_MS + 250),
        ("2026-01-19T12:30:00+02:00", NOW_MS),
    ],
)
def test_the_time_of_an_event_is_read_from_its_data(given: object, expected: int | None) -> None:
    event = backend_events.read(
        REGISTRY, "booking.assigned", ASSIGNED | {"happenedAt": given}, NOW_MS
    )
    assert event.happened_at_ms == expected


@pytest.mark.parametrize(
    "given", ["", "now", "2026-01-19T10:30:00", True, [], -1, NOW_MS + 300_001]
)
def test_an_invalid_time_is_refused(given: object) -> None:
    text = refusal("booking.assigned", ASSIGNED | {"happenedAt": given})
    assert text.startswith("data.happenedAt: ")


def test_the_posted_data_is_passed_on_unchanged() -> None:
    data = {"partnerId": "p", "total": 5, "nested": {"a": [1]}}
    event = backend_events.read(REGISTRY, "earnings.updated", data | {"happenedAt": NOW_MS}, NOW_MS)
    assert event.payload.posted == data


def test_events_without_a_time_keep_their_order() -> None:
    events = [
        backend_events.read(REGISTRY, "booking.assigned", ASSIGNED | more, NOW_MS)
        for more in ({}, {"happenedAt": 7}, {})
    ]
    stamps = [json.loads(one.data)["happenedAt"] for one in backend_events.stamp(events, NOW_MS)]
    assert stamps == [NOW_MS, 7, NOW_MS + 2]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([1] * 25, [10, 10, 5]),
        ([100_000] * 5, [2, 2, 1]),
        ([262_100, 1, 1], [1, 2]),
    ],
)
def test_a_request_to_the_bus_carries_as_many_events_as_it_may(
    sizes: list[int], expected: list[int]
) -> None:
    messages = [BusMessage("t", "x" * size) for size in sizes]
    found = list(tasks.batches(messages, lambda message: message.size))
    assert [len(batch) for batch in found] == expected
    assert [one for batch in found for one in batch] == messages


@pytest.mark.parametrize(
    ("at", "than", "older"),
    [
        (10_200, 10_900, True),
        (10_900, 10_200, False),
        (10_200, 10_200, False),
        (10_000, 10_900, False),
        (10_900, 10_000, False),
        (9_000, 10_900, True),
        (9_999, 10_000, True),
    ],
)
def test_within_a_second_no_event_is_older_than_one_exact_to_the_second(
    at: int, than: int, older: bool
) -> None:
    assert is_older(at, than) is older


def test_the_bus_s_time_is_exact_to_the_second() -> None:
    event: dict[str, Any] = {"time": "2026-01-19T10:30:00Z"}
    assert backend_events.time_of(event) == NOW_MS
