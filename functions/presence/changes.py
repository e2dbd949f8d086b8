"""What a change of a row means, as pure functions of the row before and after.

Rows are in the form in which DynamoDB streams carry them (``{"S": …}``), None where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from shared.realtime.namespaces import TELECALLER, USER
from shared.streams import Row

Numbers = dict[str, int]


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


def _call_status(row: Row) -> str | None:
    call = (row or {}).get("call")
    return call["M"]["status"]["S"] if call and "status" in call["M"] else None
