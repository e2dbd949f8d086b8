"""The conditional writes behind the transitions of a chat call.

The call's row decides. When the call is over, there is a row of it in the calls table, and its own
row is deleted as soon as the end has been announced.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from pynamodb.exceptions import PynamoDBException

from functions.chat import call_rows
from functions.chat.call_rows import CallRow, ChatCall, HeldCandidate, Listed, Party
from functions.chat.namespaces import CHAT
from functions.chat.state import Status, Trigger, after
from shared.aws.tables import Table, Transaction, TransactionRefused, transact
from shared.calling import ring
from shared.calling.call_records import CallRecord, Ender
from shared.errors import Duplicate, Refusal
from shared.ids import compose
from shared.pipeline import rate_limits
from shared.pipeline.context import NOT_AUTHENTICATED
from shared.pipeline.declarations import TOO_MANY_REQUESTS
from shared.pipeline.rate_limits import Window
from shared.realtime import people
from shared.realtime.address import Address
from shared.realtime.untold import Mark

PRODUCT = "chat"
_ROUNDS = 8
"""How often a transition is attempted. After a refusal it is decided again on the call as it is."""


class Finished(msgspec.Struct, frozen=True):
    """A call that is over.

    row: its row, as it was before.
    record: its record.
    mark: the mark of the end. It says which trigger has ended the call.
    """

    row: CallRow
    record: CallRecord
    mark: Mark


class Started(NamedTuple):
    """A call that has begun to ring.

    row: its row, with the tabs that the callee had at this moment.
    tabs: the addresses of these tabs, and of the callee's lost sessions.
    """

    row: CallRow
    tabs: list[Address]


def start(call: ChatCall, incoming: str, limit: Window) -> Started | None:
    """Let a call ring. Returns None if the callee has no connection, and no push can wake them. A
    tab that comes later finds the call: ``ring_late``.

    incoming: the payload of ``call:incoming`` as JSON.

    In both cases the call counts against the caller's ``limit``. Raises ``Duplicate`` if this call
    has been started before, even if it is over. Raises ``Refusal`` if the limit is reached, and if
    the caller has no connection: perhaps not yet, because they are just authenticating.
    """
    callee = call_rows.party(call.callee_id)
    tabs = set(callee.members or ())
    for _ in range(_ROUNDS):
        row = CallRow(ring.row_of_call(call.id), call=call, untold={call.started.text})
        row.rings_on = tabs or None
        try:
            _start(row, incoming, limit)
        except TransactionRefused as refused:
            image = refused.row("callee")
            now = set(image.get(Party.members.attr_name, {}).get("SS", ()))
            may_ring = now or people.is_wakeable(image)
            if may_ring and now != tabs and _only_tabs_changed(refused):
                tabs = now
                continue
            _require_new_and_allowed(refused, call, limit)
            return None
        return Started(row, row.ringing + callee.lost)
    raise RuntimeError(f"call {call.id} cannot start: the tabs changed {_ROUNDS} times")


def _start(row: CallRow, incoming: str, limit: Window) -> None:
    """Let a call ring if the callee still has the tabs on its row, and no others."""
    call, tabs = row.call, row.rings_on
    caller = Party(people.key(CHAT.path, call.caller_id))

    def add_items(transaction: Transaction) -> None:
        entry = Listed.of(call, incoming)
        transaction.put("listed", entry, condition=Listed.item.does_not_exist())
        transaction.put("call", row, condition=CallRow.person.does_not_exist())
        transaction.update(
            "caller",
            caller,
            actions=[Party.calls.add({_entry(call, call.caller_id)}), *limit.actions()],
            condition=Party.members.exists() & limit.condition(),
            return_old=True,
        )
        transaction.update(
            "callee",
            Party(people.key(CHAT.path, call.callee_id)),
            actions=[Party.calls.add({_entry(call, call.callee_id)})],
            condition=people.can_ring(tabs),
            return_old=True,
        )

    transact(add_items)


def _only_tabs_changed(refused: TransactionRefused) -> bool:
    return not any(refused.failed(name) for name in ("listed", "call", "caller"))


def _require_new_and_allowed(refused: TransactionRefused, call: ChatCall, limit: Window) -> None:
    """Raise why a call could not start, unless it is that the callee has no connection."""
    if refused.failed("listed") or refused.failed("call"):
        raise Duplicate from refused
    if limit.is_full(refused.row("caller")):
        raise Refusal(TOO_MANY_REQUESTS) from refused
    if refused.failed("caller"):
        raise Refusal(NOT_AUTHENTICATED) from refused
    if not rate_limits.take(Party(people.key(CHAT.path, call.caller_id)), limit):
        raise Refusal(TOO_MANY_REQUESTS) from refused


def ring_late(call_id: str, callee_id: str, tab: str, mark: Mark) -> CallRow | None:
    """Add a tab to those on which a call rings, and set a mark until it does.

    Returns the row after the write, or None if the call does not ring, is not for this person, or
    rings on this tab already. The SDK repeats the write if its answer is lost.
    """
    call: Any = CallRow.call
    row = call_rows.of_key(call_id)
    is_new = ~CallRow.rings_on.contains(tab) | CallRow.untold.contains(mark.text)
    theirs = (call.status == Status.RINGING.value) & (call.callee_id == callee_id)
    actions = [CallRow.rings_on.add({tab}), CallRow.marking(mark)]
    return row if row.update_if(actions, theirs & is_new) else None


def accept(call_id: str, tab: str, answer: str, now_ms: int, message_id: str) -> CallRow | None:
    """Move a call from RINGING to ACCEPTED.

    tab: the connection that accepts, as ``Address.member``.
    answer: the WebRTC answer, as JSON.
    message_id: the id of the frame that accepts.

    Returns the row after the write, or None if the call does not ring. The SDK repeats the write if
    its answer is lost, and the repetition succeeds as the first write did.
    """
    call: Any = CallRow.call
    row, attempt = call_rows.of_key(call_id), uuid.uuid4().hex
    actions = [
        call.status.set(Status.ACCEPTED.value),
        call.callee_tab.set(tab),
        call.accepted_at.set(now_ms),
        call.accepted_by.set(message_id),
        call.accepted_in.set(attempt),
        CallRow.answer.set(answer),
        CallRow.marking(mark_of_accept(call_id, now_ms)),
    ]
    mine = (call.status == Status.RINGING.value) | (call.accepted_in == attempt)
    try:
        return row if row.update_if(actions, mine) else None
    except PynamoDBException:
        # No answer came. The tab would be told that it has failed, and nothing corrects that.
        return row if row.update_if(actions, mine) else None


def mark_of_accept(call_id: str, now_ms: int) -> Mark:
    """Return the mark of an accept of a call."""
    return Mark(now_ms, call_id, Status.ACCEPTED)


def take_over(row: CallRow, tab: str, answer: str, now_ms: int) -> bool:
    """Give an accepted call to a tab of the callee that accepts it once more.

    The write sets a mark as the first accept has done. An end that does not know of it is refused:
    ``accepted_in`` has changed. So the end waits for the events of this accept, too.

    row: the call's row, as read; it is changed.

    Returns False, and writes nothing, if the call is not as it was. The SDK repeats the write if
    its answer is lost, and the repetition succeeds as the first write did.
    """
    before, attempt = row.call, uuid.uuid4().hex
    call: Any = CallRow.call
    actions = [
        call.callee_tab.set(tab),
        call.accepted_in.set(attempt),
        CallRow.answer.set(answer),
        CallRow.marking(mark_of_accept(before.id, now_ms)),
    ]
    mine = (call.accepted_in == before.accepted_in) | (call.accepted_in == attempt)
    return row.update_if(actions, (call.status == Status.ACCEPTED.value) & mine)


def is_early(row: CallRow, candidate: HeldCandidate) -> bool:
    """Return whether the other party cannot use a candidate yet: what must come before it has not
    been sent."""
    if candidate.sender_id == row.call.caller_id:
        return row.call.status == Status.RINGING and bool(row.untold)
    return row.call.status == Status.RINGING or bool(row.untold)


def hold(row: CallRow, candidate: HeldCandidate) -> bool:
    """Keep a candidate on the call's row, if it is still early. Returns whether it is. Idempotent.

    The condition says of the row what ``is_early`` says of the copy.
    """
    call: Any = CallRow.call
    rings, untold = call.status == Status.RINGING.value, CallRow.untold.exists()
    if candidate.sender_id == row.call.caller_id:
        early = rings & untold
    else:
        early = rings | ((call.status == Status.ACCEPTED.value) & untold)
    return row.update_if([CallRow.held.add({candidate.text})], early)


def finish(
    call_id: str,
    trigger: Trigger,
    now_ms: int,
    ender: Ender | None = None,
    *,
    also: Callable[[CallRecord], Table] | None = None,
    known: CallRow | None = None,
) -> Finished | None:
    """Move a call to the final state to which ``trigger`` leads.

    ender: who ends the call, if a message does.
    also: returns a row that is written in the same transaction.
    known: the call's row, if it has just been read.

    Returns None if the call is over or the trigger has no effect in its state.
    """
    for _ in range(_ROUNDS):
        row, known = known or call_rows.get(call_id), None
        status = after(Status(row.call.status), trigger) if row else None
        if row is None or status is None:
            return None
        record = _record(row.call, status, now_ms)
        if ender:
            record.end_by(ender, trigger.value)
        mark = Mark(now_ms, call_id, trigger)
        try:
            _close(row.call, record, mark, also and also(record))
        except TransactionRefused:
            continue
        return Finished(row, record, mark)
    raise RuntimeError(f"call {call_id} cannot be moved on")


def _record(call: ChatCall, status: Status, now_ms: int) -> CallRecord:
    """Return the record of a call that ends now. Its duration is in whole seconds."""
    answered = call.accepted_at
    return CallRecord(
        call.caller_id,
        call.id,
        callee_id=call.callee_id,
        product=PRODUCT,
        call_type=call.type,
        status=status.value,
        started_at=call.started_at,
        accepted_at=answered,
        accepted_by=call.accepted_by,
        ended_at=now_ms,
        duration_seconds=0 if answered is None else max(0, now_ms - int(answered)) // 1000,
    )


def _close(call: ChatCall, record: CallRecord, mark: Mark, also: Table | None) -> None:
    """End a call, and write the row ``also``.

    Raises ``TransactionRefused`` if the status of the call has changed, or it has been accepted
    once more.
    """

    def add_items(transaction: Transaction) -> None:
        stands: Any = CallRow.call
        as_read = stands.status == call.status
        if call.accepted_in is not None:
            as_read &= stands.accepted_in == call.accepted_in
        transaction.put("record", record, condition=CallRecord.call_id.does_not_exist())
        if also is not None:
            transaction.put("also", also)
        transaction.update(
            "call",
            call_rows.of_key(call.id),
            actions=[stands.status.set(record.status), CallRow.marking(mark)],
            condition=as_read,
        )
        for person_id in (call.caller_id, call.callee_id):
            transaction.update(
                "party",
                Party(people.key(CHAT.path, person_id)),
                actions=[Party.calls.delete({_entry(call, person_id)})],
            )

    transact(add_items)


def _entry(call: ChatCall, person_id: str) -> str:
    """Return the entry of a call in ``Party.calls`` of a person."""
    return compose(call.id, call.peer_of(person_id))
