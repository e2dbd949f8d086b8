"""The calls between users and telecallers that ring or go on, as parties and admins find them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from functions.calls import announcements, rows, store
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.presence import call_lists
from functions.calls.presence.call_lists import RUNNING
from functions.calls.product import MAY_END_CALL, calls
from functions.calls.rows import CurrentCall, PartyRow
from functions.calls.state import Trigger
from shared.aws.parallel import both
from shared.aws.tables import Table
from shared.calling.call_records import CallRecord, Ender
from shared.calling.running import RunningCall
from shared.pipeline.call_console import CallConsole, Listed
from shared.pipeline.context import Background
from shared.pipeline.deployment import Access


@calls.running_calls(access=Access({"people": "BatchGetItem GetItem"}))
def of_person(person_id: str) -> list[RunningCall]:
    """Return the call that a person is in as a user, and the call they are in as a telecaller."""
    as_user, as_telecaller = both(
        partial(rows.get, USER.path, person_id), partial(rows.get, TELECALLER.path, person_id)
    )
    found = []
    if as_telecaller.current_call:
        found.append(_of_telecaller(as_telecaller))
    if as_user.current_call:
        # Only the telecaller's row has the status.
        telecaller_id = as_user.current_call.peer_id
        other = rows.get(TELECALLER.path, telecaller_id)
        if other.is_in(as_user.current_call.id) and other.current_call:
            found.append(_of_row(other.current_call, person_id, telecaller_id))
    return found


def newest(limit: int, before: str | None) -> list[Listed]:
    """Return the newest calls in the list, see ``CallConsole``."""
    entries = call_lists.entries(RUNNING, limit, before)
    found = {row.call.id: _of_telecaller(row) for row in call_lists.telecallers(entries)}
    return [(entry.call_id, found.get(entry.call_id)) for entry in entries]


def find(call_id: str) -> RunningCall | None:
    """Return a call. Returns None if it is over, does not exist, or has begun a moment ago."""
    telecaller = _telecaller_in(call_id)
    return None if telecaller is None else _of_telecaller(telecaller)


def end(
    background: Background, call_id: str, ender: Ender, also: Callable[[CallRecord], Table]
) -> CallRecord | None:
    """End a call for an admin, see ``CallConsole``."""
    telecaller = _telecaller_in(call_id)
    if telecaller is None:
        return None
    parties = rows.with_peer(telecaller)
    done = store.finish(parties, call_id, Trigger.STOP, background.now_ms, ender, also=also)
    if done is None:
        return None
    announcements.ended(background, done)
    return done.record


calls.call_console(
    CallConsole(newest, find, end),
    access=MAY_END_CALL
    | Access(
        {"people": "BatchGetItem GetItem", "call_lists": "GetItem Query"},
        may="post invoke-disconnect",
    ),
)


def _telecaller_in(call_id: str) -> PartyRow | None:
    """Return the row of the telecaller who is in a call, read strongly consistently.

    Returns None if the call is over, does not exist, or has begun a moment ago.
    """
    entry = call_lists.find(RUNNING, call_id)
    row = entry and rows.get(TELECALLER.path, entry.callee_id)
    return row if row and row.is_in(call_id) else None


def _of_telecaller(telecaller: PartyRow) -> RunningCall:
    return _of_row(telecaller.call, telecaller.call.peer_id, telecaller.person_id)


def _of_row(call: CurrentCall, user_id: str, telecaller_id: str) -> RunningCall:
    accepted_at = call.accepted_at
    return RunningCall(
        id=call.id,
        product=calls.name,
        type=call.type,
        status=call.status,
        caller_id=user_id,
        callee_id=telecaller_id,
        started_at=int(call.started_at),
        accepted_at=None if accepted_at is None else int(accepted_at),
        attendance=call.attendance,
    )
