"""The conditional writes that move a chat call on.

While a call lasts it is a row beside those of people, where the ring timer looks, and its id is on
the rows of its two people, with whom the other is. When it is over it is a row of the calls table.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pynamodb.attributes import (
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.transactions import TransactWrite

from functions.chat.state import Status, Trigger, after
from shared.errors import Duplicate, Refusal
from shared.history import CallRecord
from shared.realtime import people
from shared.realtime.address import Address
from shared.realtime.dispatch import NOT_AUTHENTICATED
from shared.realtime.namespaces import CHAT
from shared.tables import (
    CONDITION_FAILED,
    Table,
    TableName,
    TransactionRefused,
    transact,
)

KEY = "call"
"""What the keys of calls begin with, where those of people have their namespace."""

RINGING = "ringing"
KEPT_SECONDS = 86_400
_ROUNDS = 8


class Line(MapAttribute[str, Any]):
    """The call itself. ``caller_tab`` and ``callee_tab``: the connections that it is between, the
    callee's from the accept on, as members of their people. ``accepted_by``: the id of the message
    that accepted. Times are epoch milliseconds."""

    id = UnicodeAttribute()
    status = UnicodeAttribute()
    type = UnicodeAttribute()
    caller_id = UnicodeAttribute(attr_name="callerId")
    callee_id = UnicodeAttribute(attr_name="calleeId")
    caller_tab = UnicodeAttribute(attr_name="callerTab")
    callee_tab = UnicodeAttribute(attr_name="calleeTab", null=True)
    started_at = NumberAttribute(attr_name="startedAt")
    accepted_at: Any = NumberAttribute(attr_name="acceptedAt", null=True)
    accepted_by = UnicodeAttribute(attr_name="acceptedBy", null=True)

    def peer_of(self, person_id: str) -> str:
        return str(self.callee_id if person_id == self.caller_id else self.caller_id)


class Call(Table):
    class Meta:
        table_name = TableName("people_table")

    person = UnicodeAttribute(hash_key=True)
    line: Any = Line(attr_name="call")


class Party(Table):
    """A person's row as calls use it. ``calls``: ids, each with the other party's behind it."""

    class Meta:
        table_name = TableName("people_table")

    person = UnicodeAttribute(hash_key=True)
    members: Any = UnicodeSetAttribute(attr_name="connections", null=True)
    calls: Any = UnicodeSetAttribute(null=True)

    def addresses(self, tab: str | None) -> list[Address]:
        """The connection ``tab`` while it is there, else all of the person's."""
        members = self.members or set()
        chosen = [tab] if tab and tab in members else sorted(members)
        return [Address.of_member(CHAT.path, member) for member in chosen]

    def with_peers(self) -> list[tuple[str, str]]:
        """Call id and the other party's id of every call."""
        return [tuple(entry.split(" ", 1)) for entry in sorted(self.calls or ())]


class Ringing(Table):
    """A call that began to ring, for the sweep, in the order in which they began."""

    class Meta:
        table_name = TableName("chat_table")

    topic = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    expires_at = NumberAttribute(attr_name="expiresAt")


def key(call_id: str) -> str:
    return f"{KEY}#{call_id}"


def get(call_id: str) -> Line | None:
    try:
        found: Line = Call.get(key(call_id), consistent_read=True).line
    except Call.DoesNotExist:
        return None
    return found


def party(person_id: str) -> Party:
    """The row, strongly consistent; an empty one for somebody who never connected."""
    row = people.key(CHAT.path, person_id)
    try:
        return Party.get(row, consistent_read=True)
    except Party.DoesNotExist:
        return Party(row)


def start(line: Line) -> bool:
    """Let a call ring; False where the callee is not there. Raises ``Duplicate`` where this very
    call has been started already, though it may be over, and ``Refusal`` where the caller is not
    there: not yet, if they have only just authenticated."""
    started_s = int(line.started_at) // 1000

    def add_items(transaction: TransactWrite) -> None:
        ringing = Ringing(RINGING, line.id, expires_at=started_s + KEPT_SECONDS)
        transaction.save(ringing, condition=Ringing.item.does_not_exist())
        transaction.save(Call(key(line.id), line=line), condition=Call.person.does_not_exist())
        for person_id in (line.caller_id, line.callee_id):
            transaction.update(
                Party(people.key(CHAT.path, person_id)),
                actions=[Party.calls.add({_entry(line, person_id)})],
                condition=Party.members.exists(),
            )

    try:
        transact(add_items)
    except TransactionRefused as refused:
        ringing, call, caller, _ = (
            reason is not None and reason.code == CONDITION_FAILED for reason in refused.reasons
        )
        if ringing or call:
            raise Duplicate from refused
        if caller:
            raise Refusal(NOT_AUTHENTICATED) from refused
        return False
    return True


def accept(call_id: str, tab: str, now_ms: int, message_id: str) -> bool:
    """RINGING → ACCEPTED; False when it does not ring any more."""
    line: Any = Call.line
    actions = [
        line.status.set(Status.ACCEPTED.value),
        line.callee_tab.set(tab),
        line.accepted_at.set(now_ms),
        line.accepted_by.set(message_id),
    ]
    return Call(key(call_id)).update_if(actions, line.status == Status.RINGING.value)


def finish(
    call_id: str, trigger: Trigger, now_ms: int, message_id: str | None = None
) -> tuple[Line, CallRecord] | None:
    """Move a call to the final state that ``trigger`` leads to. The call as it was, and its record;
    None when it is over, or not in a state for it."""
    for _ in range(_ROUNDS):
        line = get(call_id)
        status = after(Status(line.status), trigger) if line else None
        if line is None or status is None:
            return None
        record = _record(line, status, now_ms, message_id)
        try:
            _close(line, record)
        except TransactionRefused:
            continue
        return line, record
    raise RuntimeError(f"call {call_id} cannot be moved on")


def _record(line: Line, status: Status, now_ms: int, message_id: str | None) -> CallRecord:
    answered = line.accepted_at
    return CallRecord(
        line.caller_id,
        line.id,
        callee_id=line.callee_id,
        product="chat",
        call_type=line.type,
        status=status.value,
        started_at=line.started_at,
        accepted_at=answered,
        accepted_by=line.accepted_by,
        ended_at=now_ms,
        ended_by=message_id,
        duration_seconds=0 if answered is None else max(0, now_ms - int(answered)) // 1000,
    )


def _close(line: Line, record: CallRecord) -> None:
    def add_items(transaction: TransactWrite) -> None:
        stands: Any = Call.line
        transaction.delete(Call(key(line.id)), condition=stands.status == line.status)
        transaction.save(record, condition=CallRecord.call_id.does_not_exist())
        for person_id in (line.caller_id, line.callee_id):
            transaction.update(
                Party(people.key(CHAT.path, person_id)),
                actions=[Party.calls.delete({_entry(line, person_id)})],
            )

    transact(add_items)


def overdue(before_ms: int) -> Iterator[str]:
    """The ids of calls that began to ring before then, the oldest first."""
    for row in Ringing.query(RINGING, Ringing.item < f"{before_ms:011x}", page_size=100):
        yield row.item


def forget_ringing(call_id: str) -> None:
    Ringing(RINGING, call_id).delete()


def _entry(line: Line, person_id: str) -> str:
    return f"{line.id} {line.peer_of(person_id)}"
