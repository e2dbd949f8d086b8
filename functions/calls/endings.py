"""How a call ends when no client asks for it, and what follows every end of a call.

A person leaves, the telecaller does not answer in time, or the ring timer itself is lost.
"""

from __future__ import annotations

from functools import partial

from functions.calls import rows, store
from functions.calls.events import Ended, Missed
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.product import MAY_END_CALL, MAY_END_RINGING, calls
from functions.calls.rows import PartyRow, PartyRows
from functions.calls.state import Status, Trigger
from shared.aws.log import logger
from shared.aws.parallel import both
from shared.calling import ring
from shared.calling.call_records import CallRecord
from shared.calling.telling import tell
from shared.pipeline.context import Background
from shared.pipeline.deployment import Access
from shared.pipeline.payloads import Outbound
from shared.pipeline.sweep import Sweep
from shared.realtime import people
from shared.realtime.address import Delivery


@calls.on_last_leave(TELECALLER.path, row=PartyRow, access=MAY_END_CALL)
def telecaller_gone(background: Background, telecaller: PartyRow) -> None:
    """End the telecaller's call. The user's devices receive ``call:ended`` or ``call:missed``."""
    call = telecaller.current_call
    if call is None:
        return
    parties = PartyRows(telecaller, rows.get(USER.path, call.peer_id))
    record = store.finish(parties, call.id, Trigger.GONE, background.now_ms)
    if record:
        _announce_to_other(background, record, parties.user)


@calls.on_last_leave(USER.path, row=PartyRow, access=MAY_END_CALL)
def user_gone(background: Background, user: PartyRow) -> None:
    """End the user's call. The telecaller's devices receive ``call:ended`` or ``call:missed``."""
    call = user.current_call
    if call is None:
        return
    parties = PartyRows(rows.get(TELECALLER.path, call.peer_id), user)
    record = store.finish(parties, call.id, Trigger.GONE, background.now_ms)
    if record:
        _announce_to_other(background, record, parties.telecaller)


@calls.on_ring_timeout(TELECALLER.path, row=PartyRow, access=MAY_END_RINGING)
def ring_timeout(background: Background, telecaller: PartyRow, call_id: str) -> None:
    """End a call that has not been answered in time. All devices of both receive ``call:missed``.

    Changes nothing if the call has been answered or has ended meanwhile.
    """
    call = telecaller.current_call
    if call is None:
        return
    parties = PartyRows(telecaller, rows.get(USER.path, call.peer_id))
    record = store.finish(parties, call_id, Trigger.TIMEOUT, background.now_ms)
    if record:
        devices = [*parties.user.addresses, *parties.telecaller.addresses]
        tell(background.emit, _end_event(record).to(devices))


@calls.on_sweep(access=MAY_END_RINGING | Access({"rooms": "Query", "people": "BatchGetItem"}))
def time_out_forgotten(sweep: Sweep) -> None:
    """End calls that ring without a timer: it could not be started in time, or failed for good."""
    latest = ring.overdue_start_ms(sweep.now_ms)
    for telecaller in people.connected(TELECALLER.path, PartyRow):
        call = telecaller.current_call
        if call and call.status == Status.RINGING and call.started_at <= latest:
            sweep.attempt(call.id, partial(ring_timeout, sweep, telecaller, call.id))
        if sweep.over:
            return


def announce_end_and_delete_room(background: Background, call_id: str, event: Delivery) -> None:
    """Send the event that an answered call has ended, and have its LiveKit room deleted.

    Both happen at the same time.
    """
    both(lambda: _delete_room(background, call_id), lambda: tell(background.emit, event))


def _delete_room(background: Background, call_id: str) -> None:
    """Queue a LiveKit room for deletion. If that fails, LiveKit ends the room when it is empty."""
    try:
        background.ports.tasks.delete_livekit_room(room=call_id)
    except Exception:  # noqa: BLE001 - the call is over all the same
        logger.exception("room %s not queued for deletion", call_id)


def _announce_to_other(background: Background, record: CallRecord, other: PartyRow) -> None:
    """Announce the end of a call to the person who is left after the other has gone."""
    event = _end_event(record).to(other.addresses)
    if record.status == Status.COMPLETED:
        announce_end_and_delete_room(background, record.call_id, event)
    else:
        tell(background.emit, event)


def _end_event(record: CallRecord) -> Outbound:
    """Return the event that announces how a call has ended."""
    missed = record.status == Status.MISSED
    return Missed(record.call_id) if missed else Ended(record.call_id)
