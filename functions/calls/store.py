"""The conditional writes that move a call that has started (``starting``) from state to state.

While a call lasts, it is stored on the rows of its two parties. The telecaller's row has its status
too, so that one item decides every transition. When a call is over, it is a row of the calls table.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, cast

import msgspec
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from functions.calls import billing, prepaid, rows
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.rows import CurrentCall, PartyRow, PartyRows
from functions.calls.state import Status, Trigger, after
from shared.aws.parallel import both
from shared.aws.tables import Table, Transaction, TransactionRefused, is_still, transact
from shared.calling.call_records import CallRecord, Ender
from shared.identity import wallet
from shared.ids import compose, decompose
from shared.pipeline.rate_limits import Window
from shared.realtime.untold import Mark
from shared.settings import settings

ROUNDS = 8
"""How often a transition is tried. After a refused write it is decided again on the rows as they
are then. States only move forward, so more than a few rounds mean that something else is wrong."""


class Finished(msgspec.Struct, frozen=True):
    """A call that is over.

    record: its record.
    parties: the rows of its parties, as they were before.
    """

    record: CallRecord
    parties: PartyRows


def accept(
    telecaller_id: str, call_id: str, limit: Window, message_id: str, device: str
) -> PartyRow | None:
    """Move the call from RINGING to ACCEPTED, and count that against the telecaller's ``limit``.

    device: the telecaller's connection that accepts, as ``Address.member``.

    Returns the telecaller's row after the write, with the mark of the accept. Returns None, and
    counts nothing, if the call no longer rings or the limit is reached. The SDK repeats the write
    if its answer is lost, and the repetition succeeds as the first write did.
    """
    row, attempt = rows.of_key(TELECALLER.path, telecaller_id), uuid.uuid4().hex
    now_ms = limit.now_ms
    call: Any = PartyRow.call
    actions = [
        call.status.set(Status.ACCEPTED.value),
        call.accepted_at.set(now_ms),
        call.accepted_by.set(message_id),
        call.accepted_on.set(device),
        call.accepted_in.set(attempt),
        PartyRow.marking(mark_of_accept(call_id, now_ms)),
        *limit.actions(),
    ]
    rings = (call.status == Status.RINGING.value) & limit.condition()
    mine = rings | (call.accepted_in == attempt)
    return row if row.update_if(actions, is_in(call_id) & mine) else None


def take_over(row: PartyRow, now_ms: int, message_id: str, device: str) -> bool:
    """Give an accepted call to a device of the telecaller that accepts it once more.

    The write sets a mark as the first accept has done. An end that does not know of it is refused:
    ``accepted_by`` has changed. So the end waits for the events of this accept, too.

    row: the telecaller's row, as read; it is changed.
    device: the connection that accepts, as ``Address.member``.

    Returns False, and writes nothing, if the call is over or another device has taken it over. The
    SDK repeats the write if its answer is lost, and the repetition succeeds as the first write did.
    """
    before, attempt = row.call, uuid.uuid4().hex
    call: Any = PartyRow.call
    actions = [
        call.accepted_by.set(message_id),
        call.accepted_on.set(device),
        call.accepted_in.set(attempt),
        PartyRow.marking(mark_of_accept(before.id, now_ms)),
    ]
    mine = (call.accepted_in == before.accepted_in) | (call.accepted_in == attempt)
    return row.update_if(actions, is_in(before.id) & mine)


def note_answered(call: CurrentCall) -> PartyRow | None:
    """Write on the user's row that the call has been answered, and return the row as it is then.

    With it, the user's row alone says what ends the call: ``finish_from``. Returns None, and writes
    nothing, if the user is no longer in the call. Idempotent.

    call: the call on the telecaller's row.
    """
    user, theirs = rows.of_key(USER.path, call.peer_id), cast("Any", PartyRow.call)
    actions = [theirs.accepted_at.set(call.accepted_at), theirs.accepted_by.set(call.accepted_by)]
    return user if user.update_if(actions, is_in(call.id)) else None


def finish(
    parties: PartyRows,
    call_id: str,
    trigger: Trigger,
    now_ms: int,
    ender: Ender | None = None,
    *,
    also: Callable[[CallRecord], Table] | None = None,
) -> Finished | None:
    """Move the call to the final state that ``trigger`` leads to, charge for it, and remove it from
    both parties' rows, in one transaction. The telecaller's row keeps the mark of the end.

    ender: who ends the call, if a message does.
    also: returns a row that is written in the same transaction.

    Returns None if the call is over, ``trigger`` does not apply to its state, or the user has coins
    for it after all.
    """
    for _ in range(ROUNDS):
        call = parties.telecaller.current_call
        if call is None or call.id != call_id:
            return None
        before = Status(call.status)
        status = after(before, trigger)
        broke = trigger is Trigger.BALANCE
        if status is None or (broke and prepaid.left_ms(call, parties.user, now_ms) > 0):
            return None
        telecaller_id, balance = parties.telecaller.person_id, int(parties.user.coins)
        record = _record(call, telecaller_id, call.peer_id, status, now_ms)
        paid = wallet.covers(int(record.coins))
        most = prepaid.spendable(balance, int(call.rate))
        if broke or record.coins > most:
            record.coins, paid = min(int(record.coins), most), wallet.holds(balance)
        if broke:
            record.trigger = trigger.value
        if ender:
            record.end_by(ender, trigger.value)
        try:
            _close(record, before, paid, also and also(record))
        except TransactionRefused:
            parties = rows.get_both(record.callee_id, record.caller_id)
        else:
            return Finished(record, parties)
    raise RuntimeError(f"call {call_id} cannot be ended: its rows changed {ROUNDS} times")


def finish_from(
    mine: PartyRow, call_id: str, trigger: Trigger, now_ms: int, ender: Ender
) -> Finished | None:
    """Do what ``finish`` does, knowing the row of one party only. The other party's row is read at
    the same time, for the addresses of the devices.

    Returns None if this row does not say enough, or the write is refused: because the call has
    changed, or the user's balance does not cover the price. ``finish`` decides then.
    """
    call = mine.current_call
    if call is None or call.id != call_id:
        return None
    before = Status.ACCEPTED if call.accepted_at else Status.RINGING
    status = after(before, trigger)
    if status is None:
        return None
    is_user = mine.namespace == USER.path
    if is_user and settings().livekit_webhooks:  # only the telecaller's row has the attendance
        return None
    telecaller_id, user_id = mine.person_id, call.peer_id
    if is_user:
        telecaller_id, user_id = user_id, telecaller_id
    record = _record(call, telecaller_id, user_id, status, now_ms)
    record.end_by(ender, trigger.value)
    try:
        _, peer = both(
            lambda: _close(record, before, wallet.covers(int(record.coins))),
            lambda: rows.get(TELECALLER.path if is_user else USER.path, call.peer_id),
        )
    except TransactionRefused:
        return None
    return Finished(record, PartyRows(peer, mine) if is_user else PartyRows(mine, peer))


def has_ended_unanswered(mark: Mark) -> bool:
    """Return whether a mark is that of the end of a call that was not answered."""
    if mark.what == Status.ACCEPTED:
        return False
    return decompose(mark.what, 2)[0] in (Status.CANCELLED, Status.MISSED, Status.REJECTED)


def mark_of_accept(call_id: str, now_ms: int) -> Mark:
    """Return the mark of an accept of a call."""
    return Mark(now_ms, call_id, Status.ACCEPTED)


def mark_of_end(record: CallRecord) -> Mark:
    """Return the mark of the end of a call: how it ended, and the user's id.

    How it ended is the call's last status, or ``Trigger.BALANCE``.
    """
    how = record.trigger if record.trigger == Trigger.BALANCE else record.status
    return Mark(int(record.ended_at), record.call_id, compose(how, record.caller_id))


def _record(
    call: CurrentCall, telecaller_id: str, user_id: str, status: Status, now_ms: int
) -> CallRecord:
    """Return the record of a call that ends now, with its full price."""
    seconds = billing.duration_seconds(call.accepted_at, now_ms)
    return CallRecord(
        user_id,
        call.id,
        callee_id=telecaller_id,
        call_type=call.type,
        status=status.value,
        started_at=call.started_at,
        accepted_at=call.accepted_at,
        accepted_by=call.accepted_by,
        ended_at=now_ms,
        duration_seconds=seconds,
        attendance=call.attendance,
        coins=billing.cost(seconds, int(call.rate), settings().billed_seconds),
    )


def _close(
    record: CallRecord, before: Status, paid: Condition | None, also: Table | None = None
) -> None:
    """Write the end of a call, and the row ``also``.

    before: the status of the call that ends.
    paid: what the price requires of the user's balance, if it requires anything.

    Raises ``TransactionRefused`` if the call has another status or attendance by now, or has been
    accepted once more, or ``paid`` does not hold.
    """
    coins, leave, in_it = int(record.coins), PartyRow.call.remove(), is_in(record.call_id)
    over: list[Action] = [leave, PartyRow.last_call.set(record.call_id)]
    told_later: list[Action] = [leave, PartyRow.marking(mark_of_end(record))]
    line: Any = PartyRow.call
    as_read = is_still(line.attendance, record.attendance)
    as_read &= is_still(line.accepted_by, record.accepted_by)

    def add_items(transaction: Transaction) -> None:
        transaction.put("record", record, condition=CallRecord.call_id.does_not_exist())
        if also is not None:
            transaction.put("also", also)
        transaction.update(
            "user",
            rows.of_key(USER.path, record.caller_id),
            actions=[*over, PartyRow.coins.add(-coins)] if coins else over,
            condition=in_it if paid is None else in_it & paid,
        )
        transaction.update(
            "telecaller",
            rows.of_key(TELECALLER.path, record.callee_id),
            actions=[*told_later, PartyRow.coins.add(coins)] if coins else told_later,
            condition=in_it & (line.status == before.value) & as_read,
        )

    transact(add_items)


def is_in(call_id: str) -> Condition:
    """Return the condition that a person is in this call."""
    call: Any = PartyRow.call
    condition: Condition = call.id == call_id
    return condition
