"""The HTTP routes with which admins see all calls, find a call by its id, and end one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec

from functions.calls import announcements, routes, rows, store
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.presence import call_lists
from functions.calls.presence.call_lists import RUNNING
from functions.calls.product import MAY_END_CALL, calls
from functions.calls.routes import Call
from functions.calls.rows import PartyRow, PartyRows
from functions.calls.state import Status, Trigger
from functions.calls.store import Finished
from shared import times
from shared.calling import call_records
from shared.calling.call_records import CallRecord, Ender
from shared.calling.running import RunningCall
from shared.identity import accounts
from shared.ids import Id, is_id
from shared.pipeline import audit, paging
from shared.pipeline.audit import Action
from shared.pipeline.context import Background
from shared.pipeline.deployment import Access
from shared.pipeline.http import HttpError, HttpRequest, Parameter
from shared.realtime.namespaces import ADMIN_ROLE

NO_CALL = "There is no such call"

_READ = Access({"people": "GetItem", "calls": "Query", "call_lists": "GetItem"})


class WithCalls(StrEnum):
    """The products that have calls."""

    CALLS = "calls"
    CHAT = "chat"


class AdminCall(Call, frozen=True, rename="camel"):
    """A call as admins see it. ``userName``, ``telecallerName``: from the accounts, or null.
    ``ringSeconds``: how long it rang."""

    user_name: str | None
    telecaller_name: str | None
    ring_seconds: int


class AdminCalls(msgspec.Struct, frozen=True, rename="camel"):
    """A page of calls, newest first. ``cursor``: the cursor of the next page, or null if this is
    the last page."""

    items: list[AdminCall]
    cursor: str | None


@calls.route(
    "GET /admin/calls",
    who="an admin",
    query={
        **paging.QUERY,
        "product": Parameter("Whose calls, `calls` if left out", WithCalls),
        "userId": Parameter("Only the calls of this person, of all products", Id),
    },
    errors=(400,),
    access=Access({"accounts": "BatchGetItem", "calls": "BatchGetItem", "call_lists": "Query"}),
)
def recent_calls(request: HttpRequest) -> AdminCalls:
    """Return the calls of all people that are over, newest first. With `userId`, return the calls
    that `GET /calls` returns, those that ring or go on too."""
    if "userId" in request.query:
        own = routes.history(request)
        return AdminCalls(_for_admins(request, own.items), own.cursor)
    product = request.choice("product", WithCalls) or WithCalls.CALLS
    page = paging.read(request.query)
    found = call_lists.entries(product.value, page.rows, page.before)
    listed, cursor = paging.cut(page, found, lambda entry: entry.call_id)
    shown = map(routes.finished, call_lists.records(listed))
    return AdminCalls(_for_admins(request, shown), cursor)


@calls.route(
    "GET /admin/calls/running",
    who="an admin",
    query=paging.QUERY,
    errors=(400,),
    access=Access({"accounts": "BatchGetItem", "people": "BatchGetItem", "call_lists": "Query"}),
)
def running_calls(request: HttpRequest) -> AdminCalls:
    """Return the calls between users and telecallers that ring or go on, the newest first. A call
    that has just begun or ended may be a second late. A page may be short although another page
    follows."""
    page = paging.read(request.query)
    found = call_lists.entries(RUNNING, page.rows, page.before)
    listed, cursor = paging.cut(page, found, lambda entry: entry.call_id)
    now_ms = request.ports.clock.now_ms()
    shown = [routes.going_on(_running(row), now_ms) for row in call_lists.telecallers(listed)]
    return AdminCalls(_for_admins(request, shown), cursor)


@calls.route("GET /calls/{id}", errors=(404,), access=_READ)
def call(request: HttpRequest) -> Call:
    """Return a call, for its parties and for admins. A call of other people is answered like one
    that does not exist."""
    found, asker = _find(request), request.identity
    if found is None:
        raise HttpError(404, NO_CALL)
    if asker.role != ADMIN_ROLE and asker.account_id not in (found.user_id, found.telecaller_id):
        raise HttpError(404, NO_CALL)
    return found


@calls.route(
    "POST /calls/{id}/end",
    who="an admin",
    body=Action,
    errors=(400, 404),
    access=MAY_END_CALL | _READ | audit.WRITES | Access(may="post invoke-disconnect"),
)
def end_call(request: HttpRequest) -> Call:
    """End a call between a user and a telecaller. An answered call is charged for as always, and
    all devices of both receive `call:ended`. A call that rings is cancelled: the telecaller's
    devices receive `call:cancelled`. A call that is over is answered as it is."""
    audit.said(request)
    telecaller = _telecaller_in(request.id)
    done = telecaller and _stop(request, telecaller)
    if done:
        announcements.ended(Background.on(request.registry, request.ports), done)
        return routes.finished(done.record)
    record = _record(request.id, RUNNING, calls.name)
    if record is None:
        raise HttpError(404, NO_CALL)
    audit.entry(request, "call.end", before=record.status, after=record.status).save()
    return routes.finished(record)


def _stop(request: HttpRequest, telecaller: PartyRow) -> Finished | None:
    """End the call of a telecaller, in one transaction with its entry in the audit log.

    Returns None if the call is over.
    """
    current = telecaller.call
    entry = audit.entry(request, "call.end", before=current.status, after="")

    def logged(record: CallRecord) -> audit.Entry:
        entry.before = Status.ACCEPTED if record.accepted_at else Status.RINGING
        entry.after = record.status
        return entry

    parties = PartyRows(telecaller, rows.get(USER.path, current.peer_id))
    ender = Ender(entry.admin_id, entry.entry_id)
    return store.finish(parties, request.id, Trigger.STOP, int(entry.at), ender, also=logged)


def _find(request: HttpRequest) -> Call | None:
    """Return the call that a request names. Returns None if there is none.

    A party's call is found while it lasts, of whichever product; the call of other people only if
    it is in a list.
    """
    now_ms, asker_id = request.ports.clock.now_ms(), request.identity.account_id
    telecaller = _telecaller_in(request.id)
    if telecaller:
        return routes.going_on(_running(telecaller), now_ms)
    own = (one for find in request.registry.call_finders for one in find(asker_id))
    for one in own:
        if one.id == request.id:
            return routes.going_on(one, now_ms)
    record = _record(request.id, RUNNING, *WithCalls)
    return routes.finished(record) if record else None


def _telecaller_in(call_id: str) -> PartyRow | None:
    """Return the row of the telecaller who is in a call, read strongly consistently.

    Returns None if the call is over, does not exist, or has begun a moment ago.
    """
    entry = call_lists.find(RUNNING, call_id) if is_id(call_id) else None
    row = entry and rows.get(TELECALLER.path, entry.callee_id)
    return row if row and row.is_in(call_id) else None


def _record(call_id: str, *lists: str) -> CallRecord | None:
    """Return the record of a call that is in one of these lists. Returns None if there is none."""
    for name in lists if is_id(call_id) else ():
        entry = call_lists.find(name, call_id)
        record = entry and call_records.find(entry.caller_id, call_id, as_caller=True)
        if record:
            return record
    return None


def _running(telecaller: PartyRow) -> RunningCall:
    current = telecaller.call
    return routes.of_row(current, current.peer_id, telecaller.person_id)


def _for_admins(request: HttpRequest, some: Iterable[Call]) -> list[AdminCall]:
    """Return calls with the names of their parties."""
    shown, now = list(some), times.iso(request.ports.clock.now_ms())
    ids = {id_ for one in shown for id_ in (one.user_id, one.telecaller_id)}
    names = {account.id: account.name for account in accounts.some(sorted(ids))}
    return [
        AdminCall(
            **msgspec.structs.asdict(one),
            user_name=names.get(one.user_id),
            telecaller_name=names.get(one.telecaller_id),
            ring_seconds=_seconds(one.started_at, one.accepted_at or one.ended_at or now),
        )
        for one in shown
    ]


def _seconds(begin: str, end: str) -> int:
    return max(
        0, int((datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds())
    )
