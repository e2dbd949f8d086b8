"""The conditional writes that move a call on.

While a call lasts it stands on the rows of its two people: on the telecaller's with its status,
which makes that row the one item every transition is decided by, and on the user's with the
telecaller's id. When it is over it is a row of the calls table. A person is free exactly when
their row has no call.
"""

from __future__ import annotations

from contextlib import suppress
from enum import Enum, auto
from typing import Any, NamedTuple

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from functions.calls import billing
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.state import Status, Trigger, after
from shared.aws.tables import Transaction, TransactionRefused, transact
from shared.calling import call_records
from shared.calling.call_records import CallRecord
from shared.errors import Duplicate
from shared.pipeline import rate_limits
from shared.pipeline.rate_limits import Window
from shared.realtime import people
from shared.realtime.people import CurrentCall, Person

_ROUNDS = 8
"""A refused transition is decided again on the rows as they are then. States only move forward, so
more than a few rounds means that something else is wrong."""


class NotStarted(Enum):
    """Why a call could not begin, in the order in which the contract checks."""

    LIMITED = auto()
    CALLER_IN_CALL = auto()
    TELECALLER_OFFLINE = auto()
    TELECALLER_BUSY = auto()


class PartyDetails(NamedTuple):
    id: str
    name: str
    profile: str | None


class NewCall(NamedTuple):
    """``rate``: coins per started minute."""

    id: str
    type: str
    rate: int
    user: PartyDetails
    telecaller: PartyDetails


class Parties(NamedTuple):
    """The rows of the two people of a call."""

    telecaller: Person
    user: Person

    @classmethod
    def read(cls, telecaller_id: str, user_id: str) -> Parties:
        return cls(people.get(TELECALLER.path, telecaller_id), people.get(USER.path, user_id))


def start(call: NewCall, limit: Window) -> NotStarted | None:
    """Occupy both people with a ringing call, or neither; None when it rings.

    Takes a hit of the user's ``limit`` either way, where one is left. Raises ``Duplicate`` where
    this very call has been started already, also when it is over by now, or refused last.
    """

    def add_items(transaction: Transaction) -> None:
        transaction.update(
            "user",
            _row(USER.path, call.user.id),
            actions=[Person.call.set(_on_row(call, call.telecaller, limit)), *limit.actions()],
            condition=Person.call.does_not_exist() & _is_new(call.id) & limit.condition(),
            return_old=True,
        )
        transaction.update(
            "telecaller",
            _row(TELECALLER.path, call.telecaller.id),
            actions=[Person.call.set(_on_row(call, call.user, limit, Status.RINGING))],
            condition=Person.members.exists() & Person.call.does_not_exist(),
            return_old=True,
        )

    try:
        transact(add_items)
    except TransactionRefused as refused:
        reason = _why(refused, call, limit)
        counted = reason is not NotStarted.LIMITED and count_refused(call.user.id, call.id, limit)
        return reason if counted else NotStarted.LIMITED
    return None


def count_refused(user_id: str, call_id: str, limit: Window) -> bool:
    """Take a hit of a user's limit for an attempt that comes to nothing; False if none is left."""
    return rate_limits.take(_row(USER.path, user_id), limit, [Person.refused_call.set(call_id)])


def withdraw(call: NewCall) -> None:
    """Undo a start of which nobody has heard: refused after all, so there is no record of it."""
    leave = Person.call.remove()
    rows: list[tuple[str, Person, list[Action]]] = [
        ("user", _row(USER.path, call.user.id), [leave, Person.refused_call.set(call.id)]),
        ("telecaller", _row(TELECALLER.path, call.telecaller.id), [leave]),
    ]

    def add_items(transaction: Transaction) -> None:
        for name, row, actions in rows:
            transaction.update(name, row, actions=actions, condition=_is_in(call.id))

    with suppress(TransactionRefused):  # one of them has left, and so ended it
        transact(add_items)


def accept(telecaller_id: str, call_id: str, now_ms: int, message_id: str) -> Person | None:
    """RINGING → ACCEPTED; the telecaller's row then, None when the call no longer rings."""
    row = _row(TELECALLER.path, telecaller_id)
    call: Any = Person.call
    actions = [
        call.status.set(Status.ACCEPTED.value),
        call.accepted_at.set(now_ms),
        call.accepted_by.set(message_id),
    ]
    ringing = _is_in(call_id) & (call.status == Status.RINGING.value)
    return row if row.update_if(actions, ringing) else None


