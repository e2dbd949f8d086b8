"""What the stream of the bookings table leads to, batch by batch."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from functions.bookings import counts, stream
from functions.bookings.rows import Booking
from shared.aws.lambda_entry import Event
from shared.settings import Settings, settings
from tests.fakes import NOW_MS, Fakes

BASE: dict[str, Any] = {
    "customer_id": "c",
    "booking_number": "BK",
    "service": "s",
    "scheduled_at": "t",
    "address": "a",
    "amount": 5,
}


@pytest.fixture(autouse=True)
def ports(tables: Settings, fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "ports", lambda: fakes.ports)
    monkeypatch.setattr("functions.bookings.stream.time.sleep", lambda _: _advance(fakes))


def _advance(fakes: Fakes) -> None:
    fakes.clock.now += 1_000


def image(status: str | None, updated_at: int = 1) -> dict[str, Any] | None:
    """Return a booking's row as a stream has it. Returns None if ``status`` is None."""
    if status is None:
        return None
    return Booking("b", status=status, updated_at=updated_at, **BASE).serialize()


def change(before: str | None, after: str | None, **after_more: int) -> dict[str, Any]:
    """Return a record of a change from one status to another; None is a row that does not exist."""
    images = {"OldImage": image(before), "NewImage": image(after, **after_more)}
    return {
        "eventID": uuid.uuid4().hex,
        "eventSourceARN": f"arn:aws:dynamodb:us-east-1:1:table/{settings().tables['bookings']}/s/1",
        "dynamodb": {
            "ApproximateCreationDateTime": NOW_MS / 1000,
            "Keys": {"bookingId": {"S": "b"}},
        }
        | {name: one for name, one in images.items() if one is not None},
    }


def hand_in(*records: dict[str, Any]) -> None:
    """Invoke the function with a batch."""
    event: Event = {"Records": list(records), "requestContext": {"requestId": "r"}}
    stream.handler(event, None)


def broadcasts(fakes: Fakes) -> list[str]:
    """Return the names of all events that were broadcast."""
    return [one.event for one in fakes.tasks.broadcasts]


def test_changes_are_announced_and_counted(fakes: Fakes) -> None:
    hand_in(
        change(None, "PENDING"),
        change("PENDING", "PARTNER_ASSIGNED", updated_at=2),
        change("PENDING", "PENDING"),
    )
    assert broadcasts(fakes) == ["booking:created", "booking:updated", "dashboard:stats_update"]
    numbers = counts.read(NOW_MS)
    assert numbers.by_status["PARTNER_ASSIGNED"] == 1
    assert numbers.by_status["PENDING"] == 0
    assert numbers.today == {"created": 1, "completed": 0, "cancelled": 0}


def test_a_batch_that_is_handed_in_again_counts_once() -> None:
    batch = [change(None, "PENDING"), change("IN_PROGRESS", "COMPLETED", updated_at=2)]
    for _ in range(3):
        hand_in(*batch)
    numbers = counts.read(NOW_MS)
    assert numbers.by_status["PENDING"] == 1
    assert numbers.by_status["COMPLETED"] == 1
    assert numbers.today == {"created": 1, "completed": 1, "cancelled": 0}


def test_a_batch_that_is_split_counts_once_and_its_numbers_are_announced(fakes: Fakes) -> None:
    batch = [
        change(None, "PENDING"),
        change("PENDING", "PARTNER_ASSIGNED", updated_at=2),
        change("PARTNER_ASSIGNED", "CANCELLED", updated_at=3),
        change(None, "PENDING", updated_at=4),
    ]
    hand_in(*batch)
    for part in (batch, batch[:2], batch[2:], batch[:1], batch[1:2], batch[2:3], batch[3:]):
        before = len(fakes.tasks.broadcasts)
        hand_in(*part)
        assert "dashboard:stats_update" in broadcasts(fakes)[before:]
        numbers = counts.read(NOW_MS)
        assert {name: one for name, one in numbers.by_status.items() if one} == {
            "PENDING": 1,
            "CANCELLED": 1,
        }
        assert numbers.today == {"created": 2, "completed": 0, "cancelled": 1}
    updates = {one.once for one in fakes.tasks.broadcasts if one.event.startswith("booking:")}
    assert len(updates) == len(batch), "SQS sends what has the same id once"


def test_the_numbers_are_announced_once_a_second_and_in_the_end(fakes: Fakes) -> None:
    for _ in range(3):
        hand_in(change(None, "PENDING"))
    updates = [one for one in fakes.tasks.broadcasts if one.event == "dashboard:stats_update"]
    assert [one.payload.by_status["PENDING"] for one in updates] == [1, 2, 3]
    assert fakes.clock.now >= NOW_MS + 2_000


def test_while_an_invocation_waits_no_other_announces_the_numbers(fakes: Fakes) -> None:
    assert counts.claim_announcement(NOW_MS)
    assert counts.claim_wait(NOW_MS + 100)
    assert not counts.claim_announcement(NOW_MS + 1_050)
    assert not counts.claim_wait(NOW_MS + 1_050)
    counts.end_wait(NOW_MS + 1_100)
    assert not counts.claim_announcement(NOW_MS + 1_200)
    assert counts.claim_wait(NOW_MS + 1_200)
    # After MAX_WAIT_MS, the invocation that waits is known to have failed.
    assert counts.claim_announcement(NOW_MS + 1_200 + counts.MAX_WAIT_MS)


def test_an_event_that_waits_for_its_booking_is_not_announced(fakes: Fakes) -> None:
    early = {"bookingId": {"S": "b"}, "early": {"L": [{"S": "{}"}]}}
    record = change(None, "PENDING")
    hand_in(record | {"dynamodb": record["dynamodb"] | {"NewImage": early}})
    assert broadcasts(fakes) == []


def test_a_record_that_cannot_be_announced_is_counted_and_the_others_are_announced(
    fakes: Fakes, caplog: pytest.LogCaptureFixture
) -> None:
    poison = change(None, "PENDING")
    poison["dynamodb"]["NewImage"]["createdAt"] = {"N": "no number"}
    hand_in(poison, change(None, "PENDING"))
    assert broadcasts(fakes) == ["booking:created", "dashboard:stats_update"]
    assert "record set aside" in caplog.messages
    assert counts.read(NOW_MS).by_status["PENDING"] == 2
