"""Statuses that the backend reports: at once, in any order, early, and while processes die."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial as later
from typing import Any

import pytest

from functions.bookings import store, unannounced
from functions.bookings.rows import Booking
from tests.fakes import NOW_MS, Fakes
from tests.integration.booking_stage import (
    App,
    assigned,
    booking,
    created,
    customer,
    partner,
    report,
    sweep,
)
from tests.integration.chat import Overtaken
from tests.integration.conftest import Race

pytestmark = pytest.mark.usefixtures("tables")

COURSE = ["PARTNER_ACCEPTED", "ON_THE_WAY", "ARRIVED", "IN_PROGRESS", "COMPLETED"]
ORDER = ["PENDING", "PARTNER_ASSIGNED", *COURSE, "CANCELLED"]

Report = tuple[str, int, dict[str, Any]]


class Died(BaseException):
    """The process has ended."""


def status(id_: str, value: str, at: int) -> Report:
    return "booking.updated", NOW_MS + at, {"bookingId": id_, "status": value}


def course(id_: str) -> list[Report]:
    """Return the reports of a booking from its creation to its end, in order."""
    return [
        ("booking.created", NOW_MS + 1, created(id_)),
        ("booking.assigned", NOW_MS + 2, {"bookingId": id_, "partnerId": "pedro"}),
        *(status(id_, value, 3 + number) for number, value in enumerate(COURSE)),
    ]


def send(fakes: Fakes, one: Report) -> None:
    type_, at_ms, data = one
    report(fakes, type_, at_ms, **data)


def heard(app: App, id_: str) -> list[str]:
    received = app.received("booking:status_updated")
    return [one["status"] for one in received if one["bookingId"] == id_]


def test_in_whatever_order_reports_arrive_the_newest_status_wins(fakes: Fakes) -> None:
    carla, pedro = customer(fakes), partner(fakes)
    numbers = random.Random(3)
    for number in range(30):
        id_ = f"b{number}"
        reports = course(id_)
        numbers.shuffle(reports)
        for one in reports:
            send(fakes, one)
            if numbers.random() < 0.3:
                send(fakes, numbers.choice(reports[: reports.index(one) + 1]))
        found = booking(id_)
        assert (found.status, found.waiting, found.unannounced) == ("COMPLETED", None, None)
        statuses = heard(carla, id_)
        assert statuses == sorted(set(statuses), key=ORDER.index), reports
        assert statuses[0] == "PARTNER_ASSIGNED"
        assert statuses[-1] == "COMPLETED"
        before = len(fakes.connections.posted)
        for one in reports:
            send(fakes, one)
        assert len(fakes.connections.posted) == before
        assert booking(id_).status == "COMPLETED"
    row = store.partner("pedro")
    assert not row.open
    assert not row.active
    assert len(pedro.received("booking:new_request")) == 30


def test_reports_at_once_end_in_the_newest(fakes: Fakes, race: Race) -> None:
    carla = customer(fakes)
    for number in range(8):
        id_ = f"b{number}"
        reports = course(id_)
        random.Random(number).shuffle(reports)
        race(*(later(send, fakes, one) for one in reports))
        assert booking(id_).status == "COMPLETED", number
        assert heard(carla, id_)[-1] == "COMPLETED"


def test_a_report_that_two_processes_apply_is_announced_by_one(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process must not take the first one's write for its own."""
    carla = customer(fakes)
    assigned(fakes, "b", "pedro")
    accepted, commit = status("b", "PARTNER_ACCEPTED", 5), store._commit

    def commit_after_the_other(*arguments: Any) -> bool:
        monkeypatch.setattr(store, "_commit", commit)
        send(fakes, accepted)
        return commit(*arguments)

    monkeypatch.setattr(store, "_commit", commit_after_the_other)
    send(fakes, accepted)
    assert heard(carla, "b") == ["PARTNER_ASSIGNED", "PARTNER_ACCEPTED"]


def test_a_status_waits_for_the_partner_s_own_accept(fakes: Fakes) -> None:
    carla, pedro = customer(fakes), partner(fakes)
    assigned(fakes, "b", "pedro")
    send(fakes, status("b", "IN_PROGRESS", 9))
    send(fakes, status("b", "ON_THE_WAY", 8))
    assert booking("b").status == "PARTNER_ASSIGNED"
    pedro.send("booking:accept", "b")
    assert booking("b").status == "IN_PROGRESS"
    assert heard(carla, "b") == [
        "PARTNER_ASSIGNED",
        "PARTNER_ACCEPTED",
        "ON_THE_WAY",
        "IN_PROGRESS",
    ]
    assert not booking("b").unannounced


