"""The conditional writes that start a call, or undo its start.

The call is put on the rows of its two parties at once, so neither can be in two calls.
"""

from __future__ import annotations

from contextlib import suppress
from enum import Enum, auto

import msgspec
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from functions.calls import prepaid, rows
from functions.calls.events import Party
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.rows import CurrentCall, PartyRow
from functions.calls.state import Status
from functions.calls.store import ROUNDS, is_in
from shared.aws.tables import Transaction, TransactionRefused, transact
from shared.calling import call_records, ring
from shared.errors import Duplicate
from shared.pipeline import rate_limits
from shared.pipeline.rate_limits import Window
from shared.realtime import people


class NotStarted(Enum):
    """Why a call could not be started, in the order in which the contract checks."""

    LIMITED = auto()
    CALLER_IN_CALL = auto()
    TOO_FEW_COINS = auto()
    TELECALLER_OFFLINE = auto()
    TELECALLER_BUSY = auto()


class NewCall(msgspec.Struct, frozen=True):
    """A call to start.

    rate: coins per started minute.
    user, telecaller: its parties, each as the other sees them.
    """

    id: str
    type: str
    rate: int
    user: Party
    telecaller: Party


def start(call: NewCall, devices: set[str], limit: Window) -> set[str] | NotStarted:
    """Put a ringing call on the rows of both parties, or of neither.

    devices: the telecaller's connections as they were read, as members of their row.

    Returns the connections that the telecaller had at the moment of the start, none if the call
    rings by push. All that join later find the call on the row. Or returns the reason why the call
    was not started. In both cases the attempt counts against the user's ``limit``, unless the limit
    is already reached. Raises
    ``Duplicate`` if a call with this id has been started before, even if it is over by now, or was
    the last to be refused.
    """
    for _ in range(ROUNDS):
        try:
            _start(call, devices, limit)
        except TransactionRefused as refused:
            changed = _devices_if_changed(refused, devices)
            if changed is not None:
                devices = changed
                continue
            reason = _why(refused, call, limit)
            counted = reason is not NotStarted.LIMITED and count_refused(
                call.user.id, call.id, limit
            )
            return reason if counted else NotStarted.LIMITED
        return devices
    raise RuntimeError(f"call {call.id} cannot start: the devices changed {ROUNDS} times")


def _start(call: NewCall, devices: set[str], limit: Window) -> None:
    """Put the call on both rows if the telecaller still has these devices and no others."""
    ringing = _on_row(call, call.user, limit, Status.RINGING)
    ringing.rings_on = devices or None

    def add_items(transaction: Transaction) -> None:
        transaction.update(
            "user",
            rows.of_key(USER.path, call.user.id),
            actions=[PartyRow.call.set(_on_row(call, call.telecaller, limit)), *limit.actions()],
            condition=_may_start(call, limit),
            return_old=True,
        )
        transaction.update(
            "telecaller",
            rows.of_key(TELECALLER.path, call.telecaller.id),
            actions=[PartyRow.call.set(ringing)],
            condition=people.can_ring(devices) & PartyRow.call.does_not_exist(),
            return_old=True,
        )

    transact(add_items)


def _devices_if_changed(refused: TransactionRefused, devices: set[str]) -> set[str] | None:
    """Return the telecaller's connections if the start was refused only because they have changed.
    There may be none if a push can wake the telecaller."""
    row = refused.row("telecaller")
    now = set(row.get(PartyRow.members.attr_name, {}).get("SS", ()))
    free = ring.on_image(row).id is None and bool(now or people.is_wakeable(row))
    return now if free and now != devices and not refused.failed("user") else None


def count_refused(user_id: str, call_id: str, limit: Window) -> bool:
    """Count a refused attempt against a user's limit. Returns False if the limit is reached."""
    return rate_limits.take(
        rows.of_key(USER.path, user_id), limit, [PartyRow.refused_call.set(call_id)]
    )


def withdraw(call: NewCall) -> None:
    """Undo the start of a call that no client knows of yet. The call is refused after all and
    leaves no record.

    Idempotent.
    """
    leave = PartyRow.call.remove()
    writes: list[tuple[str, PartyRow, list[Action]]] = [
        ("user", rows.of_key(USER.path, call.user.id), [leave, PartyRow.refused_call.set(call.id)]),
        ("telecaller", rows.of_key(TELECALLER.path, call.telecaller.id), [leave]),
    ]

    def add_items(transaction: Transaction) -> None:
        for name, row, actions in writes:
            transaction.update(name, row, actions=actions, condition=is_in(call.id))

    with suppress(TransactionRefused):  # a person has left meanwhile, which has ended the call
        transact(add_items)


def _why(refused: TransactionRefused, call: NewCall, limit: Window) -> NotStarted:
    """Return why the transaction was refused. Raises ``Duplicate`` as ``start`` does."""
    if refused.failed("user"):
        row = refused.row("user")
        current = ring.on_image(row).id
        turned_down = row.get(PartyRow.refused_call.attr_name, {}).get("S")
        last = row.get(PartyRow.last_call.attr_name, {}).get("S", "")
        if call.id in (current, turned_down) or (
            last >= call.id and call_records.find(call.user.id, call.id, as_caller=True)
        ):
            raise Duplicate
        if limit.is_full(row):
            return NotStarted.LIMITED
        return NotStarted.CALLER_IN_CALL if current else NotStarted.TOO_FEW_COINS
    row = refused.row("telecaller")
    reachable = PartyRow.members.attr_name in row or people.is_wakeable(row)
    return NotStarted.TELECALLER_BUSY if reachable else NotStarted.TELECALLER_OFFLINE


def _on_row(call: NewCall, peer: Party, limit: Window, status: Status | None = None) -> CurrentCall:
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


def _may_start(call: NewCall, limit: Window) -> Condition:
    """Return the condition on the user's row to start a call."""
    free: Condition = PartyRow.call.does_not_exist() & _is_new(call.id) & limit.condition()
    if prepaid.applies(call.rate):
        free &= PartyRow.coins >= call.rate
    return free


def _is_new(call_id: str) -> Condition:
    """Return the condition that the call is newer than the user's last call that is over, and is
    not the call that was refused last. Thus a frame that is delivered again late starts nothing."""
    last, refused = PartyRow.last_call, PartyRow.refused_call
    condition: Condition = last.does_not_exist() | (last < call_id)
    condition &= refused.does_not_exist() | (refused != call_id)
    return condition
