"""The states of a booking and what moves it on, as data."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    PENDING = "PENDING"
    PARTNER_ASSIGNED = "PARTNER_ASSIGNED"
    PARTNER_ACCEPTED = "PARTNER_ACCEPTED"
    ON_THE_WAY = "ON_THE_WAY"
    ARRIVED = "ARRIVED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


class Trigger(StrEnum):
    """What can happen to a booking. ``ASSIGN`` again gives it to another partner."""

    ASSIGN = "assign"
    ACCEPT = "accept"
    REJECT = "reject"
    DEPART = "depart"
    ARRIVE = "arrive"
    START = "start"
    COMPLETE = "complete"
    CANCEL = "cancel"


TRANSITIONS: dict[tuple[Status, Trigger], Status] = {
    (Status.PENDING, Trigger.ASSIGN): Status.PARTNER_ASSIGNED,
    (Status.PENDING, Trigger.CANCEL): Status.CANCELLED,
    (Status.PARTNER_ASSIGNED, Trigger.ASSIGN): Status.PARTNER_ASSIGNED,
    (Status.PARTNER_ASSIGNED, Trigger.ACCEPT): Status.PARTNER_ACCEPTED,
    (Status.PARTNER_ASSIGNED, Trigger.REJECT): Status.PENDING,
    (Status.PARTNER_ASSIGNED, Trigger.CANCEL): Status.CANCELLED,
    (Status.PARTNER_ACCEPTED, Trigger.DEPART): Status.ON_THE_WAY,
    (Status.PARTNER_ACCEPTED, Trigger.ARRIVE): Status.ARRIVED,
    (Status.PARTNER_ACCEPTED, Trigger.START): Status.IN_PROGRESS,
    (Status.PARTNER_ACCEPTED, Trigger.CANCEL): Status.CANCELLED,
    (Status.ON_THE_WAY, Trigger.ARRIVE): Status.ARRIVED,
    (Status.ON_THE_WAY, Trigger.START): Status.IN_PROGRESS,
    (Status.ON_THE_WAY, Trigger.CANCEL): Status.CANCELLED,
    (Status.ARRIVED, Trigger.START): Status.IN_PROGRESS,
    (Status.ARRIVED, Trigger.CANCEL): Status.CANCELLED,
    (Status.IN_PROGRESS, Trigger.COMPLETE): Status.COMPLETED,
}

FINAL = frozenset(Status) - {status for status, _ in TRANSITIONS}

ACTIVE = frozenset({Status.PARTNER_ACCEPTED, Status.ON_THE_WAY, Status.ARRIVED, Status.IN_PROGRESS})
"""The partner is on it: where they are goes to whoever tracks it."""

PARTNERS = {
    Status.ON_THE_WAY: Trigger.DEPART,
    Status.ARRIVED: Trigger.ARRIVE,
    Status.IN_PROGRESS: Trigger.START,
    Status.COMPLETED: Trigger.COMPLETE,
}
"""What leads to a status that the partner says it has come to."""

BACKENDS = PARTNERS | {
    Status.PENDING: Trigger.REJECT,
    Status.PARTNER_ACCEPTED: Trigger.ACCEPT,
    Status.CANCELLED: Trigger.CANCEL,
}
"""The same for the backend, which may say for both sides what they have told it otherwise."""

MESSAGES = {
    Status.PENDING: "We are looking for another partner",
    Status.PARTNER_ASSIGNED: "A partner has been assigned to your booking",
    Status.PARTNER_ACCEPTED: "Partner has accepted your booking",
    Status.ON_THE_WAY: "Partner is on the way",
    Status.ARRIVED: "Partner has arrived",
    Status.IN_PROGRESS: "Your service is in progress",
    Status.COMPLETED: "Your booking is completed",
    Status.CANCELLED: "Your booking has been cancelled",
}
"""What the customer reads."""


def after(status: Status, trigger: Trigger) -> Status | None:
    """The next state, or None where the trigger means nothing in this one."""
    return TRANSITIONS.get((status, trigger))
