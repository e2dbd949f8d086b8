"""The events that clients send about calls.

Each handler checks the request, makes a transition of the call, and sends events.
"""

from __future__ import annotations

from dataclasses import dataclass

from functions.calls import (
    announcements,
    bus,
    console,
    credentials,
    devices,
    endings,
    livekit,
    routes,
    rows,
    running,
    store,
    sweep,
    webhook,
)
from functions.calls.events import (
    CallError,
    CallRef,
    Ended,
    Incoming,
    Initiate,
    Initiated,
    Party,
    Ringing,
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
from functions.calls.store import Finished, NewCall, NotStarted
from shared.aws.parallel import both
from shared.aws.retry import attempts
from shared.calling import call_records, ring
from shared.calling.call_records import CallRecord, Ender
from shared.calling.telling import tell
from shared.errors import Duplicate, Refusal
from shared.identity import accounts
from shared.identity.accounts import Account
from shared.pipeline import rate_limits
from shared.pipeline.context import Context
from shared.pipeline.declarations import TOO_MANY_REQUESTS, Limit
from shared.pipeline.deployment import Access
from shared.pipeline.rate_limits import Window
from shared.realtime import connections, people
from shared.realtime.address import Address
from shared.settings import settings

__all__ = [
    "bus",
    "calls",
    "console",
    "credentials",
    "devices",
    "periods",
    "presence",
    "presence_routes",
    "routes",
    "running",
    "sweep",
    "webhook",
]

INVALID_REQUEST = "Invalid call request"
INVALID_TYPE = "Invalid call type"
CALLER_UNAVAILABLE = "Your account is not available. Please contact support."
TELECALLER_UNKNOWN = "This person is no longer available for calls."
UNREACHABLE = "{} is currently unavailable. Please try again later."
NOT_FOUND = "Call not found"
NO_LONGER_AVAILABLE = "Call is no longer available"
NOT_STARTED = {
    NotStarted.LIMITED: "Too many call attempts. Please wait a moment.",
    NotStarted.CALLER_IN_CALL: "You already have an active call.",
    NotStarted.TOO_FEW_COINS: "You do not have enough coins for this call.",
    NotStarted.TELECALLER_OFFLINE: "{} is currently offline. Please try again later.",
    NotStarted.TELECALLER_BUSY: "{} is busy on another call. Please try again later.",
}
INITIATE_LIMIT = Limit(
    "limit_call_initiate_per_minute",
    NOT_STARTED[NotStarted.LIMITED],
    CallError.event,
    in_handler=True,
)


@dataclass(frozen=True, slots=True)
class RequestedTelecaller:
    """The telecaller whom a request names.

    account: the telecaller's account, or None if this telecaller may not be called.
    """

    row: PartyRow
    account: Account | None


def read_telecaller(request: Initiate) -> RequestedTelecaller:
    """Return the telecaller whom a request names. Row and account are read at the same time."""
    row, account = both(
        lambda: rows.get(TELECALLER.path, request.telecaller_id),
        lambda: accounts.get(request.telecaller_id),
    )
    callable_ = account and account.role == TELECALLER.role and account.active and account.approved
    return RequestedTelecaller(row, account if callable_ else None)


@calls.on(
    "call:initiate",
    namespaces=[USER.path],
    payload=Initiate,
    error_event=CallError.event,
    missing=INVALID_REQUEST,
    texts={"callType": INVALID_TYPE},
    refusals=[CALLER_UNAVAILABLE, TELECALLER_UNKNOWN, *NOT_STARTED.values(), UNREACHABLE],
    limit=INITIATE_LIMIT,
    preload=read_telecaller,
    access=MAY_END_CALL
    | Access({"accounts": "GetItem", "connections": "GetItem", "calls": "Query"}, may="start-ring"),
)
def initiate(context: Context, request: Initiate) -> Initiated:
    """Call a telecaller. The telecaller's devices receive `call:incoming`; the user's devices
    receive `call:ringing` if the call still rings then. If the call is not answered in time, both
    receive `call:missed`. If no device of the telecaller can be reached, the call is refused,
    unless it waits for one that is woken by a push.

    In the last case the call is recorded as missed, as if the stack had noticed a moment later that
    the telecaller has left.
    """
    telecaller: RequestedTelecaller = context.preloaded
    call, rung = _occupy_both(context, request, telecaller)
    if not _ring(context, call, rung) and not _waits_for_app(call, rung):
        if done := _give_up(context, call, Trigger.GONE):
            announcements.withdrawn(context, done, rung, reached=False)
        raise Refusal(UNREACHABLE.format(call.telecaller.name))
    user = rows.get(USER.path, call.user.id)
    if not user.online and _has_left(context):
        endings.user_gone(context, user)
    elif user.is_in(call.id):
        # A device that calls as soon as it is connected may not be on the row yet.
        callers = {*user.addresses, context.address}
        tell(context.emit, Ringing(call.id, call.telecaller).to(callers))
        # A device may have ended the call before the others have heard of it.
        if not rows.get(USER.path, call.user.id).is_in(call.id):
            tell(context.emit, Ended(call.id).to(callers))
    return Initiated(call.id)


def _waits_for_app(call: NewCall, rung: list[Address]) -> bool:
    """Return whether a call that has reached no device rings on, because a push wakes one.

    Connections that are gone may still be on the telecaller's row. When they leave it, it turns out
    whether they were lost; if not, the call ends then.
    """
    if not settings().ring_by_push:
        return False
    if not rung:
        return True
    telecaller = rows.get(TELECALLER.path, call.telecaller.id)
    return bool(telecaller.devices) and (telecaller.online or telecaller.can_be_woken)


def _has_left(context: Context) -> bool:
    """Return whether the caller's session has ended.

    If a caller leaves before the call is on their row, the departure does not end the call.
    Therefore the handler that starts the call must check.
    """
    connection = connections.get(context.address.connection_id)
    return connection is None or connection.session(USER.path) != context.session


def _occupy_both(
    context: Context, request: Initiate, telecaller: RequestedTelecaller
) -> tuple[NewCall, list[Address]]:
    """Start the call, or raise ``Refusal`` with the contract's first reason that applies.

    Returns the call and the telecaller's devices that ring. Among them are the lost ones that can
    be recovered: the ring is logged for them.

    The caller's account is read during the transaction, not before it: suspended callers are rare,
    and the check would delay every ring by a round trip.
    """
    me, account = context.session, telecaller.account
    limit = Window("initiate", settings().limit_call_initiate_per_minute, context.now_ms)
    if account is None:
        if not store.count_refused(me.person_id, context.arrival.id, limit):
            raise Refusal(NOT_STARTED[NotStarted.LIMITED])
        raise Refusal(TELECALLER_UNKNOWN if _may_call(me.person_id) else CALLER_UNAVAILABLE)
    call = NewCall(
        id=context.arrival.id,
        type=request.call_type,
        rate=account.rates.get(request.call_type, 0),
        user=Party(me.person_id, me.name, me.profile),
        telecaller=Party(account.id, account.name, account.profile),
    )
    members = set(telecaller.row.members or ())
    started, allowed = both(
        lambda: store.start(call, members, limit), lambda: _may_call(me.person_id)
    )
    if started is not NotStarted.LIMITED and not allowed:
        if not isinstance(started, NotStarted):
            store.withdraw(call)
        raise Refusal(CALLER_UNAVAILABLE)
    if isinstance(started, NotStarted):
        raise Refusal(NOT_STARTED[started].format(account.name))
    devices = [Address.of_member(TELECALLER.path, one) for one in sorted(started)]
    return call, devices + people.lost_addresses(TELECALLER.path, telecaller.row.away, started)


def _may_call(account_id: str) -> bool:
    """Return whether the account is active. A person without an account may call, too."""
    account = accounts.get(account_id)
    return account is None or account.active


def _ring(context: Context, call: NewCall, devices: list[Address]) -> bool:
    """Start the timer and ring. Returns whether any device was reached.

    A call whose timer cannot be started would ring for ever, so it is cancelled at once, and the
    error is raised. A call that cannot be cancelled needs no timer: it has been answered, or has
    ended and both parties have received the event. A post that fails cancels nothing: the other
    devices ring.
    """
    incoming = Incoming(call.id, call.type, call.user)
    row = people.key(TELECALLER.path, call.telecaller.id)
    error, reached = both(
        lambda: ring.try_start(context.ports, row, call.id),
        lambda: tell(context.emit, incoming.to(devices)),
    )
    if error and (done := _give_up(context, call, Trigger.CANCEL)):
        announcements.withdrawn(context, done, devices, reached=reached)
        raise error
    return bool(error) or reached


def _give_up(context: Context, call: NewCall, trigger: Trigger) -> Finished | None:
    """End a call that has just been started. Returns None if it no longer rings."""
    parties = rows.get_both(call.telecaller.id, call.user.id)
    return store.finish(parties, call.id, trigger, context.now_ms)


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
    call, message_id, member = row.current_call, context.arrival.message_id, context.address.member
    if call and row.is_in(call_id) and call.accepted_by != message_id:
        device = call.accepted_on
        may = device and (device == member or _is_gone(row, device))
        if may and store.take_over(row, limit.now_ms, message_id, member):
            return row
    _over(context, call_id)
    raise Refusal(NO_LONGER_AVAILABLE)


def _is_gone(row: PartyRow, device: str) -> bool:
    """Return whether a device, an ``Address.member``, has left its person, or is lost."""
    if device not in (row.members or ()):
        return True
    connection = connections.get(Address.of_member(TELECALLER.path, device).connection_id)
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
