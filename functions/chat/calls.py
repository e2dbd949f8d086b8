"""WebRTC signalling: what two people's browsers tell each other, relayed between them only."""

from __future__ import annotations

from functools import partial
from typing import Any

from functions.chat import call_store
from functions.chat.call_store import CallRow, ChatCall
from functions.chat.events import (
    Accept,
    Accepted,
    CallRef,
    Candidate,
    CandidateReceived,
    Ended,
    Incoming,
    Invite,
    Invited,
    Rejected,
)
from functions.chat.product import chat, on
from functions.chat.state import Status, Trigger
from shared.aws.parallel import both
from shared.aws.retry import attempts
from shared.calling import call_records, ring
from shared.errors import Duplicate, Refusal
from shared.pipeline.context import Background, Context
from shared.pipeline.dispatch import NOT_PERMITTED
from shared.pipeline.payloads import Outbound
from shared.pipeline.sweep import Sweep
from shared.realtime.address import Address, Delivery
from shared.realtime.namespaces import CHAT, USER
from shared.realtime.people import Person

OFFLINE = "User is offline"
NOT_FOUND = "Call not found"
NO_LONGER_AVAILABLE = "Call is no longer available"
NOT_A_PARTY = "targetUserId: not the other party of the call"
ONESELF = "targetUserId: not somebody else"


@on("call:invite", Invite)
def invite(context: Context, request: Invite) -> Invited:
    """Ring every tab of the other person."""
    me = context.session
    permission = f"call.{request.call_type}"
    if not me.may(permission):
        raise Refusal(NOT_PERMITTED.format(permission))
    if request.target_user_id == me.person_id:
        raise Refusal(ONESELF)
    call = ChatCall(
        id=context.arrival.id,
        status=Status.RINGING.value,
        type=request.call_type,
        caller_id=me.person_id,
        callee_id=request.target_user_id,
        caller_tab=context.address.member,
        started_at=context.now_ms,
    )
    if not call_store.start(call):
        raise Refusal(OFFLINE)
    incoming = Incoming(
        call_id=call.id,
        from_=me.person_id,
        from_name=me.name,
        call_type=call.type,
        offer=request.offer,
    )
    if not _ring(context, call, incoming):
        call_store.finish(call.id, Trigger.GONE, context.now_ms)
        raise Refusal(OFFLINE)
    return Invited(call.id)


def _ring(context: Context, call: ChatCall, incoming: Incoming) -> bool:
    """Start the timer and ring; whether any tab was reached. A call whose timer cannot be started
    ends at once."""
    callee = call_store.party(call.callee_id).addresses(None)
    try:
        _, reached = both(
            lambda: ring.start(context.ports, ring.row_of_call(call.id), call.id),
            lambda: context.emit(incoming.to(callee)),
        )
    except Exception:
        call_store.finish(call.id, Trigger.GONE, context.now_ms)
        context.emit(Ended(call.id).to(callee))
        raise
    return bool(reached)


@on("call:accept", Accept)
def accept(context: Context, request: Accept) -> None:
    """The caller gets the answer; the accepter's other tabs stop ringing."""
    me, message_id = context.session, context.arrival.message_id
    call = _own(context, request.call_id, request.target_user_id)
    if call.callee_id != me.person_id:
        raise Refusal(NOT_FOUND)
    if not call_store.accept(call.id, context.address.member, context.now_ms, message_id):
        raise _unavailable(context, call.id)
    mine, caller = both(
        lambda: call_store.party(me.person_id), lambda: call_store.party(call.caller_id)
    )
    others = [one for one in mine.addresses(None) if one != context.address]
    context.emit(
        Accepted(call.id, request.answer).to(caller.addresses(call.caller_tab)),
        Ended(call.id).to(others),
    )


@on("call:reject", CallRef)
def reject(context: Context, request: CallRef) -> None:
    call = _own(context, request.call_id, request.target_user_id)
    if call.callee_id != context.session.person_id:
        raise Refusal(NOT_FOUND)
    _finish(context, call.id, Trigger.REJECT, Rejected(call.id))


@on("call:end", CallRef)
def end(context: Context, request: CallRef) -> None:
    """Hang up, from either side, whether it still rings or not."""
    call = _own(context, request.call_id, request.target_user_id)
    is_caller = call.caller_id == context.session.person_id
    trigger = Trigger.CALLER_ENDS if is_caller else Trigger.CALLEE_ENDS
    _finish(context, call.id, trigger, Ended(call.id))


