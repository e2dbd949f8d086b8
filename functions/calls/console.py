"""The HTTP routes with which admins see all calls, find a call by its id, and end one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec

from functions.calls import routes
from functions.calls.presence import call_lists
from functions.calls.presence.call_lists import RUNNING
from functions.calls.product import calls
from functions.calls.routes import Call
from shared import times
from shared.calling import call_records, ring
from shared.calling.call_records import CallRecord, Ender
from shared.calling.running import RunningCall
from shared.identity import accounts
from shared.ids import Id
from shared.pipeline import audit, paging
from shared.pipeline.audit import Action
from shared.pipeline.call_console import CallConsole
from shared.pipeline.context import Background
from shared.pipeline.deployment import Access
from shared.pipeline.http import HttpError, HttpRequest
from shared.pipeline.paging import Items
from shared.pipeline.routes import Parameter
from shared.realtime.namespaces import ADMIN_ROLE

NO_CALL = "There is no such call"

_READ = Access({"calls": "Query", "call_lists": "GetItem"})


class WithCalls(StrEnum):
    """The products that have calls."""

    CALLS = "calls"
    CHAT = "chat"


_PRODUCT = Parameter("Whose calls, `calls` if left out", WithCalls)


class AdminCall(Call, frozen=True, kw_only=True, rename="camel"):
    """A call as admins see it. ``userName``, ``telecallerName``: from the accounts, or null.
    ``ringSeconds``: how long it rang."""

    user_name: str | None
    telecaller_name: str | None
    ring_seconds: int


class AdminCalls(Items[AdminCall], frozen=True):
    """A page of calls, newest first."""


@calls.route(
    "GET /admin/calls",
    who="an admin",
    query={
        **paging.QUERY,
        "product": _PRODUCT,
        "userId": Parameter("Only the calls of this person, of all products", Id),
    },
    access=Access({"accounts": "BatchGetItem", "calls": "BatchGetItem", "call_lists": "Query"}),
)
def recent_calls(request: HttpRequest) -> AdminCalls:
    """Return the calls of all people that are over, newest first. With `userId`, return the calls
    that `GET /calls` returns, those that ring or go on too."""
    if "userId" in request.query:
        own = routes.history(request)
        return AdminCalls(_for_admins(request, own.items), own.cursor)
    page = paging.read(request.query)
    found = call_lists.entries(_product(request), page.rows, page.before)
    listed, cursor = paging.cut(page, found, lambda entry: entry.call_id)
    shown = map(routes.finished, call_lists.records(listed))
    return AdminCalls(_for_admins(request, shown), cursor)


@calls.route(
    "GET /admin/calls/running",
    who="an admin",
    query={**paging.QUERY, "product": _PRODUCT},
    access=Access({"accounts": "BatchGetItem"}),
)
def running_calls(request: HttpRequest) -> AdminCalls:
    """Return the calls of a product that ring or go on, the newest first. A call that has just
    begun or ended may be a second late. A page may be short although another page follows."""
    page, product = paging.read(request.query), _product(request)
    found = request.registry.call_consoles[product].newest(page.rows, page.before)
    listed, cursor = paging.cut(page, found, lambda one: one[0])
    now_ms = request.ports.clock.now_ms()
    shown = [routes.going_on(running, now_ms) for _, running in listed if running]
    return AdminCalls(_for_admins(request, shown), cursor)


@calls.route("GET /calls/{id}", errors=(404,), access=_READ)
def call(request: HttpRequest) -> Call:
    """Return a call, for its parties and for admins. A call of other people is answered like one
    that does not exist."""
    asker, found = request.identity, _find(request)
    known = found and asker.account_id in (found.user_id, found.telecaller_id)
    if found is None or not (known or asker.role == ADMIN_ROLE):
        raise HttpError(404, NO_CALL)
    return found


@calls.route(
    "POST /calls/{id}/end",
    who="an admin",
    body=Action,
    errors=(404,),
    access=_READ | audit.WRITES,
)
def end_call(request: HttpRequest) -> Call:
    """End a call. An answered call between a user and a telecaller is charged for as always. All
    devices of both parties receive `call:ended`; a telecaller's devices on which it rings receive
    `call:cancelled`. A call that is over is answered as it is."""
    audit.said(request)
    for console in request.registry.call_consoles.values():
        running = console.find(request.id)
        record = running and _stop(request, console, running)
        if record:
            return routes.finished(record)
    over = _record(request.id)
    if over is None:
        raise HttpError(404, NO_CALL)
    audit.entry(request, "call.end", before=over.status, after=over.status).save()
    return routes.finished(over)


def _stop(request: HttpRequest, console: CallConsole, running: RunningCall) -> CallRecord | None:
    """End a call, in one transaction with its entry in the audit log.

    Returns None if the call is over.
    """
    entry = audit.entry(request, "call.end", before=running.status, after="")

    def logged(record: CallRecord) -> audit.Entry:
        entry.before = ring.ACCEPTED if record.accepted_at else ring.RINGING
        entry.after = record.status
        return entry

    background = Background.on(request.registry, request.ports)
    return console.end(background, running.id, Ender(entry.admin_id, entry.entry_id), logged)


def _product(request: HttpRequest) -> str:
    return (request.choice("product", WithCalls) or WithCalls.CALLS).value


def _find(request: HttpRequest) -> Call | None:
    """Return the call that a request names. Returns None if there is none.

    A party's own call is found also in the moment before it is in a list.
    """
    registry, now_ms = request.registry, request.ports.clock.now_ms()
    for console in registry.call_consoles.values():
        if running := console.find(request.id):
            return routes.going_on(running, now_ms)
    own = (one for find in registry.call_finders for one in find(request.identity.account_id))
    for one in own:
        if one.id == request.id:
            return routes.going_on(one, now_ms)
    record = _record(request.id)
    return routes.finished(record) if record else None


def _record(call_id: str) -> CallRecord | None:
    """Return the record of a call that is in a list. Returns None if there is none."""
    for name in (RUNNING, *WithCalls):
        entry = call_lists.find(name, call_id)
        record = entry and call_records.find(entry.caller_id, call_id, as_caller=True)
        if record:
            return record
    return None


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
