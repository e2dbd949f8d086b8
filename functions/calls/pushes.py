"""What is pushed to telecallers, by the changes of their rows.

The changes are read from the stream of the people table. So whatever is written is pushed, even if
the process that wrote it has died, and no client waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from functions.calls.namespaces import TELECALLER
from functions.calls.rows import PartyRow
from functions.calls.state import Status
from shared.aws import streams
from shared.aws.adapters import ports
from shared.aws.streams import Row
from shared.calling import waking
from shared.calling.waking import Ring
from shared.ids import decompose
from shared.ports import Push

_MOST_CHARACTERS = 100
"""How much of a name is pushed. Apple and Google take 4 KB."""

_PROFILE_CHARACTERS = 500
"""A longer profile is left out, because a part of a URL is of no use."""


def follow(records: Iterable[dict[str, Any]]) -> None:
    """Push what a batch of the people stream says, if the stack pushes.

    Idempotent within two days: the function that pushes knows what it has pushed.
    """

    def pushes(before: Row, after: Row) -> Iterator[Push]:
        return of_change(before, after, ports().clock.now_ms())

    streams.push(records, "people", pushes, ports().tasks.push)


def of_change(before: Row, after: Row, now_ms: int) -> Iterator[Push]:
    """Yield the pushes about the call on a telecaller's row. Rows without devices have none."""
    then, now = _row(before), _row(after)
    if now is None or not now.devices:
        return
    if _by_push(now) and not (then and then.is_in(now.call.id) and _by_push(then)):
        yield from waking.rings(_ring(now))
    if then and _rings(then) and not (now.is_in(then.call.id) and _rings(now)):
        how = "ANSWERED" if now.is_in(then.call.id) else _how(now, then.call.id)
        yield from waking.ended(_ring(then), how, now_ms, connected=now.online)


def _how(row: PartyRow, call_id: str) -> str:
    """Return how a call has ended, by the mark of its end. A call that was taken back has none."""
    marks = [one for one in row.marks if one.about == call_id and one.what != Status.ACCEPTED]
    return decompose(marks[-1].what, 2)[0] if marks else "ENDED"


def _row(image: Row) -> PartyRow | None:
    """Return a telecaller's row. Returns None if there is none, or the row is another's."""
    row = PartyRow.from_raw_data(dict(image)) if image else None
    return row if row and row.namespace == TELECALLER.path else None


def _rings(row: PartyRow) -> bool:
    call = row.current_call
    return call is not None and call.status == Status.RINGING


def _by_push(row: PartyRow) -> bool:
    """Return whether a call rings by push: no app of the telecaller is there."""
    return _rings(row) and not row.online and row.can_be_woken


def _ring(row: PartyRow) -> Ring:
    call = row.call
    caller = {"callerId": call.peer_id, "callerName": call.peer_name[:_MOST_CHARACTERS]}
    if call.peer_profile and len(call.peer_profile) <= _PROFILE_CHARACTERS:
        caller["callerProfile"] = call.peer_profile
    return Ring(call.id, row.person, row.person, call.type, int(call.started_at), caller)
