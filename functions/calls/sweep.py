"""What the call product does once a minute, in one pass over the telecallers who are connected.

It announces what has been decided and not been announced, ends calls that ring without a timer, and
asks whether the people in calls are still connected. ``$disconnect`` is best effort. If it is lost,
a ping finds it out only after minutes. Until then, the other party of the call waits and pays.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice

from functions.calls import announcements, endings, rows
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.product import MAY_END_CALL, calls
from functions.calls.rows import PartyRow
from functions.calls.state import Status
from shared.aws.parallel import together
from shared.calling import ring
from shared.pipeline.deployment import Access
from shared.pipeline.sweep import Sweep
from shared.realtime import connections, people


@calls.on_sweep(
    access=MAY_END_CALL | Access({"rooms": "Query", "people": "BatchGetItem"}, may="read-secret")
)
def look_after_calls(sweep: Sweep) -> None:
    """Look after the calls of all connected telecallers, until the sweep's time is over."""
    connected = people.connected(TELECALLER.path, PartyRow)
    while telecallers := list(islice(connected, connections.PAGE)):
        for telecaller in telecallers:
            if sweep.over:
                return
            sweep.attempt(telecaller.person, partial(_look_after, sweep, telecaller))
        _end_lost_connections(sweep, [one for one in telecallers if one.current_call])


def _look_after(sweep: Sweep, telecaller: PartyRow) -> None:
    """Announce what is not announced, and end a call whose timer could not be started in time or
    has failed for good."""
    if any(not mark.is_fresh(sweep.now_ms) for mark in telecaller.marks):
        announcements.again(sweep, rows.get(TELECALLER.path, telecaller.person_id))
    call, latest = telecaller.current_call, ring.overdue_start_ms(sweep.now_ms)
    if call and call.status == Status.RINGING and call.started_at <= latest:
        endings.ring_timeout(sweep, telecaller, call.id)


def _end_lost_connections(sweep: Sweep, in_calls: list[PartyRow]) -> None:
    """End the connections of people in calls that API Gateway no longer has.

    The clients receive nothing. The disconnect function ends the call of a person who has no other
    connection.
    """
    parties = [*in_calls, *_users(in_calls)]
    ids = [address.connection_id for party in parties for address in party.addresses]
    if ids:
        together([partial(_ask, sweep, one) for one in ids])


def _users(telecallers: list[PartyRow]) -> Iterator[PartyRow]:
    """Yield the rows of the other parties, read eventually consistently."""
    peers = {one.current_call.peer_id for one in telecallers if one.current_call}
    return PartyRow.batch_get([people.key(USER.path, peer) for peer in sorted(peers)])


def _ask(sweep: Sweep, connection_id: str) -> None:
    """Ask API Gateway for a connection, and hand it to the disconnect function if it is gone."""

    def ask() -> None:
        if not sweep.ports.connections.exists(connection_id):
            sweep.ports.tasks.end_connection(connection_id)

    if not sweep.over:
        sweep.attempt(connection_id, ask)