@on("call:ice_candidate", Candidate)
def ice_candidate(context: Context, request: Candidate) -> None:
    """To the other party of whatever calls there are with them, ringing or not."""
    me, target = context.session, request.target_user_id
    calls = _calls_with(me.person_id, target)
    if not calls:
        raise Refusal(NOT_FOUND)
    theirs = call_store.party(target)
    received = CandidateReceived(from_=me.person_id, candidate=request.candidate)
    addresses = {address for call in calls for address in theirs.addresses(_tab_of(call, target))}
    context.emit(received.to(sorted(addresses)))


def _calls_with(person_id: str, target: str) -> list[ChatCall]:
    """The calls between two people. A candidate may overtake the invite it belongs to, so there is
    a moment for it to begin."""
    for _ in attempts():
        mine = call_store.party(person_id).with_peers()
        calls = [call_store.get(call_id) for call_id, peer in mine if peer == target]
        if found := [call for call in calls if call]:
            return found
    return []


@chat.on_last_leave(CHAT.path)
def party_gone(background: Background, person: Person) -> None:
    """The others of all calls of somebody whose last tab has gone."""
    mine = call_store.party(person.person_id)
    if mine.members:
        return
    for call_id, _peer in mine.with_peers():
        done = call_store.finish(call_id, Trigger.GONE, background.now_ms)
        if done:
            background.emit(*_to_both(done[0], Ended(call_id)))


@chat.on_ring_timeout(ring.CALL_ROW, row=CallRow)
def ring_timeout(background: Background, _row: CallRow, call_id: str) -> None:
    """End a call that has not been answered in time. All tabs of both receive ``call:ended``.

    Changes nothing if the call has been answered or has ended meanwhile.
    """
    done = call_store.finish(call_id, Trigger.TIMEOUT, background.now_ms)
    if done:
        background.emit(*_to_both(done[0], Ended(call_id)))


@chat.on_sweep
def time_out_forgotten(sweep: Sweep) -> None:
    """End calls that ring without a timer: it could not be started in time, or failed for good."""
    for call_id in call_store.overdue(ring.overdue_start_ms(sweep.now_ms)):
        if sweep.over:
            return
        sweep.attempt(call_id, partial(_time_out, sweep, call_id))


def _time_out(sweep: Sweep, call_id: str) -> None:
    done = call_store.finish(call_id, Trigger.TIMEOUT, sweep.now_ms)
    if done:
        sweep.emit(*_to_both(done[0], Ended(call_id)))
    call_store.forget_ringing(call_id)


def _own(context: Context, call_id: str, target: str | None) -> ChatCall:
    """A call of the asking person's. Somebody else's answers as one that does not exist."""
    me, call = context.session.person_id, call_store.get(call_id)
    if call is None or me not in (call.caller_id, call.callee_id):
        raise _unavailable(context, call_id)
    if target is not None and target != call.peer_of(me):
        raise Refusal(NOT_A_PARTY)
    return call


def _finish(context: Context, call_id: str, trigger: Trigger, event: Outbound) -> None:
    """End a call: ``event`` to the other party, and to the own tabs that ring in vain, its end."""
    done = call_store.finish(call_id, trigger, context.now_ms, context.arrival.message_id)
    if done is None:
        raise _unavailable(context, call_id)
    call, me = done[0], context.session.person_id
    peer = call.peer_of(me)
    mine, theirs = both(lambda: call_store.party(me), lambda: call_store.party(peer))
    own = [one for one in mine.addresses(_tab_of(call, me)) if one != context.address]
    context.emit(event.to(theirs.addresses(_tab_of(call, peer))), Ended(call_id).to(own))


def _tab_of(call: ChatCall, person_id: str) -> str | None:
    """The tab in which somebody has the call; None for a callee who has not answered."""
    tab: str | None = call.caller_tab if person_id == call.caller_id else call.callee_tab
    return tab


def _to_both(call: ChatCall, event: Outbound) -> list[Delivery]:
    caller, callee = both(
        lambda: call_store.party(call.caller_id), lambda: call_store.party(call.callee_id)
    )
    addresses: list[Address] = [
        *caller.addresses(call.caller_tab),
        *callee.addresses(call.callee_tab),
    ]
    return [event.to(addresses)]


def _unavailable(context: Context, call_id: str) -> Exception:
    me, message_id = context.session.person_id, context.arrival.message_id
    call = call_store.get(call_id)
    if call is not None and me in (call.caller_id, call.callee_id):
        return Duplicate() if call.accepted_by == message_id else Refusal(NO_LONGER_AVAILABLE)
    # As whoever made it, as in /user, or else as whoever took it.
    record: Any = call_records.find(USER.path, me, call_id) or call_records.find(
        CHAT.path, me, call_id
    )
    if record is None:
        return Refusal(NOT_FOUND)
    known = message_id in {record.accepted_by, record.ended_by}
    return Duplicate() if known else Refusal(NO_LONGER_AVAILABLE)
