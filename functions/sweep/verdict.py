"""The verdict about a connection that is due, decided from its row alone."""

from __future__ import annotations

from enum import StrEnum

from shared.protocol.engineio import LEGACY
from shared.realtime.address import Wire
from shared.realtime.connections import Connection

CLOCKS_DIFFER_SECONDS = 5
"""The most by which the clocks of two functions differ."""


class Verdict(StrEnum):
    """What to do with a connection that is due."""

    WAIT = "wait"
    """Do nothing. Another function has made it due later, and the index was a moment late; or the
    function that lets the client join still works."""

    GONE = "gone"
    """End the connection."""

    LEFT = "left"
    """Finish the end of the connection. The client has had its time to come back."""

    FINISH = "finish"
    """Finish the consequences of sessions that have ended."""

    CLOSE = "close"
    """Close the connection, then end it. No session has authenticated in time, or a session never
    became reachable, or the client has not answered the last ping. A client that is still there
    connects again."""

    PING = "ping"
    """Send the client a ping."""

    REPLACE = "replace"
    """Close the connection, which is old. The client connects again within the grace."""

    LOOK = "look"
    """Ask API Gateway whether the connection is open. A native client does not answer pings, and an
    Engine.IO 3 client sends them itself."""


def verdict(row: Connection, now: int) -> Verdict:
    """Decide about a connection. ``now`` is in epoch seconds."""
    if row.leaving:
        return Verdict.WAIT if row.due_at > now else Verdict.LEFT
    if row.expires_at <= now:
        return Verdict.GONE
    if row.due_at > now or row.is_joining(now):
        return Verdict.WAIT
    return Verdict.FINISH if row.ended else _of_client(row)


def _of_client(row: Connection) -> Verdict:
    """Decide about a connection that is due and has nothing left undone."""
    settled = [session for session in row.all_sessions() if session.settled]
    if not settled or not all(map(row.reachable, settled)):
        return Verdict.CLOSE
    if row.wire == Wire.NATIVE or row.protocol == LEGACY:
        return Verdict.LOOK
    return Verdict.CLOSE if silent(row) else Verdict.PING


def silent(row: Connection) -> bool:
    """Return whether the last ping is still unanswered."""
    pinged_at, answered_at = row.pinged_at or 0, row.answered_at or 0
    return pinged_at > answered_at + CLOCKS_DIFFER_SECONDS
