"""The steps in the life of a connection, from its open packet to its end.

Every row is due at some time: ``due`` finds the connections that the sweep looks at.
"""

from __future__ import annotations

from collections.abc import Iterator

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from shared.aws.tables import MOST_READ, batches
from shared.realtime.connections import AT_ONCE, Connection, delete, is_live, update
from shared.settings import settings


def mark_opened(connection_id: str) -> Connection | None:
    """Claim the sending of the open packet, and return the row.

    Returns None if it has been claimed before, or the connection is gone or leaving.
    """
    return update(
        connection_id,
        [Connection.opened.set(True)],
        is_live() & Connection.opened.does_not_exist(),
    )


def count_failure(connection_id: str) -> int:
    """Count an invalid token of a client, and return how many it has sent."""
    row = update(connection_id, [Connection.failures.add(1)], is_live())
    return int(row.failures or 0) if row else 0


def mark_upgraded(connection: Connection) -> bool:
    """Note that the client of a WebSocket has upgraded, while its sessions stay in their row.

    The sweep looks at that row, and at this one only when its time is over. Returns False if the
    WebSocket is gone or leaving.
    """
    actions = [Connection.upgraded.set(True), Connection.due_at.set(int(connection.expires_at))]
    return update(connection.connection_id, actions, is_live()) is not None


def take_over(websocket: Connection, client: Connection, *, written: bool) -> bool:
    """Let a WebSocket's row take the place of the row of the polling client that upgrades to it.

    The client's sessions, which nobody can reach yet, are in the WebSocket's row then, and what
    came with its first request. Returns False, and changes nothing, if the WebSocket is gone or
    leaving.

    written: whether the client's row is in the table. It is deleted then.
    """
    actions: list[Action] = [Connection.upgrades.remove(), Connection.sessions.set(client.sessions)]
    names = ["credential", "cookie", "network", "limited", "failures", "joining"]
    if client.restoring:  # what a session takes along that has come back
        names += ["restoring", "rooms", "data"]
    actions += [
        getattr(Connection, name).set(value)
        for name in names
        if (value := getattr(client, name)) is not None
    ]
    taken = update(websocket.connection_id, actions, is_live() & Connection.upgrades.exists())
    if taken is not None and written:
        delete(client.connection_id)
    return taken is not None


def due(shard: int, now: int) -> Iterator[list[Connection]]:
    """Yield the rows of a shard that are due, in pages. The row that is due longest comes first.

    The index is a moment late, so rows may be missing, or due no longer. The rows themselves are
    read strongly consistently.

    now: the time in epoch seconds.
    """
    rows = Connection.due.query(str(shard), Connection.due_at <= now, page_size=MOST_READ)
    for keys in batches(row.connection_id for row in rows):
        yield list(Connection.batch_get(keys, consistent_read=True))


def count() -> int:
    """Return how many connections there are, including those that are leaving."""
    return sum(Connection.due.count(str(shard)) for shard in range(settings().due_shards))


def postpone(connection_id: str, due_at: int) -> None:
    """Make a connection due at ``due_at``, epoch seconds. Do nothing if the connection is gone."""
    update(connection_id, [Connection.due_at.set(due_at)], Connection.connection_id.exists())


def mark_pinged(connection_id: str, *, pinged_at: int, due_at: int) -> None:
    """Expect an answer to the ping of ``pinged_at`` until ``due_at``, both in epoch seconds."""
    update(
        connection_id,
        [Connection.pinged_at.set(pinged_at), Connection.due_at.set(due_at)],
        is_live(),
    )


def mark_answered(connection_id: str, now: int) -> Connection | None:
    """Record a sign of life of the client, and return the connection's row.

    Returns None if the connection is gone or leaving. It is recorded even if no answer is expected:
    the answer may arrive before the sweep has recorded its ping.

    now: the time in epoch seconds.
    """
    return update(connection_id, [Connection.answered_at.set(now)], is_live())


def mark_leaving(
    connection_id: str, left_ms: int = 0, *, unless_closed: bool = False, lost: bool = False
) -> Connection | None:
    """Mark a connection as leaving, so that nothing can be added to its row. Idempotent.

    Returns the row with the sessions that end now. Returns None if there is no such row. The row is
    due at once, so that the next sweep finishes if the consequences fail on the way.

    left_ms: when the connection ended, epoch ms; 0 if the backend ends it. The first mark counts.
    unless_closed: return None, and write nothing, if the backend has closed the connection.
    lost: whether the connection ended unexpectedly.
    """
    condition: Condition = Connection.connection_id.exists()
    if unless_closed:
        condition &= Connection.closed.does_not_exist()
    return update(
        connection_id,
        [
            Connection.leaving.set(True),
            Connection.left_ms.set(Connection.left_ms | left_ms),
            Connection.lost.set(True) if lost else Connection.lost.remove(),
            Connection.due_at.set(AT_ONCE),
        ],
        condition,
    )


def mark_lost(
    connection_id: str, left_ms: int, due_at: int, *, closed: bool = False
) -> Connection | None:
    """Mark a connection as leaving whose client may come back.

    Returns the row as it is then. Returns None, and writes nothing, if there is no such row, or it
    is leaving already: the consequences are under way then.

    left_ms: when the connection ended, epoch ms.
    due_at: when the consequences run, epoch seconds; the sweep runs them if nothing else does.
    closed: whether the backend is about to close the connection.
    """
    actions = [
        Connection.leaving.set(True),
        Connection.lost.set(True),
        Connection.left_ms.set(left_ms),
        Connection.due_at.set(due_at),
    ]
    if closed:
        actions.append(Connection.closed.set(True))
    return update(connection_id, actions, is_live())


def mark_departing(connection_id: str) -> Connection | None:
    """Note that the consequences of the loss of sessions that can be recovered begin. Idempotent.

    Returns the row, with the sessions that have not come back. Returns None if there is no row.
    """
    return update(
        connection_id, [Connection.departing.set(True)], Connection.connection_id.exists()
    )
