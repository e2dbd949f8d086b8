"""What happens in a call: check, transition, emit."""

from __future__ import annotations

from dataclasses import dataclass

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
    Missed,
    Party,
    Rejected,
    Ringing,
)
from functions.calls.state import Status, Trigger
from functions.calls.store import CallRecord, NotStarted, Somebody
from shared import accounts
from shared.accounts import Account
from shared.errors import Refusal
from shared.parallel import both
from shared.realtime import people
from shared.realtime.context import Context, Emitter
from shared.realtime.namespaces import TELECALLER, USER
from shared.realtime.people import Person
from shared.registry import Outbound, Product
from shared.settings import settings

INVALID_REQUEST = "Invalid call request"
INVALID_TYPE = "Invalid call type"
CALLER_UNAVAILABLE = "Your account is not available. Please contact support."
TELECALLER_UNKNOWN = "This person is no longer available for calls."
UNREACHABLE = "{} is currently unavailable. Please try again later."
NOT_FOUND = "Call not found"
NO_LONGER_AVAILABLE = "Call is no longer available"
NOT_STARTED = {
    NotStarted.CALLER_IN_CALL: "You already have an active call.",
    NotStarted.TELECALLER_OFFLINE: "{} is currently offline. Please try again later.",
    NotStarted.TELECALLER_BUSY: "{} is busy on another call. Please try again later.",
}

calls = Product("calls")


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
    preload=load_telecaller,
)
def initiate(context: Context, request: Initiate) -> dict[str, str]:
    """Ring a telecaller on all their devices; the user's hear that it rings."""
    telecaller: Telecaller = context.preloaded
    call_id = context.ports.ids.call_id()
    account = _occupy_both(context, call_id, request, telecaller)
    if not _ring(context, call_id, request, telecaller.person):
        _give_up(context, call_id, telecaller.person)
        raise Refusal(UNREACHABLE.format(account.name))
    user = people.get(USER.path, context.session.person_id)
    shown = Party(account.id, account.name, account.profile)
    context.emit(Ringing(call_id, shown).to(user.addresses))
    return {"callId": call_id}


def _occupy_both(
    context: Context, call_id: str, request: Initiate, telecaller: Telecaller
) -> Account:
    """Start the call in the store or refuse with the contract's first reason that applies.

    The caller's account is read beside the transaction, not before it: suspended people are rare,
    a round trip before every ring is not.
    """
    me, account = context.session, telecaller.account
    if account is None:
        raise Refusal(TELECALLER_UNKNOWN if _may_call(me.person_id) else CALLER_UNAVAILABLE)
    refused, allowed = both(
        lambda: store.start(
            call_id,
            request.call_type,
            Somebody(me.person_id, me.name, me.profile),
            Somebody(account.id, account.name, account.profile),
            context.now_ms,
        ),
        lambda: _may_call(me.person_id),
    )
    if not allowed:
        if refused is None:
            _give_up(context, call_id, telecaller.person)
        raise Refusal(CALLER_UNAVAILABLE)
    if refused is not None:
        raise Refusal(NOT_STARTED[refused].format(account.name))
    return account


def _may_call(account_id: str) -> bool:
    account = accounts.get(account_id)
    return account is None or account.active


def _ring(context: Context, call_id: str, request: Initiate, telecaller: Person) -> bool:
    """Start the timer and ring; whether any device was reached. A call whose timer cannot be
    started would ring for ever, so it ends at once."""
    me = context.session
    incoming = Incoming(call_id, request.call_type, Party(me.person_id, me.name, me.profile))
    try:
        _, reached = both(
            lambda: context.ports.tasks.ring(
                call_id=call_id,
                person=telecaller.person,
                seconds=settings().ring_timeout_seconds,
            ),
            lambda: context.emit(incoming.to(telecaller.addresses)),
        )
    except Exception:
        _give_up(context, call_id, telecaller)
        context.emit(Cancelled(call_id).to(telecaller.addresses))
        raise
    return bool(reached)


def _give_up(context: Context, call_id: str, telecaller: Person) -> None:
    current = people.get(TELECALLER.path, telecaller.person_id)
    store.finish(current, call_id, Trigger.GONE, context.now_ms)