def test_what_waits_for_an_earlier_partner_does_not_apply_to_the_next(fakes: Fakes) -> None:
    partner(fakes)
    report(fakes, "booking.created", NOW_MS + 1, **created("b"))
    send(fakes, status("b", "PARTNER_ACCEPTED", 5))
    report(fakes, "booking.assigned", NOW_MS + 9, bookingId="b", partnerId="pedro")
    found = booking("b")
    assert (found.status, found.waiting) == ("PARTNER_ASSIGNED", None)


def test_a_reject_that_arrives_before_its_assignment_is_the_newer(fakes: Fakes) -> None:
    carla, pedro = customer(fakes), partner(fakes)
    report(fakes, "booking.created", NOW_MS + 1, **created("b"))
    send(fakes, status("b", "PENDING", 5))
    report(fakes, "booking.assigned", NOW_MS + 3, bookingId="b", partnerId="pedro")
    assert booking("b").status == "PENDING"
    assert not heard(carla, "b")
    report(fakes, "booking.assigned", NOW_MS + 7, bookingId="b", partnerId="pedro")
    assert booking("b").status == "PARTNER_ASSIGNED"
    assert len(pedro.received("booking:new_request")) == 1


def test_so_many_statuses_wait_and_the_oldest_are_dropped(fakes: Fakes) -> None:
    report(fakes, "booking.created", NOW_MS + 1, **created("b"))
    for number in range(store.MAX_WAITING + 5):
        send(fakes, status("b", "COMPLETED", 10 + number))
    assert len(booking("b").waiting) == store.MAX_WAITING


