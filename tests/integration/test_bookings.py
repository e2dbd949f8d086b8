"""Bookings on real engines: races, replays, tracking, messages."""

from __future__ import annotations

import random
from contextlib import suppress
from functools import partial as later
from typing import Any

import pytest

from functions.bookings import store
from functions.bookings.rows import Booking, Message, Partner
from shared.errors import Duplicate, Refusal
from shared.realtime import lifecycle
from tests.fakes import NOW_MS, Fakes
from tests.integration.booking_stage import (
    App,
    assigned,
    booking,
    created,
    customer,
    partner,
    report,
)
from tests.integration.conftest import Race

pytestmark = pytest.mark.usefixtures("tables")

ROUNDS = 40


def attempt(app: App, event: str, data: object) -> bool:
    """Send an event. Returns whether it was accepted, not refused."""
    with suppress(Refusal):
        app.send(event, data)
        return True
    return False


def updates_of(app: App, booking_id: str) -> list[Any]:
    """Return the status updates about a booking that an app has received."""
    received = app.received("booking:status_updated")
    return [one for one in received if one["bookingId"] == booking_id]


def test_of_two_partners_one_gets_the_booking(fakes: Fakes, race: Race) -> None:
    """One accepts while the backend assigns the booking to the other, who accepts as well."""
    carla, pedro, petra = customer(fakes), partner(fakes, "pedro"), partner(fakes, "petra")
    for number in range(ROUNDS):
        id_ = f"race-{number}"
        assigned(fakes, id_, "pedro")

        def reassigned_and_accepted(id_: str = id_) -> bool:
            report(fakes, "booking.assigned", NOW_MS + 5, bookingId=id_, partnerId="petra")
            return attempt(petra, "booking:accept", id_)

        pedros, petras = race(later(attempt, pedro, "booking:accept", id_), reassigned_and_accepted)
        assert pedros is not petras, id_
        winner, loser = ("pedro", "petra") if pedros else ("petra", "pedro")
        found = booking(id_)
        assert (found.status, found.partner_id) == ("PARTNER_ACCEPTED", winner)
        assert id_ in (store.partner(winner).active or ())
        assert store.open_entry(found) in (store.partner(winner).open or ())
        assert id_ not in (store.partner(loser).active or ())
        assert store.open_entry(found) not in (store.partner(loser).open or ())
        updates = updates_of(carla, id_)
        assert [one["status"] for one in updates] == ["PARTNER_ASSIGNED", "PARTNER_ACCEPTED"]


def test_of_accept_and_cancel_the_outcome_is_one(fakes: Fakes, race: Race) -> None:
    carla, pedro = customer(fakes), partner(fakes)
    for number in range(ROUNDS):
        id_ = f"cancel-{number}"
        assigned(fakes, id_, "pedro")
        accepted, cancelled = race(
            later(attempt, pedro, "booking:accept", id_),
            later(attempt, carla, "booking:cancel", {"bookingId": id_}),
        )
        assert cancelled  # before or after the accept: cancelling is possible until IN_PROGRESS
        assert booking(id_).status == "CANCELLED"
        row = store.partner("pedro")
        assert not row.active
        assert not row.open
        updates = updates_of(carla, id_)
        accepts = ["PARTNER_ACCEPTED"] if accepted else []
        assert sorted(one["status"] for one in updates) == sorted(
            ["PARTNER_ASSIGNED", *accepts, "CANCELLED"]
        )
        ends = [one for one in pedro.received("booking:cancelled") if one["bookingId"] == id_]
        assert len(ends) == 1


