"""The HTTP routes with which admins find people, and suspend and approve them.

The accounts belong to the team's own system, which reports them. What an admin changes here counts
as newer than all reports until then; a later report changes it again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import msgspec

from functions.accounts.product import accounts
from shared.aws.log import logger
from shared.aws.parallel import together
from shared.identity import accounts as stored
from shared.identity.accounts import Account
from shared.pipeline import audit, paging
from shared.pipeline.audit import Action
from shared.pipeline.backend_events import HAPPENED_AT
from shared.pipeline.deployment import Access
from shared.pipeline.http import HttpError, HttpHandle, HttpRequest
from shared.pipeline.paging import Items
from shared.pipeline.routes import Parameter
from shared.ports import BusMessage
from shared.protocol import json
from shared.realtime import people
from shared.settings import settings

NO_ACCOUNT = "There is no such account"
UPSERTED = "account.upserted"
CHANGED = "account changed"
NAME_MISSING = "name: expected the beginning of a name"


class FoundAccounts(Items[Account], frozen=True):
    """A page of accounts in the order of their names. ``coins`` are those that the team's system
    has reported."""


class Devices(msgspec.Struct, frozen=True):
    """How many devices of a person are connected to a namespace."""

    namespace: str
    devices: int


class ChangedAccount(msgspec.Struct, frozen=True, rename="camel"):
    """The account whose sessions are looked at some seconds after a change."""

    account_id: str


class Sessions(msgspec.Struct, frozen=True):
    """The namespaces to which a person is connected. Empty if the person is offline."""

    items: list[Devices]


@accounts.route(
    "GET /accounts",
    who="an admin",
    query={
        **paging.QUERY,
        "name": Parameter(
            "The beginning of the name, in any case",
            Annotated[str, msgspec.Meta(pattern=r"\S")],
            required=True,
        ),
    },
    access=Access({"accounts": "BatchGetItem", "accounts/named": "Query"}),
)
def find(request: HttpRequest) -> FoundAccounts:
    """Return the accounts whose names begin with a text, suspended ones too."""
    prefix = stored.folded(request.query.get("name", ""))
    if not prefix:
        raise HttpError(400, NAME_MISSING)
    page = paging.read(request.query)
    keys, cursor = paging.cut(page, stored.of_name(prefix, page.rows, page.before), str)
    return FoundAccounts(stored.some([stored.id_of(key) for key in keys]), cursor)


@accounts.route("GET /accounts/{id}/sessions", who="an admin", access=Access({"people": "GetItem"}))
def sessions(request: HttpRequest) -> Sessions:
    """Return where a person is connected now, with how many devices."""
    paths = list(request.registry.namespaces)
    rows = together(partial(people.get, path, request.id) for path in paths)
    return Sessions([Devices(row.namespace, len(row.members)) for row in rows if row.members])


def _action(verb: str) -> Callable[[HttpHandle], HttpHandle]:
    """Register the handler of a route with which admins change an account."""
    return accounts.route(
        f"POST /accounts/{{id}}/{verb}",
        who="an admin",
        body=Action,
        errors=(404,),
        access=Access({"accounts": "GetItem UpdateItem"}, may="put-events send-deadline")
        | audit.WRITES,
    )


@_action("suspend")
def suspend(request: HttpRequest) -> Account:
    """Suspend an account, as `account.upserted` does: all sessions of the person end, and new ones
    are refused. Asking again does no harm."""
    return _change(request, "account.suspend", account_status="SUSPENDED")


@_action("activate")
def activate(request: HttpRequest) -> Account:
    """End the suspension of an account."""
    return _change(request, "account.activate", account_status="ACTIVE")


@_action("approve")
def approve(request: HttpRequest) -> Account:
    """Approve an account: a telecaller may connect and be called."""
    return _change(request, "account.approve", approval_status="APPROVED")


@_action("reject")
def reject(request: HttpRequest) -> Account:
    """Withdraw or refuse the approval of an account, as `account.upserted` does."""
    return _change(request, "account.reject", approval_status="REJECTED")


def _change(request: HttpRequest, action: str, **status: Any) -> Account:
    """Set a status of an account, in one transaction with the entry in the audit log.

    Then reports the account on the stack's bus, so all consequences follow as if the team's system
    had reported it. If this process ends before, or the bus refuses the report, they follow some
    seconds later, because that has been put off before the change.

    Raises ``HttpError`` 404 if there is no such account.
    """
    later = int(settings().untold_seconds)
    request.ports.tasks.postpone(CHANGED, ChangedAccount(request.id), later)
    (field,) = status
    entry = audit.entry(request, action, before="", after="")

    def logged(before: Account, after: Account) -> audit.Entry:
        entry.before, entry.after = getattr(before, field), getattr(after, field)
        return entry

    def changed(account: Account) -> Account:
        return msgspec.structs.replace(account, **status)

    now_ms = int(entry.at)
    done = stored.change(request.id, now_ms, changed, logged)
    if done is None:
        raise HttpError(404, NO_ACCOUNT)
    report = msgspec.to_builtins(done.after) | {HAPPENED_AT: done.at_ms}
    for refused in request.ports.tasks.publish([BusMessage(UPSERTED, json.dumps(report))]):
        logger.warning("an account's report was refused: %s", refused.reason)
    return done.after
