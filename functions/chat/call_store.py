"""The conditional writes behind the transitions of a chat call.

While a call lasts, it is a row of the people table, where the ring timer looks for it. The rows of
its two parties have its id, each with the id of the other party. When the call is over, it is a row
of the calls table.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from pynamodb.attributes import (
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)

from functions.chat.namespaces import CHAT
from functions.chat.state import Status, Trigger, after
from shared.aws.tables import Table, TableName, Transaction, TransactionRefused, transact
from shared.calling import ring
from shared.calling.call_records import CallRecord, Ender
from shared.errors import Duplicate, Refusal
from shared.ids import compose, decompose
from shared.pipeline import rate_limits
from shared.pipeline.context import NOT_AUTHENTICATED
from shared.pipeline.product import TOO_MANY_REQUESTS
from shared.pipeline.rate_limits import Window
from shared.realtime import people
from shared.realtime.address import Address

PRODUCT = "chat"
RINGING = "ringing"
KEPT_SECONDS = 86_400
_ROUNDS = 8
"""How often a transition is attempted. After a refusal it is decided again on the call as it is."""


class ChatCall(ring.CallOnRow):
    """The call itself. ``caller_tab`` and ``callee_tab``: the connections that it is between, the
    callee's from the accept on, as members of their people. ``accepted_by``: the id of the message
    that accepted. ``accepted_in``: made anew for every attempt to accept; by it, a write that is
    repeated because its answer was lost recognizes its own success. Times are epoch milliseconds.
    """

    type = UnicodeAttribute()
    caller_id = UnicodeAttribute(attr_name="callerId")
    callee_id = UnicodeAttribute(attr_name="calleeId")
    caller_tab = UnicodeAttribute(attr_name="callerTab")
    callee_tab = UnicodeAttribute(attr_name="calleeTab", null=True)
    started_at = NumberAttribute(attr_name="startedAt")
    accepted_at: Any = NumberAttribute(attr_name="acceptedAt", null=True)
    accepted_by = UnicodeAttribute(attr_name="acceptedBy", null=True)
    accepted_in = UnicodeAttribute(attr_name="acceptedIn", null=True)

    def peer_of(self, person_id: str) -> str:
        """Return the id of the other party."""
        return str(self.callee_id if person_id == self.caller_id else self.caller_id)


class CallRow(Table):
    """The row of its own on which a chat call rings and lasts."""

    class Meta:
        table_name = TableName("people")

    person = UnicodeAttribute(hash_key=True)
    call: Any = ChatCall(attr_name=ring.ATTRIBUTE)


class Party(Table):
    """A person's row in the people table, as far as calls need it.

    members: the person's connections, as ``Address.member``.
    calls: the person's calls, each composed of the call's id and the id of the other party.
    """

    class Meta:
        table_name = TableName("people")

    person = UnicodeAttribute(hash_key=True)
    members: Any = UnicodeSetAttribute(attr_name="connections", null=True)
    calls: Any = UnicodeSetAttribute(null=True)

    def addresses(self, tab: str | None) -> list[Address]:
        """Return the connection ``tab``, or all connections of the person if it is None or gone."""
        members = self.members or set()
        chosen = [tab] if tab and tab in members else sorted(members)
        return [Address.of_member(CHAT.path, member) for member in chosen]

    def with_peers(self) -> list[tuple[str, str]]:
        """Return the call's id and the other party's id for every call."""
        entries = [decompose(entry, 2) for entry in sorted(self.calls or ())]
        return [(call_id, peer_id) for call_id, peer_id in entries]

    def is_in(self, call_id: str) -> bool:
        """Return whether the person is in this call."""
        return any(call_id == entry for entry, _ in self.with_peers())


class Ringing(Table):
    """A call that has begun to ring, for the sweep.

    item: the call's id, which sorts by the moment at which the call began to ring.
    """

    class Meta:
        table_name = TableName("chat")

    topic = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    expires_at = NumberAttribute(attr_name="expiresAt")


def get(call_id: str) -> ChatCall | None:
    """Return the call, strongly consistent. Returns None if it does not exist or is over."""
    try:
        found: ChatCall = CallRow.get(ring.row_of_call(call_id), consistent_read=True).call
    except CallRow.DoesNotExist:
        return None
    return found


def party(person_id: str) -> Party:
    """Return the row, strongly consistent. Returns an empty one if the person never connected."""
    row = people.key(CHAT.path, person_id)
    try:
        return Party.get(row, consistent_read=True)
    except Party.DoesNotExist:
        return Party(row)


def start(call: ChatCall, limit: Window) -> bool:
    """Let a call ring. Returns False if the callee has no connection.

    In both cases the call counts against the caller's ``limit``. Raises ``Duplicate`` if this call
    has been started before, even if it is over. Raises ``Refusal`` if the limit is reached, and if
    the caller has no connection: perhaps not yet, because they are just authenticating.
    """
    started_s = int(call.started_at) // 1000
    caller = Party(people.key(CHAT.path, call.caller_id))

    def add_items(transaction: Transaction) -> None:
        ringing = Ringing(RINGING, call.id, expires_at=started_s + KEPT_SECONDS)
        transaction.put("ringing", ringing, condition=Ringing.item.does_not_exist())
        transaction.put(
            "call",
            CallRow(ring.row_of_call(call.id), call=call),
            condition=CallRow.person.does_not_exist(),
        )
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
            condition=Party.members.exists(),
        )

    try:
        transact(add_items)
    except TransactionRefused as refused:
        if refused.failed("ringing") or refused.failed("call"):
            raise Duplicate from refused
        if limit.is_full(refused.row("caller")):
            raise Refusal(TOO_MANY_REQUESTS) from refused
        if refused.failed("caller"):
            raise Refusal(NOT_AUTHENTICATED) from refused
        if not rate_limits.take(caller, limit):
            raise Refusal(TOO_MANY_REQUESTS) from refused
        return False
    return True


def accept(call_id: str, tab: str, now_ms: int, message_id: str) -> bool:
    """Move a call from RINGING to ACCEPTED. Returns False if it does not ring.

    tab: the connection that accepts, as ``Address.member``.
    message_id: the id of the frame that accepts.

    The SDK repeats the write if its answer is lost, and the repetition succeeds as the first write
    did.
    """
    call: Any = CallRow.call
    attempt = uuid.uuid4().hex
    actions = [
        call.status.set(Status.ACCEPTED.value),
        call.callee_tab.set(tab),
        call.accepted_at.set(now_ms),
        call.accepted_by.set(message_id),
        call.accepted_in.set(attempt),
    ]
    mine = (call.status == Status.RINGING.value) | (call.accepted_in == attempt)
    return CallRow(ring.row_of_call(call_id)).update_if(actions, mine)


def finish(
    call_id: str, trigger: Trigger, now_ms: int, ender: Ender | None = None
) -> tuple[ChatCall, CallRecord] | None:
    """Move a call to the final state to which ``trigger`` leads.

    ender: who ends the call, if a message does.

    Returns the call as it was before, and its record. Returns None if the call is over or the
    trigger has no effect in its state.
    """
    for _ in range(_ROUNDS):
        call = get(call_id)
        status = after(Status(call.status), trigger) if call else None
        if call is None or status is None:
            return None
        record = _record(call, status, now_ms)
        if ender:
            record.end_by(ender, trigger.value)
        try:
            _close(call, record)
        except TransactionRefused:
            continue
        return call, record
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


def _close(call: ChatCall, record: CallRecord) -> None:
    """Replace a call by its record. Raises ``TransactionRefused`` if its status has changed."""

    def add_items(transaction: Transaction) -> None:
        stands: Any = CallRow.call
        transaction.delete(
            "call", CallRow(ring.row_of_call(call.id)), condition=stands.status == call.status
        )
        transaction.put("record", record, condition=CallRecord.call_id.does_not_exist())
        for person_id in (call.caller_id, call.callee_id):
            transaction.update(
                "party",
                Party(people.key(CHAT.path, person_id)),
                actions=[Party.calls.delete({_entry(call, person_id)})],
            )

    transact(add_items)


def overdue(before_ms: int) -> Iterator[str]:
    """Yield the ids of calls that began to ring before a moment (epoch ms), the oldest first."""
    for row in Ringing.query(RINGING, Ringing.item < f"{before_ms:011x}", page_size=100):
        yield row.item


def forget_ringing(call_id: str) -> None:
    """Delete what the sweep knows of a call. Idempotent."""
    Ringing(RINGING, call_id).delete()


def _entry(call: ChatCall, person_id: str) -> str:
    """Return the entry of a call in ``Party.calls`` of a person."""
    return compose(call.id, call.peer_of(person_id))
