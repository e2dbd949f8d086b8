"""The events that clients send about a call that rings or goes on. ``initiating`` starts calls.

Each handler checks the request, makes a transition of the call, and sends events.
"""

from __future__ import annotations

from functions.calls import (
    announcements,
    bus,
    console,
    credentials,
    devices,
    initiating,
    livekit,
    overtaken,
    routes,
    rows,
    running,
    store,
    sweep,
    webhook,
)
from functions.calls.events import (
    INVALID_REQUEST,
    CallError,
    CallRef,
)
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.presence import handlers as presence
from functions.calls.presence import periods
from functions.calls.presence import routes as presence_routes
from functions.calls.product import (
    MAY_ANNOUNCE_ACCEPT,
    MAY_END_CALL,
    MAY_END_RINGING,
    MAY_READ_RECORDS,
    calls,
)
from functions.calls.rows import PartyRow, PartyRows
from functions.calls.state import Status, Trigger
from functions.calls.store import Finished
from shared.aws.retry import attempts
from shared.calling import call_records
from shared.calling.call_records import CallRecord, Ender
from shared.errors import Duplicate, Refusal
from shared.pipeline import rate_limits
from shared.pipeline.context import Context
from shared.pipeline.declarations import TOO_MANY_REQUESTS, Limit
from shared.pipeline.deployment import Access
from shared.pipeline.rate_limits import Window
from shared.realtime import connections
from shared.realtime.address import Address
from shared.settings import settings

__all__ = [
    "bus",
    "calls",
    "console",
    "credentials",
    "devices",
    "initiating",
    "overtaken",
    "periods",
    "presence",
    "presence_routes",
    "routes",
    "running",
    "sweep",
    "webhook",
]

NOT_FOUND = "Call not found"
NO_LONGER_AVAILABLE = "Call is no longer available"


@calls.on(
    "call:accept",
    namespaces=[TELECALLER.path],
    payload=CallRef,
    missing=INVALID_REQUEST,
    refusals=[NOT_FOUND, NO_LONGER_AVAILABLE],
    limit=Limit("limit_call_accept_per_minute", in_handler=True),
    access=MAY_READ_RECORDS
    | MAY_ANNOUNCE_ACCEPT
    | MAY_END_CALL
    | Access({"connections": "GetItem"}),
)
def accept(context: Context, request: CallRef) -> None:
    """Accept a call that rings. The telecaller's device that accepts and all of the user's devices
    receive `call:accepted`, with credentials for the call's LiveKit room; the telecaller's other
    devices receive `call:cancelled`."""
    room = livekit.configured(settings(), context.ports.secrets)
    person_id, message_id = context.session.person_id, context.arrival.message_id
    limit = Window.coarse("accept", settings().limit_call_accept_per_minute, context.now_ms)
    telecaller = store.accept(
        person_id, request.call_id, limit, message_id, context.address.member
    ) or _accepted_before(context, request.call_id, limit)
    mark = store.mark_of_accept(request.call_id, limit.now_ms)
    announcements.accepted(context, room, telecaller, mark)


def _accepted_before(context: Context, call_id: str, limit: Window) -> PartyRow:
    """Accept a call once more, and return the telecaller's row after that.

    A device accepts again if it has received no answer. If the device that accepted is gone, any
    device of the telecaller may do so, and has the call then. The attempt counts against ``limit``.
    Raises as ``_over`` says, and ``Refusal``, if it is not so or the limit is reached.
    """
    row = rows.of_key(TELECALLER.path, context.session.person_id)
    if not rate_limits.take(row, limit):
        raise Refusal(TOO_MANY_REQUESTS)
    call, message_id, me = row.current_call, context.arrival.message_id, context.address
    if call and row.is_in(call_id) and call.accepted_on and call.accepted_by != message_id:
        device = Address.of_member(TELECALLER.path, call.accepted_on)
        may = device.is_same(me) or _is_gone(row, device)
        if may and store.take_over(row, limit.now_ms, message_id, me.member):
            return row
    _over(context, call_id)
    raise Refusal(NO_LONGER_AVAILABLE)


def _is_gone(row: PartyRow, device: Address) -> bool:
    """Return whether a device has left its person, or is lost."""
    now = device.among(row.connected)
    connection = connections.get(now.connection_id) if now else None
    return connection is None or bool(connection.leaving)


def read_own_row(context: Context, _: CallRef) -> PartyRow:
    """Return the row of the person who asks."""
    return rows.get(context.session.namespace, context.session.person_id)


