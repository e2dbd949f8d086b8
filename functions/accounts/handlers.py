"""Handles the changes of accounts that a team's own system reports, or that an admin makes."""

from __future__ import annotations

from functools import partial

from functions.accounts import console, routes
from functions.accounts.product import accounts
from shared.aws.parallel import together
from shared.identity import accounts as stored
from shared.identity.accounts import Account
from shared.pipeline import account_changes
from shared.pipeline.context import Background
from shared.pipeline.deployment import Access
from shared.realtime import people

__all__ = ["accounts", "console", "routes"]


@accounts.on_backend(console.UPSERTED, payload=Account)
def upserted(background: Background, account: Account, happened_at_ms: int) -> None:
    """Store the account. All sessions of the person follow it: they change, or they end.

    The person's sessions may be in any namespace, because the role in the token decides which
    namespaces a person may join, not the role of the account.
    """
    paths = background.registry.paths_of_role(account.role)
    _update_sessions(background, stored.upsert(account, happened_at_ms, paths))


@accounts.on_later(
    console.CHANGED,
    payload=console.ChangedAccount,
    access=Access(
        {"accounts": "GetItem", "connections": "GetItem UpdateItem", "people": "GetItem"},
        may="invoke-disconnect",
    ),
)
def changed(background: Background, change: console.ChangedAccount) -> None:
    """Let all sessions of a person follow an account that an admin may have changed. Idempotent.

    They have done so before, unless the process that changed the account has not reported it.
    """
    account = stored.get(change.account_id)
    if account is not None:
        _update_sessions(background, account)


def _update_sessions(background: Background, account: Account) -> None:
    """Let all sessions of a person follow the account. Idempotent."""
    registry, ports = background.registry, background.ports
    for person in together(partial(people.get, path, account.id) for path in registry.namespaces):
        for address in person.connected:
            account_changes.follow(registry, ports, address, account)
