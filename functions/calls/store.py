"""The conditional writes that move a call on.

While a call lasts it stands on the rows of its two people: on the telecaller's with its status,
which makes that row the one item every transition is decided by, and on the user's with the
telecaller's id. When it is over it is a row of the calls table. A person is free exactly when
their row has no call.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import UpdateError
from pynamodb.transactions import TransactWrite

from functions.calls.state import Status, Trigger, after
from shared.realtime import people
from shared.realtime.namespaces import TELECALLER, USER
from shared.realtime.people import CurrentCall, Person
from shared.tables import (
    CONDITION_FAILED,
    Table,
    TableName,
    TransactionRefused,
    condition_failed,
    transact,
)

_RACES = 8
"""A refused transition is decided again on the row as it is then. States only move forward, so
more than two rounds means that something else is wrong."""


class CallRecord(Table):
    """A call that is over. Times are epoch milliseconds, the duration whole seconds."""

    class Meta:
        table_name = TableName("calls_table")

    call_id = UnicodeAttribute(hash_key=True, attr_name="callId")
    call_type = UnicodeAttribute(attr_name="callType")
    status = UnicodeAttribute()
    user_id = UnicodeAttribute(attr_name="userId")
    telecaller_id = UnicodeAttribute(attr_name="telecallerId")
    started_at = NumberAttribute(attr_name="startedAt")
    accepted_at = NumberAttribute(attr_name="acceptedAt", null=True)
    ended_at = NumberAttribute(attr_name="endedAt")
    duration_seconds = NumberAttribute(attr_name="durationSeconds", default=0)


class NotStarted(Enum):
    """Why a call could not begin, in the order in which the contract checks."""

    CALLER_IN_CALL = auto()
    TELECALLER_OFFLINE = auto()
    TELECALLER_BUSY = auto()


@dataclass(frozen=True, slots=True)
class Somebody:
    id: str
    name: str
    profile: str | None


def start(
    call_id: str, call_type: str, user: Somebody, telecaller: Somebody, now_ms: int
) -> NotStarted | None:
    """Occupy both people with a ringing call, or neither; None when it rings."""
    common = {"id": call_id, "type": call_type, "started_at": now_ms}
    on_telecaller = CurrentCall(
        **common,
        status=Status.RINGING.value,
        peer_id=user.id,
        peer_name=user.name,
        peer_profile=user.profile,
    )
    on_user = CurrentCall(
        **common,
        peer_id=telecaller.id,
        peer_name=telecaller.name,
        peer_profile=telecaller.profile,
    )

    def add_items(transaction: TransactWrite) -> None:
        transaction.update(
            _row(USER.path, user.id),
            actions=[Person.call.set(on_user)],
            condition=Person.call.does_not_exist(),
        )
        transaction.update(
            _row(TELECALLER.path, telecaller.id),
            actions=[Person.call.set(on_telecaller)],
            condition=Person.members.exists() & Person.call.does_not_exist(),
            return_values="ALL_OLD",
        )

    try:
        transact(add_items)
    except TransactionRefused as refused:
        on_caller, on_callee = refused.reasons
        if on_caller and on_caller.code == CONDITION_FAILED:
            return NotStarted.CALLER_IN_CALL
        row = on_callee.raw_item if on_callee else None
        online = row is not None and Person.members.attr_name in row
        return NotStarted.TELECALLER_BUSY if online else NotStarted.TELECALLER_OFFLINE
    return None


def accept(telecaller_id: str, call_id: str, now_ms: int) -> Person | None:
    """RINGING → ACCEPTED; the telecaller's row then, None when the call no longer rings."""
    row = _row(TELECALLER.path, telecaller_id)
    call: Any = Person.call
    try:
        row.update(
            [call.status.set(Status.ACCEPTED.value), call.accepted_at.set(now_ms)],
            condition=_is_in(call_id) & (call.status == Status.RINGING.value),
        )
    except UpdateError as error:
        if condition_failed(error):
            return None
        raise
    return row


def finish(telecaller: Person, call_id: str, trigger: Trigger, now_ms: int) -> CallRecord | None:
    """Move the call on ``telecaller``'s row to the final state that ``trigger`` leads to and free
    both people, in one transaction. None when the call is over, or not in a state for it."""
    for _ in range(_RACES):
        call = telecaller.current_call
        if call is None or call.id != call_id:
            return None
        status = after(Status(call.status), trigger)
        if status is None:
            return None
        record = _record(telecaller, call, status, now_ms)
        try:
            _close(record, call.status)
        except TransactionRefused:
            telecaller = people.get(TELECALLER.path, telecaller.person_id)
        else:
            return record
    raise RuntimeError(f"call {call_id} cannot be moved on")


def record_of(call_id: str) -> CallRecord | None:
    """A call that is over."""
    try:
        return CallRecord.get(call_id, consistent_read=True)
    except CallRecord.DoesNotExist:
        return None


def _close(record: CallRecord, status_before: str) -> None:
    call: Any = Person.call

    def add_items(transaction: TransactWrite) -> None:
        transaction.save(record, condition=CallRecord.call_id.does_not_exist())
        transaction.update(
            _row(USER.path, record.user_id),
            actions=[Person.call.remove()],
            condition=_is_in(record.call_id),
        )
        transaction.update(
            _row(TELECALLER.path, record.telecaller_id),
            actions=[Person.call.remove()],
            condition=_is_in(record.call_id) & (call.status == status_before),
        )

    transact(add_items)


def _record(telecaller: Person, call: CurrentCall, status: Status, now_ms: int) -> CallRecord:
    answered = call.accepted_at is not None
    return CallRecord(
        call.id,
        call_type=call.type,
        status=status.value,
        user_id=call.peer_id,
        telecaller_id=telecaller.person_id,
        started_at=call.started_at,
        accepted_at=call.accepted_at,
        ended_at=now_ms,
        duration_seconds=max(0, now_ms - call.accepted_at) // 1000 if answered else 0,
    )


def _row(namespace: str, person_id: str) -> Person:
    return Person(people.key(namespace, person_id))


def _is_in(call_id: str) -> Any:
    call: Any = Person.call
    return call.id == call_id