@calls.on(
    "call:reject",
    namespaces=[TELECALLER.path],
    payload=CallRef,
    missing=INVALID_REQUEST,
    refusals=[NOT_FOUND, NO_LONGER_AVAILABLE],
    limit=Limit("limit_call_reject_per_minute"),
    load=read_own_row,
)
def reject(context: Context, request: CallRef) -> None:
    """Reject a call that rings. The user's devices receive `call:rejected`; the telecaller's other
    devices receive `call:cancelled`."""
    _finish(context, request.call_id, Trigger.REJECT)


@calls.on(
    "call:cancel",
    namespaces=[USER.path],
    payload=CallRef,
    error_event=CallError.event,
    missing=INVALID_REQUEST,
    refusals=[NOT_FOUND, NO_LONGER_AVAILABLE],
    limit=Limit("limit_call_cancel_per_minute"),
    load=read_own_row,
    access=MAY_END_RINGING | Access({"calls": "Query"}),
)
def cancel(context: Context, request: CallRef) -> None:
    """Cancel a call that still rings. The telecaller's devices receive `call:cancelled`; the user's
    other devices receive `call:ended`."""
    _finish(context, request.call_id, Trigger.CANCEL)


def end(context: Context, request: CallRef) -> None:
    """End an answered call; the user and the telecaller may both do so. All other devices of both
    receive `call:ended`."""
    _finish(context, request.call_id, Trigger.END)


for _namespace, _error_event in ((USER, CallError.event), (TELECALLER, "error")):
    calls.on(
        "call:end",
        namespaces=[_namespace.path],
        payload=CallRef,
        error_event=_error_event,
        missing=INVALID_REQUEST,
        refusals=[NOT_FOUND, NO_LONGER_AVAILABLE],
        limit=Limit("limit_call_end_per_minute"),
        load=read_own_row,
        access=MAY_END_CALL | MAY_READ_RECORDS,
    )(end)


def _finish(context: Context, call_id: str, trigger: Trigger) -> None:
    """Move the person's current call to the final state that ``trigger`` leads to, and announce it.

    If this person has ended the call in the same way before, the person is answered as the first
    time, and what has not been announced is. Raises as ``_over`` says, and ``Refusal``, if the call
    is not the person's current one, or ``trigger`` does not apply to its state.
    """
    me, mine = context.session, context.loaded
    ender = Ender(me.person_id, context.arrival.message_id)
    done = store.finish_from(mine, call_id, trigger, context.now_ms, ender)
    if done is None and (parties := _parties(mine, call_id)):
        if trigger is Trigger.END:
            parties = _await_accept(parties, call_id)
        done = store.finish(parties, call_id, trigger, context.now_ms, ender)
    if done:
        announcements.ended(context, done, but=context.address)
        return
    record = _over(context, call_id)
    if not record.was_ended(calls.name, trigger, me.person_id):
        raise Refusal(NO_LONGER_AVAILABLE)
    done = Finished(record, rows.get_both(record.callee_id, record.caller_id))
    announcements.ended_before(context, done, but=context.address)


def _parties(mine: PartyRow, call_id: str) -> PartyRows | None:
    """Return the rows of both parties in a call. Returns None if it is not the current call of the
    person who asks.

    mine: that person's row.
    """
    return rows.with_peer(mine) if mine.is_in(call_id) else None


def _await_accept(parties: PartyRows, call_id: str) -> PartyRows:
    """Wait a moment if the call still rings, and return the rows as they are then.

    Frames of one connection run in any order, so this end may have overtaken an accept that the
    same client sent just before.
    """
    for _ in attempts():
        call = parties.telecaller.current_call
        if call is None or call.id != call_id or call.status != Status.RINGING:
            break
        parties = rows.get_both(parties.telecaller.person_id, parties.user.person_id)
    return parties


def _over(context: Context, call_id: str) -> CallRecord:
    """Return the record of a call of this person that is over.

    Raises ``Refusal`` if the call goes on or the person has no such call: a call of other people is
    refused like a call that does not exist. Raises ``Duplicate`` if this same message has accepted
    or ended the call before.
    """
    me, message_id = context.session, context.arrival.message_id
    mine = rows.get(me.namespace, me.person_id)
    call = mine.current_call
    if call is not None and call.id == call_id:
        if call.accepted_by == message_id:
            raise Duplicate
        raise Refusal(NO_LONGER_AVAILABLE)
    record = call_records.find(me.person_id, call_id, as_caller=me.namespace == USER.path)
    if record is None:
        raise Refusal(NOT_FOUND)
    if message_id in (record.accepted_by, record.ended_by):
        raise Duplicate
    return record
