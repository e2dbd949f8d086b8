"""What happens in a call: check, transition, emit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from functions.calls import livekit, store
from functions.calls.events import (
    Accepted,
    AcceptedByTelecaller,
    CallError,
    CallRef,
    Cancelled,
    Ended,
    Incoming,
    Initiate,
    Initiated,
    Missed,
    Party,
    Rejected,
    Ringing,
)
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.product import ASK, FINISH, PART, calls
from functions.calls.state import Status, Trigger
from functions.calls.store import NewCall, NotStarted, Parties, PartyDetails
from shared.aws.log import logger
from shared.aws.parallel import both
from shared.aws.retry import attempts
from shared.calling import call_records
from shared.calling.call_records import CallRecord
from shared.errors import Duplicate, Refusal
from shared.identity import accounts
from shared.identity.accounts import Account
from shared.pipeline.context import Background, Context
from shared.pipeline.deployment import Access
from shared.pipeline.payloads import Outbound
from shared.pipeline.product import Limit
from shared.pipeline.rate_limits import Window
from shared.pipeline.sweep import Sweep
from shared.realtime import connections, people
from shared.realtime.address import Delivery
from shared.realtime.people import Person
from shared.settings import settings

__all__ = ["calls"]

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
    NotStarted.TELECALLER_OFFLINE: "{} is currently offline. Please try again later.",
    NotStarted.TELECALLER_BUSY: "{} is busy on another call. Please try again later.",
}
INITIATE_LIMIT = Limit(
    "limit_call_initiate_per_minute",
    NOT_STARTED[NotStarted.LIMITED],
    CallError.event,
    in_handler=True,
)

calls.sends(USER.path, Ringing, AcceptedByTelecaller, Rejected, Missed, Ended, CallError)
calls.sends(TELECALLER.path, Incoming, Accepted, Cancelled, Missed, Ended)


@dataclass(frozen=True, slots=True)
class Telecaller:
    """Somebody to call: their row and their account, None where there is none to be called."""

    person: Person
    account: Account | None


def load_telecaller(request: Initiate) -> Telecaller:
    person, account = both(
        lambda: people.get(TELECALLER.path, request.telecaller_id),
        lambda: accounts.get(request.telecaller_id),
    )
    callable_ = account and account.role == TELECALLER.role and account.active and account.approved
    return Telecaller(person, account if callable_ else None)


@calls.on(
    "call:initiate",
    namespaces=[USER.path],
    payload=Initiate,
    error_event=CallError.event,
    missing=INVALID_REQUEST,
    texts={"callType": INVALID_TYPE},
    limit=INITIATE_LIMIT,
    preload=load_telecaller,
    access=PART
    | Access({"accounts": "GetItem", "connections": "GetItem", "calls": "Query"}, may="start-ring"),
)
def initiate(context: Context, request: Initiate) -> Initiated:
    """Ring a telecaller on all their devices; the user's hear that it rings, if it still does.

    One who turns out to have no device left has missed the call, as one has whose departure is
    noticed a moment later.
    """
    telecaller: Telecaller = context.preloaded
    call = _occupy_both(context, request, telecaller)
    if not _ring(context, call, telecaller.person):
        _give_up(context, call, Trigger.GONE)
        raise Refusal(UNREACHABLE.format(call.telecaller.name))
    user = people.get(USER.path, call.user.id)
    if not user.online and _has_left(context):
        user_gone(context, user)
    elif user.current_call and user.current_call.id == call.id:
        # The device that asks may not be on the row yet, when it asks as soon as it is connected.
        devices = {*user.addresses, context.address}
        context.emit(Ringing(call.id, Party(*call.telecaller)).to(devices))
    return Initiated(call.id)


def _has_left(context: Context) -> bool:
    """A caller who left before the call stood on their row has left no trace of it: whoever starts
    it must look."""
    connection = connections.get(context.address.connection_id)
    return connection is None or connection.session(USER.path) != context.session


def _occupy_both(context: Context, request: Initiate, telecaller: Telecaller) -> NewCall:
    """Start the call in the store or refuse with the contract's first reason that applies.

    The caller's account is read beside the transaction, not before it: suspended people are rare,
    a round trip before every ring is not.
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
        user=PartyDetails(me.person_id, me.name, me.profile),
        telecaller=PartyDetails(account.id, account.name, account.profile),
    )
    reason, allowed = both(lambda: store.start(call, limit), lambda: _may_call(me.person_id))
    if reason is not NotStarted.LIMITED and not allowed:
        if reason is None:
            store.withdraw(call)
        raise Refusal(CALLER_UNAVAILABLE)
    if reason is not None:
        raise Refusal(NOT_STARTED[reason].format(account.name))
    return call


