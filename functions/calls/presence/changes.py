"""What a change of a row means, as pure functions of the row before and after.

Rows are in the form in which DynamoDB streams carry them (``{"S": …}``). A row is None if it did
not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from functions.calls.namespaces import TELECALLER, USER
from functions.calls.presence import ring_times
from shared.aws.metrics import Metric
from shared.aws.streams import Row
from shared.calling import ring
from shared.realtime import people

Numbers = dict[str, int]

ENDS = {
    "completed": Metric.CALLS_COMPLETED,
    "missed": Metric.CALLS_MISSED,
    "rejected": Metric.CALLS_REJECTED,
    "cancelled": Metric.CALLS_CANCELLED,
}


class Presence(StrEnum):
    """A telecaller's presence as users see it."""

    OFFLINE = "OFFLINE"
    ONLINE = "ONLINE"
    ON_CALL = "ON_CALL"


def presence(row: Row) -> Presence:
    """Return the presence that users see. A telecaller whose call still rings is ``ONLINE``, and so
    is one without a connection who can be called, because a push wakes their app."""
    if not row or not ("connections" in row or people.is_wakeable(row)):
        return Presence.OFFLINE
    return Presence.ON_CALL if ring.on_image(row).status == ring.ACCEPTED else Presence.ONLINE


def of_person(namespace: str, before: Row, after: Row) -> Numbers:
    """Return what a change of a person's row adds to the live numbers."""
    then, now = _numbers(namespace, before), _numbers(namespace, after)
    return {name: now[name] - then[name] for name in now}


def of_connection(before: Row, after: Row) -> Numbers:
    """Return what a change of a connection's row adds to the live numbers."""
    return {"connections": (after is not None) - (before is not None)}


def of_call(record: Mapping[str, Any]) -> Numbers:
    """Return what a call between user and telecaller adds to the numbers of the day it has ended.

    Returns no numbers for a call of another product.
    """
    if record.get("product", {"S": "calls"})["S"] != "calls":
        return {}
    numbers = {record["status"]["S"].lower(): 1}
    if "acceptedAt" in record:
        ring_ms = float(record["acceptedAt"]["N"]) - float(record["startedAt"]["N"])
        numbers |= {
            ring_times.bucket(ring_ms): 1,
            "seconds": int(record["durationSeconds"]["N"]),
            "coins": int(record["coins"]["N"]),
        }
    return numbers


def begun(namespace: str, before: Row, after: Row) -> dict[Metric, int]:
    """Return how many calls a change of a telecaller's row has started or answered."""
    if namespace != TELECALLER.path or ring.on_image(before) == ring.on_image(after):
        return {}
    match ring.on_image(after).status:
        case ring.RINGING:
            return {Metric.CALLS_STARTED: 1}
        case ring.ACCEPTED:
            return {Metric.CALLS_ANSWERED: 1}
    return {}


def come_or_gone(before: Row, after: Row) -> dict[Metric, int]:
    """Return how many connections a change of a connection's row has opened or closed."""
    return {
        Metric.CONNECTIONS_OPENED: int(before is None),
        Metric.CONNECTIONS_CLOSED: int(after is None),
    }


def over(record: Mapping[str, Any]) -> dict[Metric, int]:
    """Return the metrics of a call between user and telecaller that is over."""
    added = of_call(record)
    numbers = {metric: added[outcome] for outcome, metric in ENDS.items() if outcome in added}
    if Metric.CALLS_COMPLETED in numbers:
        numbers[Metric.CALL_SECONDS] = int(record["durationSeconds"]["N"])
        numbers[Metric.CALL_COINS] = int(record["coins"]["N"])
    return numbers


def _numbers(namespace: str, row: Row) -> Numbers:
    """Return what a person's row adds to the live numbers."""
    online = "connections" in (row or {})
    if namespace == USER.path:
        return {"onlineUsers": int(online)}
    if namespace == TELECALLER.path:
        status = ring.on_image(row).status
        return {
            "onlineTelecallers": int(online),
            "ringing": int(status == ring.RINGING),
            "accepted": int(status == ring.ACCEPTED),
        }
    return {}
