"""The HTTP route of the telecallers whom a user may call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from functions.calls.namespaces import TELECALLER, USER
from functions.calls.presence import directory
from functions.calls.presence.changes import Presence
from functions.calls.product import calls
from shared.identity import accounts
from shared.identity.accounts import Account
from shared.pipeline import paging
from shared.pipeline.authentication import require_role
from shared.pipeline.deployment import Access
from shared.pipeline.http import HttpRequest
from shared.pipeline.paging import Items
from shared.pipeline.routes import Parameter
from shared.realtime.namespaces import ADMIN


class ListedTelecaller(msgspec.Struct, frozen=True):
    """A telecaller who may be called. ``presence`` is what users have been told: ``ONLINE``,
    ``OFFLINE`` or ``ON_CALL``. A telecaller whose phone rings is ``ONLINE``."""

    id: str = msgspec.field(name="_id")
    name: str
    profile: str | None
    language: str | None
    about: str | None
    presence: Literal["ONLINE", "OFFLINE", "ON_CALL"]


class Telecallers(Items[ListedTelecaller], frozen=True):
    """A page of telecallers, the greatest id first: ids that begin with the time make it the newest
    first."""


@calls.route(
    "GET /telecallers",
    query={**paging.QUERY, "presence": Parameter("Only those with this presence", Presence)},
    errors=(403,),
    access=Access(
        {
            "accounts": "BatchGetItem",
            "accounts/listed": "Query",
            "presences": "BatchGetItem Query",
        }
    ),
)
def telecallers(request: HttpRequest) -> Telecallers:
    """Return the approved and active telecallers, for users and admins, with the presence that was
    announced last. With `presence`, a page may be short although another page follows."""
    require_role(request.identity, USER.role, ADMIN.role)
    page = paging.read(request.query)
    wanted = request.choice("presence", Presence)
    if wanted in directory.LISTED:
        ids, cursor = paging.cut(page, directory.ids(wanted, page.rows, page.before), str)
        known, now = _callable(ids), dict.fromkeys(ids, wanted)
    else:
        found = accounts.of_role(TELECALLER.role, page.rows, page.before)
        known, cursor = paging.cut(page, found, lambda account: account.id)
        now = directory.presences([account.id for account in known])
    shown = [_shown(account, now[account.id]) for account in known]
    return Telecallers([one for one in shown if wanted in (None, one.presence)], cursor)


def _callable(ids: Sequence[str]) -> list[Account]:
    """Return the accounts with these ids that users may call."""
    return [
        account
        for account in accounts.some(ids)
        if account.role == TELECALLER.role and account.active and account.approved
    ]


def _shown(account: Account, presence: Presence) -> ListedTelecaller:
    return ListedTelecaller(
        id=account.id,
        name=account.name,
        profile=account.profile,
        language=account.language,
        about=account.about,
        presence=presence.value,
    )