def _may_call(account_id: str) -> bool:
    account = accounts.get(account_id)
    return account is None or account.active


def _ring(context: Context, call: NewCall, telecaller: Person) -> bool:
    """Start the timer and ring; whether any device was reached. A call whose timer cannot be
    started would ring for ever, so it is cancelled at once, unless somebody was quicker: an
    answered call needs no timer, and of one that is over both have heard."""
    incoming = Incoming(call.id, call.type, Party(*call.user))
    try:
        _, reached = both(
            lambda: context.ports.tasks.ring(
                call_id=call.id,
                person=telecaller.person,
                seconds=settings().ring_timeout_seconds,
            ),
            lambda: context.emit(incoming.to(telecaller.addresses)),
        )
    except Exception:
        if not _give_up(context, call, Trigger.CANCEL):
            logger.exception("ringing failed, but call %s was answered or over by then", call.id)
            return True
        context.emit(Cancelled(call.id).to(telecaller.addresses))
        raise
    return bool(reached)


def _give_up(context: Context, call: NewCall, trigger: Trigger) -> CallRecord | None:
    parties = Parties.read(call.telecaller.id, call.user.id)
    return store.finish(parties, call.id, trigger, context.now_ms)


@calls.on(
    "call:accept",
    namespaces=[TELECALLER.path],
    payload=CallRef,
    missing=INVALID_REQUEST,
    limit=Limit("limit_call_accept_per_minute"),
    access=ASK | Access({"people": "GetItem UpdateItem"}, may="read-secret"),
)
def accept(context: Context, request: CallRef) -> None:
    """Both get credentials for the room; the telecaller's other devices stop ringing."""
    room = livekit.configured(settings(), context.ports.secrets)
    me, now = context.session, context.now_ms
    telecaller = store.accept(me.person_id, request.call_id, now, context.arrival.message_id)
    if telecaller is None:
        raise _unavailable(context, request.call_id)
    call = telecaller.call
    user = people.get(USER.path, call.peer_id)
    context.emit(
        Accepted(
            call.id,
            call.type,
            Party(call.peer_id, call.peer_name, call.peer_profile),
            room.credentials(call.id, me.person_id, me.name, now),
        ).to([context.address]),
        AcceptedByTelecaller(
            call.id, room.credentials(call.id, call.peer_id, call.peer_name, now)
        ).to(user.addresses),
        Cancelled(call.id).to(telecaller.others(context.address)),
    )


@calls.on(
    "call:reject",
    namespaces=[TELECALLER.path],
    payload=CallRef,
    missing=INVALID_REQUEST,
    limit=Limit("limit_call_reject_per_minute"),
)
def reject(context: Context, request: CallRef) -> None:
    parties = _finish(context, request.call_id, Trigger.REJECT)
    context.emit(
        Rejected(request.call_id).to(parties.user.addresses),
        Cancelled(request.call_id).to(parties.telecaller.others(context.address)),
    )


@calls.on(
    "call:cancel",
    namespaces=[USER.path],
    payload=CallRef,
    error_event=CallError.event,
    missing=INVALID_REQUEST,
    limit=Limit("limit_call_cancel_per_minute"),
    access=FINISH | Access({"calls": "Query"}),
)
def cancel(context: Context, request: CallRef) -> None:
    parties = _finish(context, request.call_id, Trigger.CANCEL)
    context.emit(
        Cancelled(request.call_id).to(parties.telecaller.addresses),
        Ended(request.call_id).to(parties.user.others(context.address)),
    )


def end(context: Context, request: CallRef) -> None:
    """Hang up, from either side."""
    parties = _finish(context, request.call_id, Trigger.END)
    everybody = [*parties.telecaller.addresses, *parties.user.addresses]
    others = [address for address in everybody if address != context.address]
    _part(context, request.call_id, Ended(request.call_id).to(others))


for _namespace, _error_event in ((USER, CallError.event), (TELECALLER, "error")):
    calls.on(
        "call:end",
        namespaces=[_namespace.path],
        payload=CallRef,
        error_event=_error_event,
        missing=INVALID_REQUEST,
        limit=Limit("limit_call_end_per_minute"),
        access=PART | ASK,
    )(end)


@calls.on_last_leave(TELECALLER.path, access=PART)
def telecaller_gone(background: Background, telecaller: Person) -> None:
    call = telecaller.current_call
    if call is None:
        return
    parties = Parties(telecaller, people.get(USER.path, call.peer_id))
    record = store.finish(parties, call.id, Trigger.GONE, background.now_ms)
    if record:
        _say_farewell(background, record, parties.user)


