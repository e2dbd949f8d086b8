"""The numbers of calls and of people online, a part of ``GET /admin/stats``."""

from __future__ import annotations

import msgspec

from functions.calls.presence import counts
from shared import times


class CallNumbers(msgspec.Struct, frozen=True, rename="camel"):
    """The calls that ring now, the calls that are answered now, and by outcome the calls that have
    ended today (UTC)."""

    ringing: int
    accepted: int
    completed_today: int
    missed_today: int
    rejected_today: int
    cancelled_today: int


class Live(msgspec.Struct, frozen=True, rename="camel"):
    """How many people are online, and how many calls there are."""

    online_users: int
    online_telecallers: int
    telecallers_on_call: int
    connections: int
    calls: CallNumbers


class LastHour(msgspec.Struct, frozen=True, rename="camel"):
    """How many calls have ended, by minute and outcome: 60 numbers each, the current minute last.
    ``until``: the beginning of the current minute."""

    until: str
    completed: list[int]
    missed: list[int]
    rejected: list[int]
    cancelled: list[int]


class Lately(msgspec.Struct, frozen=True, rename="camel"):
    """The numbers of the last hour."""

    last_hour: LastHour


def live(now_ms: int) -> Live:
    """Return the live numbers and the numbers of today."""
    now, today = counts.read(now_ms)
    return Live(
        online_users=int(now.online_users),
        online_telecallers=int(now.online_telecallers),
        telecallers_on_call=int(now.accepted),
        connections=int(now.connections),
        calls=CallNumbers(
            ringing=int(now.ringing),
            accepted=int(now.accepted),
            completed_today=int(today.completed),
            missed_today=int(today.missed),
            rejected_today=int(today.rejected),
            cancelled_today=int(today.cancelled),
        ),
    )


def lately(now_ms: int) -> Lately:
    """Return the numbers of the last hour."""
    return Lately(LastHour(times.minute(now_ms), **counts.last_hour(now_ms)))
