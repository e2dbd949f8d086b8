"""What the call product does once a minute, in one pass over the telecallers who are connected.

It announces what has been decided and not been announced, ends calls that ring without a timer, and
ends the connections of people in calls that are no longer there.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from functions.calls import announcements, endings, rows
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.product import MAY_END_CALL, calls
from functions.calls.rows import PartyRow
from functions.calls.state import Status
from shared.aws.tables import batches
from shared.calling import ring
from shared.pipeline.deployment import Access
from shared.pipeline.sweep import Sweep
from shared.realtime import people


@calls.on_sweep(
    access=MAY_END_CALL | Access({"rooms": "Query", "people": "BatchGetItem"}, may="read-secret")
)
def look_after_calls(sweep: Sweep) -> None:
    """Look after the calls of all connected telecallers, until the sweep's time is over."""
    connected = people.connected(TELECALLER.path, PartyRow)
    for telecallers in batches(connected):
        for telecaller in telecallers:
            if sweep.over:
                return
            sweep.attempt(telecaller.person, partial(_look_after, sweep, telecaller))
        in_calls = [one for one in telecallers if one.current_call]
        parties = [*in_calls, *_users(in_calls)]
        sweep.end_lost_connections(address for one in parties for address in one.addresses)


def _look_after(sweep: Sweep, telecaller: PartyRow) -> None:
    """Announce what is not announced, and end a call whose timer could not be started in time or
    has failed for good."""
    if any(not mark.is_fresh(sweep.now_ms) for mark in telecaller.marks):
        announcements.again(sweep, rows.get(TELECALLER.path, telecaller.person_id))
    call, latest = telecaller.current_call, ring.overdue_start_ms(sweep.now_ms)
    if call and call.status == Status.RINGING and call.started_at <= latest:
        endings.ring_timeout(sweep, telecaller, call.id)


def _users(telecallers: list[PartyRow]) -> Iterator[PartyRow]:
    """Yield the rows of the other parties, read eventually consistently."""
    peers = {one.current_call.peer_id for one in telecallers if one.current_call}
    return PartyRow.batch_get([people.key(USER.path, peer) for peer in sorted(peers)])
