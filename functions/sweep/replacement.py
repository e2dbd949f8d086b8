"""Replaces connections that grow old, so that API Gateway's limit of 2 h hits nobody in a call.

A client whose connection is closed connects again by itself. That is no goodbye, and the grace
hides it from everybody. So it is best done while nobody needs the connection.
"""

from __future__ import annotations

import zlib

from shared.aws import mailboxes
from shared.pipeline import departure
from shared.pipeline.sweep import Sweep
from shared.realtime.connections import Connection
from shared.settings import settings


def replace(sweep: Sweep, row: Connection) -> bool:
    """Close a connection that is old and not needed at the moment. Returns whether it is closed.

    A sweep closes ``replacements_per_sweep`` connections at most, so that clients that came
    together do not come back together.
    """
    if not is_old(row, sweep.now) or _is_busy(sweep, row) or not sweep.may_replace():
        return False
    if departure.begin_grace(sweep.ports, row.connection_id, sweep.now_ms, closed=True):
        _close(sweep, row.connection_id)
    return True


def _close(sweep: Sweep, connection_id: str) -> None:
    """Close a connection. The next request of a client that polls is refused."""
    polls = mailboxes.polls(connection_id)
    if not (polls and mailboxes.close(connection_id, mailboxes.NO_GOODBYE)):
        sweep.ports.connections.close(connection_id)


def is_old(row: Connection, now: int) -> bool:
    """Return whether a connection is to be replaced. The age differs from one to the next.

    Without a grace, none is: its person would be seen to leave.

    now: the time in epoch seconds.
    """
    values = settings()
    part = zlib.crc32(row.connection_id.encode()) % values.replace_spread_seconds
    old = now - row.opened_at >= values.replace_after_seconds + part
    return old and bool(values.reconnect_grace_seconds)


def _is_busy(sweep: Sweep, row: Connection) -> bool:
    """Return whether a person of the connection is in a call, of whatever product."""
    people = {session.person_id for session in row.all_sessions() if session.authenticated}
    return any(find(person) for person in people for find in sweep.registry.call_finders)
