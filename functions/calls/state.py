"""The states of a call and the transitions between them, as data."""

from __future__ import annotations

from enum import StrEnum

from shared.calling import ring


class Status(StrEnum):
    """The state of a call."""

    RINGING = ring.RINGING
    ACCEPTED = ring.ACCEPTED
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    MISSED = "MISSED"
    COMPLETED = "COMPLETED"


class Trigger(StrEnum):
    """What can happen to a call. ``GONE``: the last connection of one of its parties has closed.
    ``STOP``: an admin ends it. ``BALANCE``: the user has no coins left for it."""

    ACCEPT = "accept"
    REJECT = "reject"
    CANCEL = "cancel"
    TIMEOUT = "timeout"
    END = "end"
    GONE = "gone"
    STOP = "stop"
    BALANCE = "balance"


TRANSITIONS: dict[tuple[Status, Trigger], Status] = {
    (Status.RINGING, Trigger.ACCEPT): Status.ACCEPTED,
    (Status.RINGING, Trigger.REJECT): Status.REJECTED,
    (Status.RINGING, Trigger.CANCEL): Status.CANCELLED,
    (Status.RINGING, Trigger.TIMEOUT): Status.MISSED,
    (Status.RINGING, Trigger.GONE): Status.MISSED,
    (Status.RINGING, Trigger.STOP): Status.CANCELLED,
    (Status.ACCEPTED, Trigger.END): Status.COMPLETED,
    (Status.ACCEPTED, Trigger.GONE): Status.COMPLETED,
    (Status.ACCEPTED, Trigger.STOP): Status.COMPLETED,
    (Status.ACCEPTED, Trigger.BALANCE): Status.COMPLETED,
}

FINAL = frozenset(Status) - {status for status, _ in TRANSITIONS}


def after(status: Status, trigger: Trigger) -> Status | None:
    """Return the next state, or None if the trigger changes nothing in this state."""
    return TRANSITIONS.get((status, trigger))
