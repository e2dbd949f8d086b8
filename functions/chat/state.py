"""The states of a chat call and its transitions, as data."""

from __future__ import annotations

from enum import StrEnum

from shared.calling import ring


class Status(StrEnum):
    RINGING = ring.RINGING
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    MISSED = "MISSED"
    COMPLETED = "COMPLETED"


class Trigger(StrEnum):
    """What can happen to a call. ``GONE``: the last tab of a party has closed. ``STOP``: an admin
    ends it."""

    ACCEPT = "accept"
    REJECT = "reject"
    CALLER_ENDS = "caller ends"
    CALLEE_ENDS = "callee ends"
    TIMEOUT = "timeout"
    GONE = "gone"
    STOP = "stop"


TRANSITIONS: dict[tuple[Status, Trigger], Status] = {
    (Status.RINGING, Trigger.ACCEPT): Status.ACCEPTED,
    (Status.RINGING, Trigger.REJECT): Status.REJECTED,
    (Status.RINGING, Trigger.CALLER_ENDS): Status.CANCELLED,
    (Status.RINGING, Trigger.CALLEE_ENDS): Status.REJECTED,
    (Status.RINGING, Trigger.TIMEOUT): Status.MISSED,
    (Status.RINGING, Trigger.GONE): Status.MISSED,
    (Status.RINGING, Trigger.STOP): Status.CANCELLED,
    (Status.ACCEPTED, Trigger.CALLER_ENDS): Status.COMPLETED,
    (Status.ACCEPTED, Trigger.CALLEE_ENDS): Status.COMPLETED,
    (Status.ACCEPTED, Trigger.GONE): Status.COMPLETED,
    (Status.ACCEPTED, Trigger.STOP): Status.COMPLETED,
}

FINAL = frozenset(Status) - {status for status, _ in TRANSITIONS}


def after(status: Status, trigger: Trigger) -> Status | None:
    """Return the next state. Returns None if the trigger has no effect in this state."""
    return TRANSITIONS.get((status, trigger))
