"""WebRTC calls: signalling that is relayed between the two parties of a call only."""

from __future__ import annotations

from functools import partial
from typing import get_args

from functions.chat import call_announcements, call_endings, call_rows, call_store, pushes
from functions.chat.call_events import (
    Accept,
    CallRef,
    CallType,
    Candidate,
    CandidateReceived,
    Incoming,
    Invite,
    Invited,
)
from functions.chat.call_rows import CallRow, ChatCall, HeldCandidate, Party
from functions.chat.call_store import Finished, Started
from functions.chat.product import CHAT_ERROR, MAY_END_CALL, MAY_READ_RECORDS, on
from functions.chat.state import Status, Trigger
from shared.aws.parallel import both, together
from shared.aws.retry import attempts
from shared.calling import call_records, ring, waking
from shared.calling.call_records import CallRecord, Ender
from shared.calling.telling import tell
from shared.errors import Duplicate, Refusal
from shared.pipeline.context import Context
from shared.pipeline.declarations import Limit
from shared.pipeline.deployment import Access
from shared.pipeline.dispatch import NOT_PERMITTED
from shared.pipeline.rate_limits import Window
from shared.protocol import json
from shared.realtime.address import Address
from shared.realtime.untold import announce
from shared.settings import settings

__all__ = ["call_endings"]

OFFLINE = "User is offline"
NOT_FOUND = "Call not found"
NO_LONGER_AVAILABLE = "Call is no longer available"
INVITED = "invited"
"""The prefix of the attributes that count a person's invites, on their row."""

NOT_A_PARTY = "targetUserId: not the other party of the call"
ONESELF = "targetUserId: not somebody else"
TOO_MANY = "Too many candidates before the other party can use them"


Triggers = tuple[Trigger | None, Trigger | None]
"""What the caller and the callee do to a call with an event; None if the event is not for them."""


@on(
    "call:invite",
    Invite,
    refusals=[
        *(NOT_PERMITTED.format(f"call.{one}") for one in get_args(CallType)),
        ONESELF,
        OFFLINE,
    ],
    limit=Limit("limit_invites_per_minute", event=CHAT_ERROR, in_handler=True),
    access=MAY_END_CALL | Access({"people": "PutItem", "chat": "PutItem"}, may="start-ring"),
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
        caller_name=me.name,
        callee_id=request.target_user_id,
        caller_tab=context.address.member,
        started_at=context.now_ms,
    )
    incoming = Incoming(
        call_id=call.id,
        from_=me.person_id,
        from_name=me.name,
        call_type=call.type,
        offer=request.offer,
    )
    limit = Window.coarse(INVITED, settings().limit_invites_per_minute, context.now_ms)
    kept = json.dumps(incoming)
    started = call_store.start(call, kept, limit)
    if started is None:
        raise Refusal(OFFLINE)
    reached = _ring(context, started, incoming)
    if not reached and _waits_for_tab(started, kept):
        pushes.send(context, *waking.rings(pushes.ring_of(started.row.call)))
    elif not reached:
        if done := call_store.finish(call.id, Trigger.GONE, context.now_ms):
            # Tabs that have come meanwhile ring, and lost ones may come back.
            call_announcements.ended(context, done, but=context.address)
        raise Refusal(OFFLINE)
    return Invited(call.id)


def _waits_for_tab(started: Started, incoming: str) -> bool:
    """Return whether a call that has reached no tab rings on, because a push wakes one.

    incoming: the payload of ``call:incoming`` as JSON. A tab that comes later rings only if it is
        short enough to be kept.
    """
    values = settings()
    if not values.ring_by_push or len(incoming.encode()) > values.kept_offer_bytes:
        return False
    callee = call_rows.party(started.row.call.callee_id)
    return bool(callee.devices and (callee.members or callee.awaited))


def _ring(context: Context, started: Started, incoming: Incoming) -> bool:
    """Start the ring timer and send ``call:incoming``. Returns whether any tab was reached.

    If the timer cannot be started, the call ends at once and the error is raised, unless the call
    has been answered or is over by then. A post that fails ends nothing: the other tabs ring.
    """
    row, tabs = started
    call = row.call
    error, reached = both(
        lambda: ring.try_start(context.ports, row.person, call.id),
        lambda: call_announcements.rung(context, row, call.started, incoming, tabs),
    )
    if error and (done := call_store.finish(call.id, Trigger.TIMEOUT, context.now_ms)):
        call_announcements.ended(context, done, but=context.address)
        raise error
    return bool(error) or reached


def read_call(request: Accept | CallRef) -> CallRow | None:
    """Return the call that a request names. Returns None if it does not exist or is over."""
    return call_rows.get(request.call_id)