@calls.on("call:accept", namespaces=[TELECALLER.path], payload=CallRef, missing=INVALID_REQUEST)
def accept(context: Context, request: CallRef) -> None:
    """Both get credentials for the room; the telecaller's other devices stop ringing."""
    room = livekit.configured(settings(), context.ports.secrets)
    me, now = context.session, context.now_ms
    telecaller = store.accept(me.person_id, request.call_id, now)
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


@calls.on("call:reject", namespaces=[TELECALLER.path], payload=CallRef, missing=INVALID_REQUEST)
def reject(context: Context, request: CallRef) -> None:
    telecaller, user = _parties(context, request.call_id)
    _finish(context, telecaller, request.call_id, Trigger.REJECT)
    context.emit(
        Rejected(request.call_id).to(user.addresses),
        Cancelled(request.call_id).to(telecaller.others(context.address)),
    )


@calls.on(
    "call:cancel",
    namespaces=[USER.path],
    payload=CallRef,
    error_event=CallError.event,
    missing=INVALID_REQUEST,
)
def cancel(context: Context, request: CallRef) -> None:
    telecaller, user = _parties(context, request.call_id)
    _finish(context, telecaller, request.call_id, Trigger.CANCEL)
    context.emit(
        Cancelled(request.call_id).to(telecaller.addresses),
        Ended(request.call_id).to(user.others(context.address)),
    )


def end(context: Context, request: CallRef) -> None:
    """Hang up, from either side."""
    telecaller, user = _parties(context, request.call_id)
    _finish(context, telecaller, request.call_id, Trigger.END)
    everybody = [*telecaller.addresses, *user.addresses]
    context.emit(
        Ended(request.call_id).to(address for address in everybody if address != context.address)
    )


calls.on(
    "call:end",
    namespaces=[USER.path],
    payload=CallRef,
    error_event=CallError.event,
    missing=INVALID_REQUEST,
)(end)
calls.on("call:end", namespaces=[TELECALLER.path], payload=CallRef, missing=INVALID_REQUEST)(end)


@calls.on_last_leave(TELECALLER.path)
def telecaller_gone(context: Context, telecaller: Person) -> None:
    call = telecaller.current_call
    if call is None:
        return
    user = people.get(USER.path, call.peer_id)
    record = store.finish(telecaller, call.id, Trigger.GONE, context.now_ms)
    if record:
        context.emit(_farewell(record).to(user.addresses))


@calls.on_last_leave(USER.path)
def user_gone(context: Context, user: Person) -> None:
    call = user.current_call
    if call is None:
        return
    telecaller = people.get(TELECALLER.path, call.peer_id)
    record = store.finish(telecaller, call.id, Trigger.GONE, context.now_ms)
    if record:
        context.emit(_farewell(record).to(telecaller.addresses))


def ring_timeout(emit: Emitter, telecaller: Person, call_id: str, now_ms: int) -> None:
    """Nobody answered. Nothing happens where somebody did meanwhile."""
    record = store.finish(telecaller, call_id, Trigger.TIMEOUT, now_ms)
    if record:
        user = people.get(USER.path, record.user_id)
        emit(_farewell(record).to([*user.addresses, *telecaller.addresses]))


def _farewell(record: CallRecord) -> Outbound:
    missed = record.status == Status.MISSED
    return Missed(record.call_id) if missed else Ended(record.call_id)


def _parties(context: Context, call_id: str) -> tuple[Person, Person]:
    """The rows of telecaller and user of the asking person's current call, if it is this one."""
    me = context.session
    mine = people.get(me.namespace, me.person_id)
    call = mine.current_call
    if call is None or call.id != call_id:
        raise _unavailable(context, call_id)
    if me.namespace == TELECALLER.path:
        return mine, people.get(USER.path, call.peer_id)
    return people.get(TELECALLER.path, call.peer_id), mine


def _finish(context: Context, telecaller: Person, call_id: str, trigger: Trigger) -> None:
    if store.finish(telecaller, call_id, trigger, context.now_ms) is None:
        raise _unavailable(context, call_id)


def _unavailable(context: Context, call_id: str) -> Refusal:
    """Somebody else's call answers as one that does not exist."""
    me = context.session
    call = people.get(me.namespace, me.person_id).current_call
    if call is not None and call.id == call_id:
        return Refusal(NO_LONGER_AVAILABLE)
    record = store.record_of(call_id)
    party = record and me.person_id in (record.user_id, record.telecaller_id)
    return Refusal(NO_LONGER_AVAILABLE if party else NOT_FOUND)
