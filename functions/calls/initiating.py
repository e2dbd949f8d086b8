"""The event with which a user calls a telecaller."""

from __future__ import annotations

import msgspec

from functions.calls import announcements, endings, rows, starting, store
from functions.calls.events import (
    INVALID_REQUEST,
    CallError,
    Incoming,
    Initiate,
    Initiated,
    Party,
    Ringing,
)
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.product import MAY_END_CALL, calls
from functions.calls.rows import PartyRow
from functions.calls.starting import NewCall, NotStarted
from functions.calls.state import Trigger
from functions.calls.store import Finished
from shared.aws.parallel import both
from shared.calling import ring
from shared.calling.telling import tell
from shared.errors import Refusal
from shared.identity import accounts
from shared.identity.accounts import Account
from shared.pipeline.context import Context
from shared.pipeline.declarations import Limit
from shared.pipeline.deployment import Access
from shared.pipeline.rate_limits import Window
from shared.realtime import connections, people
from shared.realtime.address import Address
from shared.settings import settings

INVALID_TYPE = "Invalid call type"
CALLER_UNAVAILABLE = "Your account is not available. Please contact support."
TELECALLER_UNKNOWN = "This person is no longer available for calls."
UNREACHABLE = "{} is currently unavailable. Please try again later."
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


class RequestedTelecaller(msgspec.Struct, frozen=True):
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
    | Access(
        {"accounts": "GetItem", "connections": "GetItem", "calls": "Query"},
        may="start-ring read-secret",
    ),
)
def initiate(context: Context, request: Initiate) -> Initiated:
    """Call a telecaller. The telecaller's devices receive `call:incoming`; the user's devices
    receive `call:ringing` if the call still rings then. If the call is not answered in time, both
    receive `call:missed`. If no device of the telecaller can be reached, the call is refused,
    unless it waits for one that is woken by a push.

    In the last case the call is recorded as missed, as if the stack had noticed a moment later that
    the telecaller has left. The user's other devices, which may show it, receive `call:missed`.
    """
    telecaller: RequestedTelecaller = context.preloaded
    call, rung = _occupy_both(context, request, telecaller)
    if not _ring(context, call, rung) and not _waits_for_app(call, rung):
        if done := _give_up(context, call, Trigger.GONE):
            announcements.withdrawn(context, done, rung, context.address, reached=False)
        raise Refusal(UNREACHABLE.format(call.telecaller.name))
    user = rows.get(USER.path, call.user.id)
    if not user.online and _has_left(context):
        endings.user_gone(context, user)
    elif user.is_in(call.id):
        # A device that calls as soon as it is connected may not be on the row yet.
        callers = {*user.addresses, context.address}
        tell(context.emit, Ringing(call.id, call.telecaller).to(callers))
        # The call may have been answered or have ended before all of them have heard of it.
        if newer := announcements.newest(context.ports, context.session, call.id):
            tell(context.emit, newer.to(callers))
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
        if not starting.count_refused(me.person_id, context.arrival.id, limit):
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
        lambda: starting.start(call, members, limit), lambda: _may_call(me.person_id)
    )
    if started is not NotStarted.LIMITED and not allowed:
        if not isinstance(started, NotStarted):
            starting.withdraw(call)
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
        announcements.withdrawn(context, done, devices, context.address, reached=reached)
        raise error
    return bool(error) or reached


def _give_up(context: Context, call: NewCall, trigger: Trigger) -> Finished | None:
    """End a call that has just been started. Returns None if it no longer rings."""
    parties = rows.get_both(call.telecaller.id, call.user.id)
    return store.finish(parties, call.id, trigger, context.now_ms)
