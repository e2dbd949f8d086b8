"""Handles the connections that are due, and finds out which of them are still open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import partial

from functions.sweep import replacement
from functions.sweep.verdict import Verdict, verdict
from shared.aws.parallel import together
from shared.pipeline import account_changes
from shared.pipeline.sweep import Sweep
from shared.protocol import engineio
from shared.realtime import lifecycle
from shared.realtime.connections import JOINING_SECONDS, Connection
from shared.settings import settings

TRY_AGAIN_SECONDS = 60
"""How long a connection waits for the next attempt after a failure."""

PING = engineio.encode(engineio.PacketType.PING)
FAILED, NOT_REACHED = "failed", "not reached"


def look_after(sweep: Sweep, numbers: Iterable[int]) -> Counter[str]:
    """Handle the due connections of these shards, until the sweep's time is over.

    Takes one page of each shard at a time, the connections that are due longest first. Returns the
    number of connections by verdict; ``failed`` and ``not reached`` count those that got none.
    """
    found: Counter[str] = Counter()
    shards = [lifecycle.due(number, sweep.now) for number in numbers]
    while shards and not sweep.over:
        # A page is None after the last one, and if it could not be read.
        pages = together(partial(sweep.attempt, "shard", partial(next, it, None)) for it in shards)
        shards = [shard for shard, page in zip(shards, pages, strict=True) if page is not None]
        rows = [row for page in pages for row in page or ()]
        found.update(together(partial(attend, sweep, row) for row in rows))
    return found


def attend(sweep: Sweep, row: Connection) -> str:
    """Do what a connection needs, and return its verdict.

    Returns ``failed`` if that has failed: the connection is postponed then, so that other
    connections go first. Returns ``not reached`` if the sweep's time is over.
    """
    if sweep.over:
        return NOT_REACHED
    decided = sweep.attempt(row.connection_id, partial(_act, sweep, row))
    if decided is None:
        again = sweep.now + TRY_AGAIN_SECONDS
        sweep.attempt(row.connection_id, partial(lifecycle.postpone, row.connection_id, again))
    return decided or FAILED


def _act(sweep: Sweep, row: Connection) -> Verdict:
    """Replace a connection that is old, or carry out the verdict. Returns what was done."""
    decided = verdict(row, sweep.now)
    if decided in {Verdict.PING, Verdict.LOOK} and replacement.replace(sweep, row):
        return Verdict.REPLACE
    _carry_out(decided, sweep, row)
    return decided


def _carry_out(decided: Verdict, sweep: Sweep, row: Connection) -> None:
    """Do what a verdict says.

    The disconnect function ends a connection that is gone. The connection stays due until its row
    has been deleted.

    A ping is sent before it is recorded. After a crash in between, the client receives one more
    ping. In the other order, a client that never received the ping would be taken for dead.
    """
    connection_id, ports, now = row.connection_id, sweep.ports, sweep.now
    next_due = now + settings().ping_period_seconds
    match decided:
        case Verdict.GONE:
            ports.tasks.end_connection(connection_id)
        case Verdict.LEFT:
            ports.tasks.finish_connection(connection_id)
        case Verdict.FINISH:
            ports.tasks.finish_ended_sessions(connection_id)
        case Verdict.CLOSE:
            ports.connections.close(connection_id)
            ports.tasks.end_connection(connection_id)
        case Verdict.PING:
            if sweep.emit.post(connection_id, PING):
                _follow_accounts(sweep, row)
                lifecycle.mark_pinged(connection_id, pinged_at=now, due_at=next_due)
        case Verdict.LOOK:
            if ports.connections.exists(connection_id):
                _follow_accounts(sweep, row)
                lifecycle.postpone(connection_id, next_due)
            else:
                ports.tasks.end_connection(connection_id)
        case Verdict.WAIT | Verdict.REPLACE:
            pass


def _follow_accounts(sweep: Sweep, row: Connection) -> None:
    """Let the sessions that have come since the last ping follow their accounts.

    A join ends with the same. If its function has died just before that, a change of the account
    that has happened meanwhile has missed the session. Pings of native and 2.x clients are not
    recorded, so all their sessions follow each time.
    """
    since_ms = ((row.pinged_at or 0) - JOINING_SECONDS) * 1000
    for session in row.all_sessions():
        if session.authenticated and session.arrived_ms >= since_ms:
            account_changes.catch_up(sweep.registry, sweep.ports, row.address(session), session)
