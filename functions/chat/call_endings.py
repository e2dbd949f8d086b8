"""How a chat call ends when no party asks for it: a person leaves, or nobody answers in time. And
what the sweep does for calls."""

from __future__ import annotations

from functools import partial
from typing import Any

from functions.chat import call_announcements, call_rows, call_store, pushes
from functions.chat.call_events import Accepted, Ended, Incoming
from functions.chat.call_rows import CallRow, Party
from functions.chat.namespaces import CHAT
from functions.chat.product import MAY_END_CALL, chat
from functions.chat.state import Status, Trigger
from shared import times
from shared.aws.tables import batches
from shared.calling import ring, waking
from shared.pipeline.context import Background
from shared.pipeline.deployment import Access
from shared.pipeline.sweep import Sweep
from shared.ports import Ports
from shared.realtime.people import Person
from shared.realtime.sessions import Session


@chat.on_last_leave(CHAT.path, access=MAY_END_CALL)
def party_gone(background: Background, person: Person) -> None:
    """End all calls of a person whose last tab has closed. Idempotent.

    Both parties of each call receive ``call:ended``. A call that rings for this person goes on if a
    push can bring them back.
    """
    mine = call_rows.party(person.person_id)
    if mine.members:
        return
    for call_id, _peer in mine.with_peers():
        if not person.can_be_woken or not _rings_on(background, call_id, person.person_id):
            _end(background, call_id, Trigger.GONE)


def _rings_on(background: Background, call_id: str, callee_id: str) -> bool:
    """Let a call ring by push. Returns False if it does not ring for this person."""
    row = call_rows.get(call_id)
    if row is None or (row.call.status, row.call.callee_id) != (Status.RINGING, callee_id):
        return False
    pushes.send(background, *waking.rings(pushes.ring_of(row.call)))
    return True


@chat.on_missed(CHAT.path, Accepted.event, Incoming.event, row=Party)
def still_lasts(party: Party, event: dict[str, Any]) -> bool:
    """Return whether a person is still in the call that a lost tab has heard nothing of."""
    return party.is_in(event["callId"])


@chat.overtakes(CHAT.path, Accepted.event, Incoming.event, access=Access({"people": "GetItem"}))
def over_by_now(_ports: Ports, session: Session, event: dict[str, Any]) -> Ended | None:
    """Return the event of a call's end, if the person is not in the call any more."""
    call_id = event["callId"]
    return None if call_rows.party(session.person_id).is_in(call_id) else Ended(call_id)


@chat.on_ring_timeout(ring.CALL_ROW, row=CallRow, access=MAY_END_CALL)
def ring_timeout(background: Background, _row: CallRow, call_id: str) -> None:
    """End a call that has not been answered in time. All tabs of both receive ``call:ended``.

    Changes nothing if the call has been answered or has ended meanwhile.
    """
    _end(background, call_id, Trigger.TIMEOUT)


@chat.on_sweep(access=MAY_END_CALL | Access({"people": "BatchGetItem", "chat": "DeleteItem Query"}))
def look_after_calls(sweep: Sweep) -> None:
    """Look after all calls, until the sweep's time is over.

    Announces what has been decided and not been announced, ends calls that ring without a timer,
    and ends the connections of people in calls that are no longer there.
    """
    for call_ids in batches(call_rows.listed()):
        rows = call_rows.several(call_ids)
        for call_id in call_ids:
            if sweep.over:
                return
            sweep.attempt(call_id, partial(_look_after, sweep, call_id, rows.get(call_id)))
        parties = call_rows.parties([row for row in rows.values() if not row.over])
        sweep.end_lost_connections(one for party in parties for one in party.addresses())


def _look_after(sweep: Sweep, call_id: str, row: CallRow | None) -> None:
    """Look after one call. Without a row, it is over and announced.

    It stays in the list for as long as it could have rung. So its invite, if it is delivered again,
    does not let it ring again.
    """
    latest = ring.overdue_start_ms(sweep.now_ms)
    if row is None:
        if call_id < times.sortable(latest):
            call_rows.forget(call_id)
    elif row.call.status == Status.RINGING and row.call.started_at <= latest:
        _end(sweep, call_id, Trigger.TIMEOUT)
    else:
        call_announcements.again(sweep, row)


def _end(background: Background, call_id: str, trigger: Trigger) -> None:
    """End a call without a message of a party, and announce it.

    Changes nothing if the call is over or the trigger has no effect in its state.
    """
    if done := call_store.finish(call_id, trigger, background.now_ms):
        call_announcements.ended(background, done)
