"""The chat calls that ring or go on, as parties and admins find them."""

from __future__ import annotations

from collections.abc import Callable

from functions.chat import call_announcements, call_rows, call_store
from functions.chat.call_rows import ChatCall
from functions.chat.product import MAY_END_CALL, chat
from functions.chat.state import Trigger
from shared.aws.tables import Table
from shared.calling.call_records import CallRecord, Ender
from shared.calling.running import RunningCall
from shared.pipeline.call_console import CallConsole, Listed
from shared.pipeline.context import Background
from shared.pipeline.deployment import Access


@chat.running_calls(access=Access({"people": "BatchGetItem GetItem"}))
def of_person(person_id: str) -> list[RunningCall]:
    """Return the calls of a person that ring or go on, newest first."""
    ids = [call_id for call_id, _ in call_rows.party(person_id).with_peers()]
    found = _several(ids)
    return [found[call_id] for call_id in sorted(found, reverse=True)]


def newest(limit: int, before: str | None) -> list[Listed]:
    """Return the newest calls in the list, see ``CallConsole``."""
    ids = call_rows.newest(limit, before)
    found = _several(ids)
    return [(call_id, found.get(call_id)) for call_id in ids]


def find(call_id: str) -> RunningCall | None:
    """Return a call. Returns None if it is over or does not exist."""
    row = call_rows.get(call_id)
    return None if row is None else _of_row(row.call)


def end(
    background: Background, call_id: str, ender: Ender, also: Callable[[CallRecord], Table]
) -> CallRecord | None:
    """End a call for an admin, see ``CallConsole``."""
    done = call_store.finish(call_id, Trigger.STOP, background.now_ms, ender, also=also)
    if done is None:
        return None
    call_announcements.ended(background, done)
    return done.record


chat.call_console(
    CallConsole(newest, find, end),
    access=MAY_END_CALL
    | Access({"people": "BatchGetItem", "chat": "Query"}, may="post invoke-disconnect"),
)


def _several(call_ids: list[str]) -> dict[str, RunningCall]:
    """Return calls by their ids, as far as they ring or go on."""
    rows = call_rows.several(call_ids)
    return {call_id: _of_row(row.call) for call_id, row in rows.items() if not row.over}


def _of_row(call: ChatCall) -> RunningCall:
    return RunningCall(
        id=call.id,
        product=call_store.PRODUCT,
        type=call.type,
        status=call.status or "",
        caller_id=call.caller_id,
        callee_id=call.callee_id,
        started_at=int(call.started_at),
        accepted_at=None if call.accepted_at is None else int(call.accepted_at),
    )
