"""The states of a call and what moves it on, as data."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    RINGING = "RINGING"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    MISSED = "MISSED"
    COMPLETED = "COMPLETED"


class Trigger(StrEnum):
    """What can happen to a call. ``GONE``: a party's last connection closed."""

    ACCEPT = "accept"
    REJECT = "reject"
    CANCEL = "cancel"
    TIMEOUT = "timeout"
    END = "end"
    GONE = "gone"


TRANSITIONS: dict[tuple[Status, Trigger], Status] = {
    (Status.RINGING, Trigger.ACCEPT): Status.ACCEPTED,
    (Status.RINGING, Trigger.REJECT): Status.REJECTED,
    (Status.RINGING, Trigger.CANCEL): Status.CANCELLED,
    (Status.RINGING, Trigger.TIMEOUT): Status.MISSED,
    (Status.RINGING, Trigger.GONE): Status.MISSED,
    (Status.ACCEPTED, Trigger.END): Status.COMPLETED,
    (Status.ACCEPTED, Trigger.GONE): Status.COMPLETED,
}

FINAL = frozenset(Status) - {status for status, _ in TRANSITIONS}


def after(status: Status, trigger: Trigger) -> Status | None:
    """The next state, or None where the trigger means nothing in this one."""
    return TRANSITIONS.get((status, trigger))