def finish(
    parties: Parties, call_id: str, trigger: Trigger, now_ms: int, message_id: str | None = None
) -> CallRecord | None:
    """Move the call to the final state that ``trigger`` leads to, charge for it and free both
    people, in one transaction. None when the call is over, or not in a state for it."""
    for _ in range(_ROUNDS):
        call = parties.telecaller.current_call
        if call is None or call.id != call_id:
            return None
        status = after(Status(call.status), trigger)
        if status is None:
            return None
        record = _record(parties, call, status, now_ms, message_id)
        try:
            _close(parties, call, record)
        except TransactionRefused:
            parties = Parties.read(record.callee_id, record.caller_id)
        else:
            return record
    raise RuntimeError(f"call {call_id} cannot be moved on")


def _record(
    parties: Parties, call: CurrentCall, status: Status, now_ms: int, message_id: str | None
) -> CallRecord:
    seconds = billing.duration_seconds(call.accepted_at, now_ms)
    return CallRecord(
        call.peer_id,
        call.id,
        callee_id=parties.telecaller.person_id,
        call_type=call.type,
        status=status.value,
        started_at=call.started_at,
        accepted_at=call.accepted_at,
        accepted_by=call.accepted_by,
        ended_at=now_ms,
        ended_by=message_id,
        duration_seconds=seconds,
        coins=min(billing.cost(seconds, int(call.rate)), int(parties.user.coins)),
    )


def _close(parties: Parties, call: CurrentCall, record: CallRecord) -> None:
    """The transaction. What is taken was decided on the balance as it was read: where a call costs
    anything, it must still be that one."""
    coins, leave, is_in = int(record.coins), Person.call.remove(), _is_in(call.id)
    over: list[Action] = [leave, Person.last_call.set(call.id)]
    line: Any = Person.call
    on_user = is_in & _balance_is(int(parties.user.coins)) if call.rate else is_in

    def add_items(transaction: Transaction) -> None:
        transaction.put("record", record, condition=CallRecord.call_id.does_not_exist())
        transaction.update(
            "user",
            _row(USER.path, record.caller_id),
            actions=[*over, Person.coins.add(-coins)] if coins else over,
            condition=on_user,
        )
        transaction.update(
            "telecaller",
            _row(TELECALLER.path, record.callee_id),
            actions=[leave, Person.coins.add(coins)] if coins else [leave],
            condition=is_in & (line.status == call.status),
        )

    transact(add_items)


def _why(refused: TransactionRefused, call: NewCall, limit: Window) -> NotStarted:
    if refused.failed("user"):
        row = refused.row("user")
        current = row.get("call", {}).get("M", {}).get("id", {}).get("S")
        turned_down = row.get(Person.refused_call.attr_name, {}).get("S")
        last = row.get(Person.last_call.attr_name, {}).get("S", "")
        if call.id in (current, turned_down) or (
            last >= call.id and call_records.find(call.user.id, call.id, as_caller=True)
        ):
            raise Duplicate
        return NotStarted.LIMITED if limit.is_full(row) else NotStarted.CALLER_IN_CALL
    online = Person.members.attr_name in refused.row("telecaller")
    return NotStarted.TELECALLER_BUSY if online else NotStarted.TELECALLER_OFFLINE


def _on_row(
    call: NewCall, peer: PartyDetails, limit: Window, status: Status | None = None
) -> CurrentCall:
    return CurrentCall(
        id=call.id,
        type=call.type,
        status=status.value if status else None,
        rate=call.rate,
        started_at=limit.now_ms,
        peer_id=peer.id,
        peer_name=peer.name,
        peer_profile=peer.profile,
    )


def _row(namespace: str, person_id: str) -> Person:
    return Person(people.key(namespace, person_id))


def _is_new(call_id: str) -> Condition:
    """Newer than the user's last call that is over, and not the last that was refused: a frame that
    comes again late starts nothing."""
    last, refused = Person.last_call, Person.refused_call
    condition: Condition = last.does_not_exist() | (last < call_id)
    condition &= refused.does_not_exist() | (refused != call_id)
    return condition


def _balance_is(coins: int) -> Condition:
    condition: Condition = Person.coins == coins
    return condition if coins else condition | Person.coins.does_not_exist()


def _is_in(call_id: str) -> Condition:
    call: Any = Person.call
    condition: Condition = call.id == call_id
    return condition
