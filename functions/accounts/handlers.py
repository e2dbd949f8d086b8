"""Handles the changes of accounts that a team's own system reports."""

from __future__ import annotations

from functools import partial

from functions.accounts import console, routes
from functions.accounts.product import accounts
from shared.aws.parallel import together
from shared.identity import accounts as stored
from shared.identity.accounts import Account
from shared.pipeline import account_changes
from shared.pipeline.context import Background
from shared.realtime import people

__all__ = ["accounts", "console", "routes"]


@accounts.on_backend(console.UPSERTED, payload=Account)
def upserted(background: Background, account: Account, happened_at_ms: int) -> None:
    """Store the account. All sessions of the person follow it: they change, or they end.

    The person's sessions may be in any namespace, because the role in the token decides which
    namespaces a person may join, not the role of the account.
    """
    registry, ports = background.registry, background.ports
    known = stored.upsert(account, happened_at_ms, registry.paths_of_role(account.role))
    for person in together(partial(people.get, path, known.id) for path in registry.namespaces):
        for address in person.connected:
            account_changes.follow(registry, ports, address, known)
