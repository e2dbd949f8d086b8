"""What a change of a row means, as pure functions of the row before and after.

Rows are in the form in which DynamoDB streams carry them (``{"S": …}``), None where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from functions.calls.namespaces import TELECALLER, USER
from shared.aws.metrics import Metric
from shared.aws.streams import Row

Numbers = dict[str, int]

ENDS = {
    "completed": Metric.CALLS_COMPLETED,
    "missed": Metric.CALLS_MISSED,
    "rejected": Metric.CALLS_REJECTED,
    "cancelled": Metric.CALLS_CANCELLED,
}


class Presence(StrEnum):
    OFFLINE = "OFFLINE"
    ONLINE = "ONLINE"
    ON_CALL = "ON_CALL"


def presence(row: Row) -> Presence:
    """As others see it: a telecaller who is being rung is still announced as online."""
    if not row or "connections" not in row:
        return Presence.OFFLINE
    return Presence.ON_CALL if _call_status(row) == "ACCEPTED" else Presence.ONLINE


def of_person(namespace: str, before: Row, after: Row) -> Numbers:
    """What a change of a person's row adds to the live numbers."""
    then, now = _numbers(namespace, before), _numbers(namespace, after)
    return {name: now[name] - then[name] for name in now}


def of_connection(before: Row, after: Row) -> Numbers:
    return {"connections": (after is not None) - (before is not None)}


def of_call(record: Mapping[str, Any]) -> Numbers:
    """What a finished call between user and telecaller adds to its day."""
    if record.get("product", {"S": "calls"})["S"] != "calls":
        return {}
    return {record["status"]["S"].lower(): 1}


def begun(namespace: str, before: Row, after: Row) -> dict[Metric, int]:
    """The calls that a change of a telecaller's row has started or answered."""
    if namespace != TELECALLER.path or _call(before) == _call(after):
        return {}
    match _call_status(after):
        case "RINGING":
            return {Metric.CALLS_STARTED: 1}
        case "ACCEPTED":
            return {Metric.CALLS_ANSWERED: 1}
    return {}


def come_or_gone(before: Row, after: Row) -> dict[Metric, int]:
    return {
        Metric.CONNECTIONS_OPENED: int(before is None),
        Metric.CONNECTIONS_CLOSED: int(after is None),
    }


def over(record: Mapping[str, Any]) -> dict[Metric, int]:
    """What a finished call between user and telecaller comes to."""
    numbers = {ENDS[outcome]: one for outcome, one in of_call(record).items()}
    if Metric.CALLS_COMPLETED in numbers:
        numbers[Metric.CALL_SECONDS] = int(record["durationSeconds"]["N"])
        numbers[Metric.CALL_COINS] = int(record["coins"]["N"])
    return numbers


def _numbers(namespace: str, row: Row) -> Numbers:
    online = presence(row) is not Presence.OFFLINE
    if namespace == USER.path:
        return {"online_users": int(online)}
    if namespace == TELECALLER.path:
        status = _call_status(row)
        return {
            "online_telecallers": int(online),
            "ringing": int(status == "RINGING"),
            "accepted": int(status == "ACCEPTED"),
        }
    return {}


def _call(row: Row) -> tuple[str | None, str | None]:
    """Id and status of the call that a row is in."""
    call = (row or {}).get("call", {}).get("M", {})
    return call.get("id", {}).get("S"), call.get("status", {}).get("S")


def _call_status(row: Row) -> str | None:
    return _call(row)[1]