def test_of_start_and_cancel_one_happens(fakes: Fakes, race: Race) -> None:
    carla, pedro = customer(fakes), partner(fakes)
    for number in range(ROUNDS // 2):
        id_ = f"start-{number}"
        assigned(fakes, id_, "pedro")
        pedro.send("booking:accept", id_)
        started, cancelled = race(
            later(
                attempt, pedro, "booking:status_update", {"bookingId": id_, "status": "IN_PROGRESS"}
            ),
            later(attempt, carla, "booking:cancel", {"bookingId": id_}),
        )
        assert started is not cancelled
        assert booking(id_).status == ("IN_PROGRESS" if started else "CANCELLED")


def state() -> set[str]:
    """Return all rows of bookings and partners, as text."""
    rows = [*Booking.scan(consistent_read=True), *Partner.scan(consistent_read=True)]
    return {f"{type(row).__name__} {sorted(row.serialize().items())}" for row in rows}


def test_events_reported_twice_change_nothing_the_second_time(fakes: Fakes) -> None:
    customer(fakes)
    partner(fakes, "p1")
    events: list[tuple[str, int, dict[str, Any]]] = []
    for number in range(30):
        id_, at = f"b{number}", NOW_MS + 10 * number + 1
        events += [
            ("booking.created", at, created(id_)),
            ("booking.assigned", at + 1, {"bookingId": id_, "partnerId": f"p{number % 3}"}),
            ("booking.updated", at + 2, {"bookingId": id_, "amount": number + 1}),
            ("notification.created", at + 3, {"accountId": "carla", "number": number}),
        ]
    random.Random(7).shuffle(events)
    for type_, at, data in events:
        report(fakes, type_, at, **data)
    before, posted = state(), len(fakes.connections.posted)
    assert len(Booking.get("b7").serialize()) > 5
    assert {booking(f"b{number}").status for number in range(30)} == {"PARTNER_ASSIGNED"}
    assert [int(booking(f"b{number}").amount) for number in range(30)] == list(range(1, 31))
    for type_, at, data in events:
        report(fakes, type_, at, **data)
    assert state() == before
    assert len(fakes.connections.posted) == posted


def test_the_older_of_two_assignments_loses(fakes: Fakes) -> None:
    report(fakes, "booking.created", NOW_MS + 1, **created("b"))
    report(fakes, "booking.assigned", NOW_MS + 9, bookingId="b", partnerId="new")
    report(fakes, "booking.assigned", NOW_MS + 5, bookingId="b", partnerId="old")
    assert booking("b").partner_id == "new"


def test_fields_and_status_come_from_the_latest_report(fakes: Fakes) -> None:
    carla = customer(fakes)
    assigned(fakes, "b", "pedro")
    report(fakes, "booking.updated", NOW_MS + 9, bookingId="b", amount=2, status="PARTNER_ACCEPTED")
    report(fakes, "booking.updated", NOW_MS + 5, bookingId="b", amount=1, address="Elsewhere")
    report(fakes, "booking.updated", NOW_MS + 6, bookingId="b", status="PENDING")
    found = booking("b")
    assert (int(found.amount), found.address) == (2, "Elsewhere")
    assert found.status == "PARTNER_ACCEPTED"
    assert store.partner("pedro").active == {"b"}
    report(fakes, "booking.updated", NOW_MS + 19, bookingId="b", status="CANCELLED", reason="Storm")
    assert [one["status"] for one in carla.received("booking:status_updated")] == [
        "PARTNER_ASSIGNED",
        "PARTNER_ACCEPTED",
        "CANCELLED",
    ]


def test_a_rejected_assignment_that_is_reported_again_stays_rejected(fakes: Fakes) -> None:
    pedro = partner(fakes)
    assigned(fakes, "b", "pedro")
    pedro.send("booking:reject", {"bookingId": "b"})
    assigned(fakes, "b", "pedro")
    assert booking("b").status == "PENDING"
    assert len(pedro.received("booking:new_request")) == 1


def test_the_same_frame_twice_sends_nothing_more(fakes: Fakes) -> None:
    carla, pedro = customer(fakes), partner(fakes)
    assigned(fakes, "b", "pedro")
    pedro.send("booking:accept", "b", id_="once")
    with pytest.raises(Duplicate):
        pedro.send("booking:accept", "b", id_="once")
    message = {"recipientId": "carla", "message": "Hi", "bookingId": "b"}
    sent = pedro.send("message:send", message, id_="twice")
    with pytest.raises(Duplicate):
        pedro.send("message:send", message, id_="twice")
    (received,) = carla.received("message:received")
    assert received["id"] == sent.id
    assert len(list(Message.scan())) == 1


def test_the_same_frame_after_later_transitions_sends_nothing(fakes: Fakes) -> None:
    pedro = partner(fakes)
    assigned(fakes, "b", "pedro")
    pedro.send("booking:reject", {"bookingId": "b"}, id_="no")
    report(fakes, "booking.assigned", NOW_MS + 9, bookingId="b", partnerId="pedro")
    with pytest.raises(Duplicate):
        pedro.send("booking:reject", {"bookingId": "b"}, id_="no")
    pedro.send("booking:accept", "b", id_="yes")
    for status in ("ON_THE_WAY", "ARRIVED", "IN_PROGRESS", "COMPLETED"):
        pedro.send("booking:status_update", {"bookingId": "b", "status": status})
        with pytest.raises(Duplicate):
            pedro.send("booking:accept", "b", id_="yes")
    assert booking("b").status == "COMPLETED"
    assert len(booking("b").moved_by) == store.MAX_MOVES


def test_a_later_location_is_not_overtaken(fakes: Fakes) -> None:
    carla, pedro = customer(fakes), partner(fakes)
    assigned(fakes, "b", "pedro")
    carla.send("booking:track", "b")
    pedro.send("booking:accept", "b")
    for longitude, ms in ((1, 10), (3, 30), (2, 20)):
        pedro.send("location:update", {"latitude": 1e-200, "longitude": longitude}, ms=NOW_MS + ms)
    longitudes = [one["location"]["longitude"] for one in carla.received("partner:location_update")]
    assert longitudes == [1, 3]


def test_a_connection_that_has_left_tracks_no_more(fakes: Fakes) -> None:
    carla, pedro = customer(fakes), partner(fakes)
    assigned(fakes, "b", "pedro")
    pedro.send("booking:accept", "b")
    carla.send("booking:track", "b")
    assert store.partner("pedro").trackers
    lifecycle.mark_leaving(carla.connection_id)
    pedro.send("location:update", {"latitude": 1, "longitude": 1})
    assert not carla.received("partner:location_update")
    assert not store.partner("pedro").trackers


def test_tracking_and_untracking_twice_change_nothing_the_second_time(fakes: Fakes) -> None:
    carla, pedro = customer(fakes), partner(fakes)
    assigned(fakes, "b", "pedro")
    pedro.send("booking:accept", "b")
    for _ in range(2):
        carla.send("booking:track", "b")
    pedro.send("location:update", {"latitude": 1, "longitude": 1})
    assert len(carla.received("partner:location_update")) == 1
    for _ in range(2):
        carla.send("booking:untrack", "b")
    pedro.send("location:update", {"latitude": 1, "longitude": 1}, ms=NOW_MS + 1)
    assert len(carla.received("partner:location_update")) == 1
    assert not store.partner("pedro").trackers
    assert not booking("b").trackers


def test_a_late_untrack_changes_nothing(fakes: Fakes) -> None:
    carla, pedro = customer(fakes), partner(fakes)
    assigned(fakes, "b", "pedro")
    pedro.send("booking:accept", "b")
    for event, ms in (("track", 1), ("track", 3), ("track", 1), ("untrack", 2)):
        carla.send(f"booking:{event}", "b", ms=NOW_MS + ms)
    pedro.send("location:update", {"latitude": 1, "longitude": 1})
    assert len(carla.received("partner:location_update")) == 1
    carla.send("booking:untrack", "b", ms=NOW_MS + 4)
    assert not store.partner("pedro").trackers
    assert not booking("b").trackers


def test_a_late_typing_frame_sends_nothing(fakes: Fakes) -> None:
    carla, pedro = customer(fakes), partner(fakes)
    assigned(fakes, "b", "pedro")
    carla.send("typing:stop", "pedro", ms=NOW_MS + 9)
    carla.send("typing:start", "pedro", ms=NOW_MS + 5)
    assert pedro.received("typing:indicator") == [{"userId": "carla", "typing": False}]


def test_a_booking_that_is_over_does_not_count_as_shared(fakes: Fakes) -> None:
    carla = customer(fakes)
    partner(fakes)
    assigned(fakes, "b", "pedro")
    carla.send("message:send", {"recipientId": "pedro", "message": "Hi"})
    carla.send("booking:cancel", {"bookingId": "b"})
    with pytest.raises(Refusal, match="share no open booking"):
        carla.send("message:send", {"recipientId": "pedro", "message": "Hi"})
    carla.send("message:send", {"recipientId": "pedro", "message": "Bye", "bookingId": "b"})
