"""What admins do: request the numbers of bookings, and monitor all bookings."""

from __future__ import annotations

from functions.bookings import counts
from functions.bookings.events import Stats
from functions.bookings.product import bookings
from shared import times
from shared.aws.tables import Transaction, TransactionRefused, transact
from shared.pipeline.context import Background, Context
from shared.pipeline.deployment import Access
from shared.realtime import connections, rooms
from shared.realtime.connections import Connection, Session
from shared.realtime.namespaces import ADMIN
from shared.settings import settings

MONITORS = "bookings-monitor"
"""The room of the connections that monitor bookings."""


bookings.counters(access=Access({"counts": "GetItem"}))(counts.counted)


def stats(now_ms: int) -> Stats:
    """Return the numbers of bookings as an event."""
    numbers = counts.read(now_ms)
    return Stats(numbers.by_status, numbers.active, numbers.today, times.iso(now_ms))


@bookings.on("request:stats", namespaces=[ADMIN.path])
def request_stats(context: Context, _: None) -> None:
    """Request the numbers of bookings. The connection receives ``dashboard:stats_update``."""
    context.emit(stats(context.now_ms).to([context.address]))


@bookings.on("monitor:bookings", namespaces=[ADMIN.path])
def monitor(context: Context, _: None) -> None:
    """Monitor all bookings with this connection, from now on; asking again changes nothing. The
    connection receives ``booking:created``, ``booking:updated``, ``partner:registered``,
    ``kyc:submitted`` and, at most once a second, ``dashboard:stats_update``."""
    address, person_id = context.address, context.session.person_id
    expires_at = context.now_ms // 1000 + settings().connection_max_seconds

    def add_items(transaction: Transaction) -> None:
        transaction.check(
            "connection",
            connections.Connection(address.connection_id),
            condition=connections.is_live(address.namespace),
        )
        transaction.put("member", rooms.Member.of(MONITORS, address, expires_at, person_id))

    try:
        transact(add_items)
    except TransactionRefused:  # the connection has left meanwhile
        return


@bookings.on_leave(ADMIN.path, access=Access({"rooms": "DeleteItem"}))
def stop_monitoring(_: Background, connection: Connection, session: Session) -> None:  # noqa: ARG001
    """Remove a connection that leaves ``/admin`` from the room. Idempotent."""
    rooms.remove(MONITORS, connection.connection_id)
