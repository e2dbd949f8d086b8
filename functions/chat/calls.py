"""WebRTC calls: signalling that is relayed between the two parties of a call only."""

from __future__ import annotations

from functools import partial

from functions.chat import call_store
from functions.chat.call_events import (
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
from functions.chat.call_store import CallRow, ChatCall, Party
from functions.chat.namespaces import CHAT
from functions.chat.product import CHAT_ERROR, chat, on
from functions.chat.state import Status, Trigger
from shared.aws.parallel import both
from shared.aws.retry import attempts
from shared.calling import call_records, ring
from shared.calling.call_records import CallRecord, Ender
from shared.calling.telling import tell
from shared.errors import Duplicate, Refusal
from shared.pipeline.context import Background, Context
from shared.pipeline.deployment import Access
from shared.pipeline.dispatch import NOT_PERMITTED
from shared.pipeline.payloads import Outbound
from shared.pipeline.product import Limit
from shared.pipeline.rate_limits import Window
from shared.pipeline.sweep import Sweep
from shared.realtime.people import Person
from shared.settings import settings

OFFLINE = "User is offline"
NOT_FOUND = "Call not found"
NO_LONGER_AVAILABLE = "Call is no longer available"
INVITED = "invited"
"""The prefix of the attributes that count a person's invites, on their row."""

NOT_A_PARTY = "targetUserId: not the other party of the call"
ONESELF = "targetUserId: not somebody else"


Triggers = tuple[Trigger | None, Trigger | None]
"""What the caller and the callee do to a call with an event; None if the event is not for them."""

_MAY_END_CALL = Access({"people": "DeleteItem GetItem UpdateItem", "calls": "PutItem"})
_MAY_READ_RECORDS = Access({"calls": "Query", "calls/callee": "Query"})


@on(
    "call:invite",
    Invite,
    limit=Limit("limit_invites_per_minute", event=CHAT_ERROR, in_handler=True),
    access=_MAY_END_CALL | Access({"people": "PutItem", "chat": "PutItem"}, may="start-ring"),
)
def invite(context: Context, request: Invite) -> Invited:
    """Call another user. The acknowledgement carries the call's id. Every tab of the other user
    receives ``call:incoming``. If the call is not answered in time (30 seconds by default), the
    tabs of both parties receive ``call:ended``."""
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
    per_minute = settings().limit_invites_per_minute
    if not call_store.start(call, Window.coarse(INVITED, per_minute, context.now_ms)):
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
    """Start the ring timer and send ``call:incoming``. Returns whether any tab was reached.

    If the timer cannot be started, the call ends at once and the error is raised, unless the call
    has been answered or is over by then. A post that fails ends nothing: the other tabs ring.
    """
    callee = call_store.party(call.callee_id).addresses(None)
    error, reached = both(
        lambda: ring.try_start(context.ports, ring.row_of_call(call.id), call.id),
        lambda: tell(context.emit, incoming.to(callee)),
    )
    if error and call_store.finish(call.id, Trigger.TIMEOUT, context.now_ms):
        tell(context.emit, Ended(call.id).to(callee))
        raise error
    return bool(error) or reached


@on("call:accept", Accept, access=_MAY_READ_RECORDS | Access({"people": "GetItem UpdateItem"}))
def accept(context: Context, request: Accept) -> None:
    """Accept a call that rings. The tab that called receives ``call:accepted`` with the answer; the
    accepting user's other tabs receive ``call:ended``."""
    me, message_id = context.session, context.arrival.message_id
    call = _own(context, request.call_id, request.target_user_id)
    if call.callee_id != me.person_id:
        raise Refusal(NOT_FOUND)
    first = call_store.accept(call.id, context.address.member, context.now_ms, message_id)
    mine, caller = both(
        lambda: call_store.party(me.person_id), lambda: call_store.party(call.caller_id)
    )
    if not first and not _accepted_before(context, call.id, mine):
        raise Refusal(NO_LONGER_AVAILABLE)
    if not caller.is_in(call.id):
        return  # the call is over, and whatever has ended it announces the end
    theirs = caller.addresses(call.caller_tab)
    others = [one for one in mine.addresses(None) if one != context.address]
    tell(
        context.emit,
        Accepted(call.id, request.answer).to(theirs),
        Ended(call.id).to(others),
    )
    if call_store.get(call.id) is None:
        # The events of the end may have arrived before these, so the end has the last word again.
        tell(context.emit, Ended(call.id).to([context.address, *theirs]))


def _accepted_before(context: Context, call_id: str, mine: Party) -> bool:
    """Return whether this tab has accepted the call before, and it goes on.

    A tab accepts again if it has received no answer. If the tab that accepted is gone, any tab of
    the person may do so. Raises ``Refusal`` or ``Duplicate`` if the call is over, and ``Duplicate``
    if this frame has accepted it.
    """
    call = call_store.get(call_id)
    if call is None:
        _over(context, call_id)
        return False
    if call.accepted_by == context.arrival.message_id:
        raise Duplicate
    tab = call.callee_tab
    return bool(tab) and (tab == context.address.member or tab not in (mine.members or ()))


@on("call:reject", CallRef, access=_MAY_END_CALL | _MAY_READ_RECORDS)
def reject(context: Context, request: CallRef) -> None:
    """Reject a call that rings. The tab that called receives ``call:rejected``; the rejecting
    user's other tabs receive ``call:ended``."""
    _finish(context, request, (None, Trigger.REJECT), Rejected(request.call_id))


@on("call:end", CallRef, access=_MAY_END_CALL | _MAY_READ_RECORDS)
def end(context: Context, request: CallRef) -> None:
    """End a call, from either side, whether it still rings or has been accepted. The other party
    receives ``call:ended``, and so do the user's other tabs that ring or have the call."""
    triggers = Trigger.CALLER_ENDS, Trigger.CALLEE_ENDS
    _finish(context, request, triggers, Ended(request.call_id))


@on("call:ice_candidate", Candidate, access=Access({"people": "GetItem"}))
def ice_candidate(context: Context, request: Candidate) -> None:
    """Send an ICE candidate to the other party of a call, whether it still rings or has been
    accepted. The tab of the other party that has the call, or every tab that rings, receives
    ``call:ice_candidate``."""
    me, target = context.session, request.target_user_id
    calls = _calls_with(me.person_id, target)
    if not calls:
        raise Refusal(NOT_FOUND)
    peer = call_store.party(target)
    received = CandidateReceived(from_=me.person_id, candidate=request.candidate)
    addresses = {address for call in calls for address in peer.addresses(_tab_of(call, target))}
    context.emit(received.to(sorted(addresses)))


def _calls_with(person_id: str, target: str) -> list[ChatCall]:
    """Return the calls between two people that ring or are accepted.

    A candidate may overtake the invite of its call, so this waits a moment for the call to begin.
    """
    for _ in attempts():
        mine = call_store.party(person_id).with_peers()
        calls = [call_store.get(call_id) for call_id, peer in mine if peer == target]
        if found := [call for call in calls if call]:
            return found
    return []


@chat.on_last_leave(CHAT.path, access=_MAY_END_CALL)
def party_gone(background: Background, person: Person) -> None:
    """End all calls of a person whose last tab has closed. Idempotent.

    Both parties of each call receive ``call:ended``.
    """
    mine = call_store.party(person.person_id)
    if mine.members:
        return
    for call_id, _peer in mine.with_peers():
        _end_for_both(background, call_id, Trigger.GONE)


@chat.on_ring_timeout(ring.CALL_ROW, row=CallRow, access=_MAY_END_CALL)
def ring_timeout(background: Background, _row: CallRow, call_id: str) -> None:
    """End a call that has not been answered in time. All tabs of both receive ``call:ended``.

    Changes nothing if the call has been answered or has ended meanwhile.
    """
    _end_for_both(background, call_id, Trigger.TIMEOUT)


@chat.on_sweep(access=_MAY_END_CALL | Access({"chat": "DeleteItem Query"}))
def time_out_forgotten(sweep: Sweep) -> None:
    """End calls that ring without a timer: it could not be started in time, or failed for good."""
    for call_id in call_store.overdue(ring.overdue_start_ms(sweep.now_ms)):
        if sweep.over:
            return
        sweep.attempt(call_id, partial(_time_out, sweep, call_id))


def _time_out(sweep: Sweep, call_id: str) -> None:
    """End a call if it still rings, and forget that it rang. Idempotent."""
    _end_for_both(sweep, call_id, Trigger.TIMEOUT)
    call_store.forget_ringing(call_id)


def _own(context: Context, call_id: str, target: str | None) -> ChatCall:
    """Return a call of the person who sent the frame.

    Raises ``Refusal`` or ``Duplicate`` if it is over, and ``Refusal`` if ``target`` is not its
    other party. A call of other people is refused exactly as a call that does not exist.
    """
    call = _running(context, call_id, target)
    if call is None:
        _over(context, call_id)
        raise Refusal(NO_LONGER_AVAILABLE)
    return call


def _running(context: Context, call_id: str, target: str | None) -> ChatCall | None:
    """Return a call of the person who sent the frame that rings or goes on. Returns None if there
    is no such call. Raises ``Refusal`` if ``target`` is not its other party."""
    me, call = context.session.person_id, call_store.get(call_id)
    if call is None or me not in (call.caller_id, call.callee_id):
        return None
    if target not in (None, call.peer_of(me)):
        raise Refusal(NOT_A_PARTY)
    return call


def _finish(context: Context, request: CallRef, triggers: Triggers, event: Outbound) -> None:
    """End a call, and send ``event`` to the other party.

    The other tabs of the person who ends it receive ``call:ended`` if they ring or have the call.
    If this person has ended the call in the same way before, the events are sent again: the person
    asks again because no answer came. Raises ``Refusal`` or ``Duplicate`` if the call cannot be
    ended.
    """
    me = context.session.person_id
    my_tab = peer_tab = None
    if call := _end_running(context, request, triggers):
        peer = call.peer_of(me)
        my_tab, peer_tab = _tab_of(call, me), _tab_of(call, peer)
    else:
        peer = _peer_if_ended_before(context, request, triggers)
    mine, other = both(lambda: call_store.party(me), lambda: call_store.party(peer))
    own = [one for one in mine.addresses(my_tab) if one != context.address]
    tell(context.emit, event.to(other.addresses(peer_tab)), Ended(request.call_id).to(own))


def _end_running(context: Context, request: CallRef, triggers: Triggers) -> ChatCall | None:
    """End a call, and return it as it was before. Returns None if it cannot be ended.

    Raises ``Refusal`` if the person or ``target_user_id`` may have no part in this.
    """
    me = context.session.person_id
    call = _running(context, request.call_id, request.target_user_id)
    if call is None:
        return None
    trigger = triggers[me == call.callee_id]
    if trigger is None:
        raise Refusal(NOT_FOUND)
    ender = Ender(me, context.arrival.message_id)
    done = call_store.finish(call.id, trigger, context.now_ms, ender)
    return done[0] if done else None


def _peer_if_ended_before(context: Context, request: CallRef, triggers: Triggers) -> str:
    """Return the other party of a call that this person has ended in the same way before.

    Raises ``Refusal`` or ``Duplicate`` if it is not so.
    """
    me = context.session.person_id
    record = _over(context, request.call_id)
    is_callee = me == record.callee_id
    trigger = triggers[is_callee]
    if trigger is None or not record.was_ended(call_store.PRODUCT, trigger, me):
        raise Refusal(NO_LONGER_AVAILABLE)
    peer = record.caller_id if is_callee else record.callee_id
    if request.target_user_id not in (None, peer):
        raise Refusal(NOT_A_PARTY)
    return peer


def _tab_of(call: ChatCall, person_id: str) -> str | None:
    """Return the tab that has the call. Returns None for a callee who has not answered."""
    tab: str | None = call.caller_tab if person_id == call.caller_id else call.callee_tab
    return tab


def _end_for_both(background: Background, call_id: str, trigger: Trigger) -> None:
    """End a call without a message of a party.

    The tabs of both parties that have the call, or ring, receive ``call:ended``. Changes nothing if
    the call is over or the trigger has no effect in its state.
    """
    done = call_store.finish(call_id, trigger, background.now_ms)
    if done is None:
        return
    call, _ = done
    caller, callee = both(
        lambda: call_store.party(call.caller_id), lambda: call_store.party(call.callee_id)
    )
    tabs = [*caller.addresses(call.caller_tab), *callee.addresses(call.callee_tab)]
    tell(background.emit, Ended(call_id).to(tabs))


def _over(context: Context, call_id: str) -> CallRecord:
    """Return the record of a call of this person that is over.

    Raises ``Refusal`` if the call goes on or the person has no such call, and ``Duplicate`` if this
    frame has accepted or ended the call before.
    """
    me, message_id = context.session.person_id, context.arrival.message_id
    call = call_store.get(call_id)
    if call is not None and me in (call.caller_id, call.callee_id):
        raise Duplicate if call.accepted_by == message_id else Refusal(NO_LONGER_AVAILABLE)
    # The person may be the call's caller or its callee.
    record = call_records.find(me, call_id, as_caller=True) or call_records.find(
        me, call_id, as_caller=False
    )
    if record is None:
        raise Refusal(NOT_FOUND)
    if message_id in {record.accepted_by, record.ended_by}:
        raise Duplicate
    return record
