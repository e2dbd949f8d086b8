"""The states of a booking and its transitions, as data."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """The state of a booking, in the order in which a booking goes through them.

    ``COMPLETED`` and ``CANCELLED`` are final.
    """

    PENDING = "PENDING"
    PARTNER_ASSIGNED = "PARTNER_ASSIGNED"
    PARTNER_ACCEPTED = "PARTNER_ACCEPTED"
    ON_THE_WAY = "ON_THE_WAY"
    ARRIVED = "ARRIVED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


class Trigger(StrEnum):
    """What can happen to a booking.

    ``ASSIGN`` while a partner is assigned gives the booking to another partner.
    """

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
"""The states without a transition."""

ACTIVE = frozenset({Status.PARTNER_ACCEPTED, Status.ON_THE_WAY, Status.ARRIVED, Status.IN_PROGRESS})
"""The partner has accepted and works on the booking. Their location goes to the connections that
track it."""

PARTNER_TRIGGERS = {
    Status.ON_THE_WAY: Trigger.DEPART,
    Status.ARRIVED: Trigger.ARRIVE,
    Status.IN_PROGRESS: Trigger.START,
    Status.COMPLETED: Trigger.COMPLETE,
}
"""The trigger for each status that a partner may set."""

BACKEND_TRIGGERS = PARTNER_TRIGGERS | {
    Status.PENDING: Trigger.REJECT,
    Status.PARTNER_ACCEPTED: Trigger.ACCEPT,
    Status.CANCELLED: Trigger.CANCEL,
}
"""The trigger for each status that the backend may report. It may report for both parties what they
have done outside of this stack."""

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
"""The text for the customer about each status."""


def after(status: Status, trigger: Trigger) -> Status | None:
    """Return the next state. Returns None if the trigger has no effect in this state."""
    return TRANSITIONS.get((status, trigger))


def can_become(status: Status, wanted: Status) -> bool:
    """Return whether a booking may have the status ``wanted`` after one transition or more."""
    return wanted in _LATER[status]


def _later(status: Status) -> frozenset[Status]:
    reached: set[Status] = set()
    left = {status}
    while left:
        one = left.pop()
        new = {after for (before, _), after in TRANSITIONS.items() if before is one} - reached
        reached |= new
        left |= new
    return frozenset(reached)


_LATER = {status: _later(status) for status in Status}