def dying(real: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        if after:
            for _ in real(*arguments, **named) or ():
                pass
        raise Died

    return call


@pytest.mark.parametrize("moment", ["before", "after", "together"])
@pytest.mark.parametrize("number", range(1, 7))
def test_a_report_is_announced_though_its_process_dies(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch, moment: str, number: int
) -> None:
    """The sweep announces it. If the process died after it had sent, it is sent twice."""
    carla, pedro = customer(fakes), partner(fakes)
    reports = course("b")
    for one in reports[:number]:
        send(fakes, one)
    posted = len(fakes.connections.posted)
    with monkeypatch.context() as patch:
        if moment == "together":  # right after the write
            patch.setattr("functions.bookings.announce.together", dying(list, after=False))
        else:
            post_all = dying(fakes.connections.post_all, after=moment == "after")
            patch.setattr(fakes.connections, "post_all", post_all)
        with pytest.raises(Died):
            send(fakes, reports[number])
    for _ in range(3):
        send(fakes, reports[number])
        sweep(fakes)
    times = 2 if moment == "after" else 1
    expected = (["PARTNER_ASSIGNED", *COURSE][number - 1],) * times
    assert tuple(heard(carla, "b")[-times:]) == expected
    assert len(fakes.connections.posted) == posted + times * (3 if number == 1 else 1)
    if number == 1:
        assert len(pedro.received("booking:new_request")) == times
        assert len(carla.received("partner:assigned")) == times
    assert not booking("b").unannounced


@pytest.mark.parametrize("last", ["PARTNER_ACCEPTED", "created"])
def test_a_chain_of_statuses_goes_on_after_its_process_has_died(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    """The report that makes the others possible is delivered again, and the sweep announces."""
    carla = customer(fakes)
    reports = course("b")
    first = reports.pop(0 if last == "created" else 2)
    for one in reports:
        send(fakes, one)
    with monkeypatch.context() as patch:
        patch.setattr(fakes.connections, "post_all", dying(fakes.connections.post_all, after=True))
        with pytest.raises(Died):
            send(fakes, first)
    send(fakes, first)
    sweep(fakes)
    assert booking("b").status == "COMPLETED"
    assert heard(carla, "b")[-1] == "COMPLETED"
    assert not booking("b").unannounced
    statuses = heard(carla, "b")
    assert statuses == sorted(statuses, key=ORDER.index)


def test_what_a_dead_process_has_left_is_announced_in_order(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    carla, pedro = customer(fakes), partner(fakes)
    assigned(fakes, "b", "pedro")
    with monkeypatch.context() as patch:
        patch.setattr(fakes.connections, "post_all", dying(list, after=False))
        with pytest.raises(Died):
            send(fakes, status("b", "PARTNER_ACCEPTED", 5))
    send(fakes, status("b", "CANCELLED", 9))
    assert heard(carla, "b") == ["PARTNER_ASSIGNED"], "the first process may still be at it"
    sweep(fakes)
    assert heard(carla, "b") == ["PARTNER_ASSIGNED", "PARTNER_ACCEPTED", "CANCELLED"]
    assert len(pedro.received("booking:cancelled")) == 1
    assert not booking("b").unannounced


def test_a_later_transition_announces_what_is_overdue_before_its_own_events(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    carla, pedro = customer(fakes), partner(fakes)
    assigned(fakes, "b", "pedro")
    with monkeypatch.context() as patch:
        patch.setattr(fakes.connections, "post_all", dying(list, after=False))
        with pytest.raises(Died):
            pedro.send("booking:accept", "b")
    fakes.clock.now += 40_000
    carla.send("booking:cancel", {"bookingId": "b"})
    assert heard(carla, "b") == ["PARTNER_ASSIGNED", "PARTNER_ACCEPTED", "CANCELLED"]
    assert not booking("b").unannounced
    posted = len(fakes.connections.posted)
    sweep(fakes)
    assert len(fakes.connections.posted) == posted


@pytest.mark.parametrize("recovers", [True, False])
def test_a_connection_that_has_missed_an_event_receives_it_later_and_no_other_does(
    fakes: Fakes, recovers: bool
) -> None:
    carla, other, pedro = customer(fakes), customer(fakes), partner(fakes)
    assigned(fakes, "b", "pedro")
    fakes.connections.broken = {other.connection_id}
    pedro.send("booking:accept", "b")
    assert heard(carla, "b") == ["PARTNER_ASSIGNED", "PARTNER_ACCEPTED"]
    sweep(fakes)
    assert heard(other, "b") == ["PARTNER_ASSIGNED"]
    if recovers:
        fakes.connections.broken.clear()
    sweep(fakes, 60 if recovers else 400)
    assert heard(carla, "b") == ["PARTNER_ASSIGNED", "PARTNER_ACCEPTED"]
    assert heard(other, "b") == heard(carla, "b")[: 2 if recovers else 1]
    assert not booking("b").unannounced
    assert not (unannounced.Listed.get(unannounced.NAME).booking_ids)


def test_a_connection_that_has_missed_a_status_does_not_receive_it_after_a_newer_one(
    fakes: Fakes,
) -> None:
    carla, pedro = customer(fakes), partner(fakes)
    assigned(fakes, "b", "pedro")
    fakes.connections.broken = {carla.connection_id}
    pedro.send("booking:accept", "b")
    fakes.connections.broken.clear()
    pedro.send("booking:status_update", {"bookingId": "b", "status": "ON_THE_WAY"})
    sweep(fakes)
    assert heard(carla, "b") == ["PARTNER_ASSIGNED", "ON_THE_WAY"]
    assert not booking("b").unannounced


@pytest.mark.parametrize("by", ["report", "frame"])
def test_a_status_that_is_overtaken_while_it_is_sent_is_not_the_last(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    carla = customer(fakes)
    assigned(fakes, "b", "pedro")

    def cancel() -> None:
        if by == "report":
            send(fakes, status("b", "CANCELLED", 9))
        else:
            carla.send("booking:cancel", {"bookingId": "b"})

    overtaken = Overtaken(fakes.connections.post_all, cancel)
    monkeypatch.setattr(fakes.connections, "post_all", overtaken)
    send(fakes, status("b", "PARTNER_ACCEPTED", 5))
    assert booking("b").status == "CANCELLED"
    assert heard(carla, "b") == ["PARTNER_ASSIGNED", "PARTNER_ACCEPTED", "CANCELLED"]
    assert not booking("b").unannounced


def test_a_frame_s_chain_goes_on_after_its_process_has_died(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    carla, pedro = customer(fakes), partner(fakes)
    assigned(fakes, "b", "pedro")
    send(fakes, status("b", "ON_THE_WAY", 9))
    with monkeypatch.context() as patch:
        patch.setattr(fakes.connections, "post_all", dying(list, after=False))
        with pytest.raises(Died):
            pedro.send("booking:accept", "b")
    assert heard(carla, "b") == ["PARTNER_ASSIGNED"]
    sweep(fakes)
    assert heard(carla, "b") == ["PARTNER_ASSIGNED", "PARTNER_ACCEPTED", "ON_THE_WAY"]


def test_an_early_report_that_is_delivered_twice_waits_once(fakes: Fakes) -> None:
    for _ in range(store.MAX_EARLY_EVENTS + 2):
        send(fakes, status("b", "CANCELLED", 5))
    assert len(Booking.get("b").early) == 1
