"""Every pair of a booking's state and a trigger."""

from __future__ import annotations

from itertools import product

import pytest

from functions.bookings.state import (
    ACTIVE,
    BACKEND_TRIGGERS,
    FINAL,
    MESSAGES,
    PARTNER_TRIGGERS,
    Status,
    Trigger,
    after,
    can_become,
)

PENDING, ASSIGNED, ACCEPTED = Status.PENDING, Status.PARTNER_ASSIGNED, Status.PARTNER_ACCEPTED
ON_THE_WAY, ARRIVED, IN_PROGRESS = Status.ON_THE_WAY, Status.ARRIVED, Status.IN_PROGRESS
COMPLETED, CANCELLED = Status.COMPLETED, Status.CANCELLED

LEADS = {
    Trigger.ASSIGN: {PENDING: ASSIGNED, ASSIGNED: ASSIGNED},
    Trigger.ACCEPT: {ASSIGNED: ACCEPTED},
    Trigger.REJECT: {ASSIGNED: PENDING},
    Trigger.DEPART: {ACCEPTED: ON_THE_WAY},
    Trigger.ARRIVE: dict.fromkeys((ACCEPTED, ON_THE_WAY), ARRIVED),
    Trigger.START: dict.fromkeys((ACCEPTED, ON_THE_WAY, ARRIVED), IN_PROGRESS),
    Trigger.COMPLETE: {IN_PROGRESS: COMPLETED},
    Trigger.CANCEL: dict.fromkeys((PENDING, ASSIGNED, ACCEPTED, ON_THE_WAY, ARRIVED), CANCELLED),
}


@pytest.mark.parametrize(("status", "trigger"), list(product(Status, Trigger)))
def test_every_pair(status: Status, trigger: Trigger) -> None:
    assert after(status, trigger) is LEADS[trigger].get(status)


def test_completed_and_cancelled_are_final() -> None:
    assert {COMPLETED, CANCELLED} == FINAL


def test_a_booking_is_active_from_accepted_to_in_progress() -> None:
    assert {ACCEPTED, ON_THE_WAY, ARRIVED, IN_PROGRESS} == ACTIVE


def test_every_trigger_of_a_status_leads_to_it() -> None:
    for triggers in (PARTNER_TRIGGERS, BACKEND_TRIGGERS):
        for status, trigger in triggers.items():
            assert status in {after(before, trigger) for before in Status}


def test_every_status_has_a_text_for_the_customer() -> None:
    assert set(MESSAGES) == set(Status)
    assert MESSAGES[ACCEPTED] == "Partner has accepted your booking"


def test_what_lies_ahead() -> None:
    ahead = {
        Status.PENDING: set(Status),
        Status.PARTNER_ASSIGNED: set(Status),
        Status.PARTNER_ACCEPTED: {*list(Status)[3:]},
        Status.ON_THE_WAY: {*list(Status)[4:]},
        Status.ARRIVED: {*list(Status)[5:]},
        Status.IN_PROGRESS: {Status.COMPLETED},
        Status.COMPLETED: set(),
        Status.CANCELLED: set(),
    }
    for status, expected in ahead.items():
        assert {wanted for wanted in Status if can_become(status, wanted)} == expected, status
