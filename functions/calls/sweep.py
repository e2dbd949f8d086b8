"""What the call product does once a minute, in one pass over the telecallers who are connected.

It announces what has been decided and not been announced, ends calls that ring or go on without a
timer, and ends the connections of people in calls that are no longer there.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from functions.calls import announcements, attendance, endings, prepaid, rows
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.product import MAY_ANNOUNCE_ACCEPT, MAY_END_CALL, calls
from functions.calls.rows import PartyRow
from functions.calls.state import Status
from shared.aws.tables import batches
from shared.calling import ring
from shared.pipeline.deployment import Access
from shared.pipeline.sweep import Sweep
from shared.realtime import people


@calls.on_sweep(
    access=MAY_END_CALL | MAY_ANNOUNCE_ACCEPT | Access({"rooms": "Query", "people": "BatchGetItem"})
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
        users = list(_users(in_calls))
        parties = [*in_calls, *users]
        sweep.end_lost_connections(address for one in parties for address in one.addresses)
        for overdue in _without_coins(sweep, in_calls, users):
            sweep.attempt(overdue.person, partial(endings.balance_due, sweep, overdue))


def _look_after(sweep: Sweep, telecaller: PartyRow) -> None:
    """Announce what is not announced, and end a call whose timer could not be started in time or
    has failed for good."""
    if any(not mark.is_fresh(sweep.now_ms) for mark in telecaller.marks):
        announcements.again(sweep, rows.get(TELECALLER.path, telecaller.person_id))
    call, latest = telecaller.current_call, ring.overdue_start_ms(sweep.now_ms)
    if call and call.status == Status.RINGING and call.started_at <= latest:
        endings.ring_timeout(sweep, telecaller, call.id)
    elif call and attendance.may_be_over(call, sweep.now_ms):
        endings.room_left(sweep, telecaller)


def _without_coins(
    sweep: Sweep, telecallers: list[PartyRow], users: list[PartyRow]
) -> Iterator[PartyRow]:
    """Yield the telecallers in prepaid calls that the balance timer should have ended."""
    by_id = {user.person_id: user for user in users}
    for telecaller in telecallers:
        user = by_id.get(telecaller.call.peer_id)
        if user and prepaid.is_overdue(telecaller.call, user, sweep.now_ms):
            yield telecaller


def _users(telecallers: list[PartyRow]) -> Iterator[PartyRow]:
    """Yield the rows of the other parties, read eventually consistently."""
    peers = {one.current_call.peer_id for one in telecallers if one.current_call}
    return PartyRow.batch_get([people.key(USER.path, peer) for peer in sorted(peers)])