@calls.on_last_leave(USER.path, access=PART)
def user_gone(background: Background, user: Person) -> None:
    call = user.current_call
    if call is None:
        return
    parties = Parties(people.get(TELECALLER.path, call.peer_id), user)
    record = store.finish(parties, call.id, Trigger.GONE, background.now_ms)
    if record:
        _say_farewell(background, record, parties.telecaller)


@calls.on_ring_timeout(TELECALLER.path, access=FINISH)
def ring_timeout(background: Background, telecaller: Person, call_id: str) -> None:
    """Nobody answered. Nothing happens where somebody did meanwhile."""
    call = telecaller.current_call
    if call is None:
        return
    parties = Parties(telecaller, people.get(USER.path, call.peer_id))
    record = store.finish(parties, call_id, Trigger.TIMEOUT, background.now_ms)
    if record:
        everybody = [*parties.user.addresses, *parties.telecaller.addresses]
        background.emit(_farewell(record).to(everybody))


@calls.on_sweep(access=FINISH | Access({"rooms": "Query", "people": "BatchGetItem"}))
def time_out_forgotten(sweep: Sweep) -> None:
    """Rings that have outlived their timer: it could not be started in time, or failed for good."""
    values = settings()
    seconds = values.ring_timeout_seconds + values.ring_timer_grace_seconds
    latest = sweep.now_ms - seconds * 1000
    for telecaller in people.connected(TELECALLER.path):
        call = telecaller.current_call
        if call and call.status == Status.RINGING and call.started_at <= latest:
            sweep.attempt(call.id, partial(ring_timeout, sweep, telecaller, call.id))
        if sweep.over:
            return


def _say_farewell(background: Background, record: CallRecord, left: Person) -> None:
    """To the one whom the other has left."""
    event = _farewell(record).to(left.addresses)
    if record.status == Status.COMPLETED:
        _part(background, record.call_id, event)
    else:
        background.emit(event)


def _part(background: Background, call_id: str, event: Delivery) -> None:
    """Every end of an answered call: say so and, beside that, have its LiveKit room deleted."""
    both(lambda: _delete_room(background, call_id), lambda: background.emit(event))


def _delete_room(background: Background, call_id: str) -> None:
    """A room that could not be queued is left to LiveKit, which ends it when it is empty."""
    try:
        background.ports.tasks.delete_livekit_room(room=call_id)
    except Exception:  # noqa: BLE001 - the call is over all the same
        logger.exception("room %s not queued for deletion", call_id)


def _farewell(record: CallRecord) -> Outbound:
    missed = record.status == Status.MISSED
    return Missed(record.call_id) if missed else Ended(record.call_id)


def _finish(context: Context, call_id: str, trigger: Trigger) -> Parties:
    """Finish the asking person's current call, if it is this one; the rows of both as they were.

    Raises ``Refusal`` with the contract's text.
    """
    parties = _parties(context, call_id)
    if trigger is Trigger.END:
        parties = _await_accept(parties, call_id)
    if not store.finish(parties, call_id, trigger, context.now_ms, context.arrival.message_id):
        raise _unavailable(context, call_id)
    return parties


def _parties(context: Context, call_id: str) -> Parties:
    me = context.session
    mine = people.get(me.namespace, me.person_id)
    call = mine.current_call
    if call is None or call.id != call_id:
        raise _unavailable(context, call_id)
    if me.namespace == TELECALLER.path:
        return Parties(mine, people.get(USER.path, call.peer_id))
    return Parties(people.get(TELECALLER.path, call.peer_id), mine)


def _await_accept(parties: Parties, call_id: str) -> Parties:
    """Give an accept that was sent just before, and that this end has overtaken, a moment: frames
    of one connection run in any order."""
    for _ in attempts():
        call = parties.telecaller.current_call
        if call is None or call.id != call_id or call.status != Status.RINGING:
            break
        parties = Parties.read(parties.telecaller.person_id, parties.user.person_id)
    return parties


def _unavailable(context: Context, call_id: str) -> Exception:
    """Somebody else's call answers as one that does not exist."""
    me = context.session
    call = people.get(me.namespace, me.person_id).current_call
    if call is not None and call.id == call_id:
        if call.accepted_by == context.arrival.message_id:
            return Duplicate()
        return Refusal(NO_LONGER_AVAILABLE)
    record = call_records.find(me.person_id, call_id, as_caller=me.namespace == USER.path)
    if record is None:
        return Refusal(NOT_FOUND)
    if context.arrival.message_id in (record.accepted_by, record.ended_by):
        return Duplicate()
    return Refusal(NO_LONGER_AVAILABLE)