@on(
    "call:accept",
    Accept,
    refusals=[NOT_FOUND, NO_LONGER_AVAILABLE, NOT_A_PARTY],
    preload=read_call,
    access=MAY_READ_RECORDS | Access({"people": "GetItem UpdateItem"}, may="send-push"),
)
def accept(context: Context, request: Accept) -> None:
    """Accept a call that rings. The tab that called receives ``call:accepted`` with the answer; the
    accepting user's other tabs receive ``call:ended``."""
    me, tab, call_id = context.session.person_id, context.address.member, request.call_id
    row = _own(context, call_id, request.target_user_id)
    if row.call.callee_id != me:
        raise Refusal(NOT_FOUND)
    answer, now_ms = json.dumps(request.answer), context.now_ms
    accepted = call_store.accept(
        call_id, tab, answer, now_ms, context.arrival.message_id
    ) or _accepted_before(context, call_id, answer, now_ms)
    mark = call_store.mark_of_accept(call_id, now_ms)
    announce(lambda: call_announcements.accepted(context, accepted, mark, request.answer))


def _accepted_before(context: Context, call_id: str, answer: str, now_ms: int) -> CallRow:
    """Accept a call once more, and return its row after that.

    A tab accepts again if it has received no answer. If the tab that accepted is gone, any tab of
    the person may do so, and has the call then. Raises ``Refusal`` or ``Duplicate`` if the call is
    over, ``Refusal`` if another tab has it, and ``Duplicate`` if this frame has accepted it.
    """
    row, tab, me = call_rows.get(call_id), context.address, context.session.person_id
    if row is None:
        _over(context, call_id)
        raise Refusal(NO_LONGER_AVAILABLE)
    if row.call.accepted_by == context.arrival.message_id:
        raise Duplicate
    has_it = call_rows.address(row.call.callee_tab)
    may = has_it.is_same(tab) or not has_it.among(call_rows.party(me).connected)
    if not may or not call_store.take_over(row, tab.member, answer, now_ms):
        raise Refusal(NO_LONGER_AVAILABLE)
    return row


@on(
    "call:reject",
    CallRef,
    refusals=[NOT_FOUND, NO_LONGER_AVAILABLE, NOT_A_PARTY],
    preload=read_call,
    access=MAY_END_CALL | MAY_READ_RECORDS,
)
def reject(context: Context, request: CallRef) -> None:
    """Reject a call that rings. The tab that called receives ``call:rejected``; the rejecting
    user's other tabs receive ``call:ended``."""
    _finish(context, request, (None, Trigger.REJECT))


@on(
    "call:end",
    CallRef,
    refusals=[NOT_FOUND, NO_LONGER_AVAILABLE, NOT_A_PARTY],
    preload=read_call,
    access=MAY_END_CALL | MAY_READ_RECORDS,
)
def end(context: Context, request: CallRef) -> None:
    """End a call, from either side, whether it still rings or has been accepted. The other party
    receives ``call:ended``, and so do the user's other tabs that ring or have the call."""
    _finish(context, request, (Trigger.CALLER_ENDS, Trigger.CALLEE_ENDS))


@on(
    "call:ice_candidate",
    Candidate,
    refusals=[NOT_FOUND, NO_LONGER_AVAILABLE, NOT_A_PARTY, TOO_MANY],
    preload=lambda request: call_rows.party(request.target_user_id),
    access=Access({"people": "GetItem UpdateItem"}),
)
def ice_candidate(context: Context, request: Candidate) -> None:
    """Send an ICE candidate to the other party of a call, whether it still rings or has been
    accepted. The tab of the other party that has the call, or every tab that rings, receives
    ``call:ice_candidate``. Clients can use a candidate only after ``call:incoming`` or
    ``call:accepted``: one that comes before is sent after it."""
    me, target = context.session.person_id, request.target_user_id
    peer, rows = _calls_with(me, target, context.preloaded)
    if not rows:
        raise Refusal(NOT_FOUND)
    candidate = HeldCandidate(context.arrival.id, me, request.candidate)
    usable = [row for row in rows if not _held(row, candidate)]
    if usable:
        tabs = {one for row in usable for one in _tabs_of(row, peer, target)}
        received = CandidateReceived(from_=me, candidate=request.candidate)
        tell(context.emit, received.to(sorted(tabs)))


def _held(row: CallRow, candidate: HeldCandidate) -> bool:
    """Keep a candidate for later if the other party cannot use it yet.

    Returns whether it need not be sent now: it is kept, or the call is over by now. Raises
    ``Refusal`` if the call keeps too many candidates already, or this one is too long.
    """
    if not call_store.is_early(row, candidate):
        return False
    values = settings()
    long = len(candidate.text.encode()) > values.held_candidate_bytes
    if long or len(row.held or ()) >= values.held_candidates:
        raise Refusal(TOO_MANY)
    return call_store.hold(row, candidate) or call_rows.get(row.call.id) is None


