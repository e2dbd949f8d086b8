"""The events of a chat call's transitions.

They are sent by the process that has made the transition or, if that one ends before, by the sweep:
``shared.realtime.untold``.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from functions.chat import call_rows, call_store, pushes
from functions.chat.call_events import Accepted, CandidateReceived, Ended, Incoming, Rejected
from functions.chat.call_rows import CallRow, Party
from functions.chat.call_store import Finished
from functions.chat.state import Status, Trigger, after
from shared.aws.log import logger
from shared.aws.parallel import both
from shared.aws.tables import is_still
from shared.calling.telling import tell
from shared.ids import compose
from shared.pipeline.context import Background, Context
from shared.protocol import json
from shared.realtime.address import Address
from shared.realtime.untold import Mark, overtake

_ROUNDS = 4
"""How often candidates that have come meanwhile are sent before the rest has to wait no longer."""


def rung(
    background: Background, row: CallRow, mark: Mark, incoming: Incoming, tabs: list[Address]
) -> bool:
    """Announce a call to tabs of the callee. Returns whether any tab was reached.

    row: the call's row with the mark.
    """
    reached = tell(background.emit, incoming.to(tabs))
    if not _note_told(background, row, mark, sorted({*row.ringing, *tabs})):
        # The events of what has come since may have arrived before this one.
        now = call_rows.find(row.call.id)
        tab = now.call.callee_tab if now and not now.over else None
        others = (one for one in tabs if not (tab and one.is_same(call_rows.address(tab))))
        tell(background.emit, Ended(row.call.id).to(others))
    return reached


def ring_newcomer(context: Context, person_id: str) -> None:
    """Ring a tab that has come since a call to its person began to ring.

    An invite rings on the tabs that the callee has at that moment, and on no others. Candidates
    that the caller has sent before are not sent again.
    """
    tab = context.address
    for call_id, _ in call_rows.party(person_id).with_peers():
        mark = Mark(context.now_ms, call_id, compose(Status.RINGING, tab.member))
        kept = call_rows.incoming(call_id)
        row = kept and call_store.ring_late(call_id, person_id, tab.member, mark)
        if kept and row:
            incoming = msgspec.json.decode(kept, type=Incoming)
            rung(context, row, mark, incoming, [tab])


def accepted(background: Background, row: CallRow, mark: Mark, answer: object) -> None:
    """Announce to both parties that the callee has accepted a call.

    If the call is over, only the callee's tabs that still ring are told, and what has ended the
    call tells the rest.

    row: the call's row after the accept.
    mark: the mark of the accept.
    answer: the WebRTC answer.
    """
    call = row.call
    tab = call_rows.address(call.callee_tab)
    overtake(call_rows.of_key(call.id), _older(row, mark), background.now_ms)
    callee, caller = both(
        lambda: call_rows.party(call.callee_id), lambda: call_rows.party(call.caller_id)
    )
    theirs = caller.addresses(call.caller_tab)
    others = [one for one in callee.addresses() if not one.is_same(tab)]
    if not caller.is_in(call.id):
        tell(background.emit, Ended(call.id).to(others), but=[tab])
        row.note_told(mark)
        return
    tell(
        background.emit,
        Accepted(call.id, answer).to(theirs),
        Ended(call.id).to(others),
        but=[tab],
    )
    if not pushes.over(background, call, callee, "ANSWERED"):
        return  # the mark stays, so the sweep does it
    noted = _note_told(background, row, mark, theirs, others)
    if not noted and call_rows.get(call.id) is None:
        # The events of the end may have arrived before these, so the end has the last word again.
        tell(background.emit, Ended(call.id).to([tab, *theirs]))


def ended(background: Background, done: Finished, but: Address | None = None) -> None:
    """Announce the end of a call to the tabs of both parties that have the call, or ring.

    but: the tab whose request has ended the call. It receives the acknowledgement only. None if
        there is no such tab, or it has left.
    """
    row = call_rows.of_key(done.record.call_id)
    untold = overtake(row, done.row.marks, background.now_ms)
    _announce_end(background, done.row, [*untold, done.mark], but)


def ended_before(background: Background, call_id: str, but: Address | None) -> None:
    """Announce how a call has ended, unless the process that has ended it has done so, or does so
    in time.

    but: the tab whose request is to end the call once more. None if it has left.
    """
    row = call_rows.find(call_id)
    untold = overtake(call_rows.of_key(call_id), row.marks, background.now_ms) if row else ()
    if row and untold:
        _announce_end(background, row, untold, but)


def again(background: Background, row: CallRow) -> None:
    """Announce the transition that a call's row marks as not announced, if the process that has
    made it is dead.

    An invite is not announced again: the call ends when it has rung long enough.

    row: the row, read strongly consistently.
    """
    mark = row.marks[-1] if row.marks else None
    if mark is None or mark.is_fresh(background.now_ms):
        return
    if row.over:
        _announce_end(background, row, row.marks)
    elif row.call.status == Status.ACCEPTED and row.answer is not None:
        accepted(background, row, mark, json.loads(row.answer))


def _announce_end(
    background: Background, row: CallRow, marks: Sequence[Mark], but: Address | None = None
) -> None:
    """Send the events of the end of a call, and delete its row.

    marks: what has not been announced, the end last.
    """
    call, untold = row.call, {mark.what for mark in marks}
    caller, callee = both(
        lambda: call_rows.party(call.caller_id), lambda: call_rows.party(call.callee_id)
    )
    for_caller = Rejected if Trigger.REJECT in untold else Ended
    theirs, ours = (
        caller.addresses(call.caller_tab),
        _tabs_of_callee(row, callee, still_ring=Status.ACCEPTED in untold),
    )
    tell(
        background.emit,
        for_caller(call.id).to(theirs),
        Ended(call.id).to(ours),
        but=[but] if but else (),
    )
    if call.accepted_at is None:
        how = after(Status.RINGING, Trigger(marks[-1].what))
        if not pushes.over(background, call, callee, str(how)):
            return  # the mark stays, so the sweep does it
    forget(call.id)


def forget(call_id: str) -> None:
    """Delete the row of a call that is over and announced. If that fails, the sweep does it."""
    for _ in range(2):
        try:
            call_rows.of_key(call_id).delete()
        except Exception:  # noqa: BLE001 - the events have been sent
            logger.exception("call %s is not noted as told", call_id)
        else:
            return


def _tabs_of_callee(row: CallRow, callee: Party, *, still_ring: bool) -> list[Address]:
    """Return the callee's tabs that ring or have the call.

    still_ring: whether the tabs that do not have the call have not been told so.
    """
    tab, informed = None if still_ring else row.call.callee_tab, row.informed
    return [one for one in callee.addresses(tab) if one.receiver not in informed]


def _older(row: CallRow, mark: Mark) -> list[Mark]:
    """Return the marks on a row beside ``mark``."""
    return [one for one in row.marks if one != mark]


def _note_told(
    background: Background,
    row: CallRow,
    mark: Mark,
    to: list[Address],
    dismissed: Sequence[Address] = (),
) -> bool:
    """Send the candidates that have waited for a transition, and note the transition as told.

    Returns False if another process has taken the mark away.

    to: the other party's tabs, which receive these candidates.
    dismissed: the callee's tabs that have been told that another tab has the call.
    """
    answered = mark.what == Status.ACCEPTED
    sender_id = row.call.callee_id if answered else row.call.caller_id
    for _ in range(_ROUNDS):
        waiting = row.held_of(sender_id)
        for one in waiting:
            event = CandidateReceived(from_=sender_id, candidate=one.candidate)
            tell(background.emit, event.to(to))
        also = [CallRow.answer.remove()] if answered else []
        if waiting:
            also.append(CallRow.held.delete({one.text for one in waiting}))
        if dismissed:
            also.append(CallRow.dismissed.add({one.member for one in dismissed}))
        if row.note_told(mark, also, is_still(CallRow.held, row.held)):
            return True
        now = call_rows.find(row.call.id)
        if now is None or mark not in now.marks:
            return False
        row = now
    return row.note_told(mark)
