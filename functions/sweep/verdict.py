"""What to do with a connection that is due, decided from its row alone."""

from __future__ import annotations

from enum import StrEnum

from shared.realtime.address import Wire
from shared.realtime.connections import LEGACY, Connection

CLOCKS_DIFFER_SECONDS = 5
"""By no more than this do the clocks of two functions."""


class Verdict(StrEnum):
    WAIT = "wait"
    """Somebody else has moved it on; the index was a moment late."""

    GONE = "gone"
    """Run its departure, or finish it."""

    FINISH = "finish"
    """A session has ended, and not been left to the end."""

    CLOSE = "close"
    """Nobody has said in time who they are, or it does not answer: close it, then as if gone."""

    PING = "ping"
    """Ask the client for a sign of life."""

    LOOK = "look"
    """Ask API Gateway whether it is there: a native client answers no pings, and one of Engine.IO 3
    sends them itself."""


def verdict(row: Connection, now: int) -> Verdict:
    """``now`` in epoch seconds."""
    if row.leaving or row.expires_at <= now:
        return Verdict.GONE
    if row.due_at > now:
        return Verdict.WAIT
    if row.ended:
        return Verdict.FINISH
    if not any(session.settled for session in row.all_sessions()):
        return Verdict.CLOSE
    if row.wire == Wire.NATIVE or row.protocol == LEGACY:
        return Verdict.LOOK
    return Verdict.CLOSE if silent(row) else Verdict.PING


def silent(row: Connection) -> bool:
    """Whether the last ping is still unanswered."""
    pinged_at, answered_at = row.pinged_at or 0, row.answered_at or 0
    return pinged_at > answered_at + CLOCKS_DIFFER_SECONDS