def _calls_with(person_id: str, target: str, party: Party) -> tuple[Party, list[CallRow]]:
    """Return a person's row, and the calls between two people that ring or are accepted.

    A candidate may overtake the invite of its call, so this waits a moment for the call to begin.

    target, party: the other person, and their row as it has been read.
    """
    known: Party | None = party
    found: list[CallRow] = []
    for _ in attempts():
        peer, known = known or call_rows.party(target), None
        with_me = [call_id for call_id, one in peer.with_peers() if one == person_id]
        rows = together([partial(call_rows.get, call_id) for call_id in with_me])
        if found := [row for row in rows if row]:
            break
    return peer, found


def _own(context: Context, call_id: str, target: str | None) -> CallRow:
    """Return a call of the person who sent the frame.

    Raises ``Refusal`` or ``Duplicate`` if it is over, and ``Refusal`` if ``target`` is not its
    other party. A call of other people is refused exactly as a call that does not exist.
    """
    row = _running(context, target)
    if row is None:
        _over(context, call_id)
        raise Refusal(NO_LONGER_AVAILABLE)
    return row


def _running(context: Context, target: str | None) -> CallRow | None:
    """Return a call of the person who sent the frame that rings or goes on. Returns None if there
    is no such call. Raises ``Refusal`` if ``target`` is not its other party."""
    me = context.session.person_id
    row: CallRow | None = context.preloaded
    if row is None or me not in (row.call.caller_id, row.call.callee_id):
        return None
    if target not in (None, row.call.peer_of(me)):
        raise Refusal(NOT_A_PARTY)
    return row


def _finish(context: Context, request: CallRef, triggers: Triggers) -> None:
    """End a call, and announce it.

    If this person has ended the call in the same way before, the person is answered as the first
    time, and what has not been announced is. Raises ``Refusal`` or ``Duplicate`` if the call cannot
    be ended.
    """
    # A tab that has left misses the event, as it misses those before: a tab that has come in its
    # place receives them all.
    asker = None if context.connection.leaving else context.address
    if done := _end_running(context, request, triggers):
        call_announcements.ended(context, done, but=asker)
    else:
        _require_ended_before(context, request, triggers)
        call_announcements.ended_before(context, request.call_id, but=asker)


def _end_running(context: Context, request: CallRef, triggers: Triggers) -> Finished | None:
    """End a call. Returns None if it cannot be ended.

    Raises ``Refusal`` if the person or ``target_user_id`` may have no part in this.
    """
    me = context.session.person_id
    row = _running(context, request.target_user_id)
    if row is None:
        return None
    trigger = triggers[me == row.call.callee_id]
    if trigger is None:
        raise Refusal(NOT_FOUND)
    ender = Ender(me, context.arrival.message_id)
    return call_store.finish(request.call_id, trigger, context.now_ms, ender, known=row)


def _require_ended_before(context: Context, request: CallRef, triggers: Triggers) -> None:
    """Raise ``Refusal`` or ``Duplicate`` unless this person has ended the call in the same way
    before."""
    me = context.session.person_id
    record = _over(context, request.call_id)
    is_callee = me == record.callee_id
    trigger = triggers[is_callee]
    if trigger is None or not record.was_ended(call_store.PRODUCT, trigger, me):
        raise Refusal(NO_LONGER_AVAILABLE)
    if request.target_user_id not in (None, record.caller_id if is_callee else record.callee_id):
        raise Refusal(NOT_A_PARTY)


def _tabs_of(row: CallRow, party: Party, person_id: str) -> list[Address]:
    """Return the tab of a party that has the call, or the tabs on which it rings."""
    call = row.call
    tab = call.caller_tab if person_id == call.caller_id else call.callee_tab
    if tab is None:
        return [one.among(party.connected) or one for one in row.ringing] + party.lost
    now = call_rows.address(tab).among(party.connected)
    return [now] if now else party.addresses()


def _over(context: Context, call_id: str) -> CallRecord:
    """Return the record of a call of this person that is over.

    Raises ``Refusal`` if the call goes on or the person has no such call, and ``Duplicate`` if this
    frame has accepted or ended the call before.
    """
    me, message_id = context.session.person_id, context.arrival.message_id
    row = call_rows.get(call_id)
    if row is not None and me in (row.call.caller_id, row.call.callee_id):
        raise Duplicate if row.call.accepted_by == message_id else Refusal(NO_LONGER_AVAILABLE)
    # The person may be the call's caller or its callee.
    record = call_records.find(me, call_id, as_caller=True) or call_records.find(
        me, call_id, as_caller=False
    )
    if record is None:
        raise Refusal(NOT_FOUND)
    if message_id in {record.accepted_by, record.ended_by}:
        raise Duplicate
    return record
