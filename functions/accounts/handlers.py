"""Handles the changes of accounts that a team's own system reports."""

from __future__ import annotations

from functools import partial

from functions.accounts import console, routes
from functions.accounts.product import accounts
from shared.aws.parallel import together
from shared.identity import accounts as stored
from shared.identity.accounts import Account
from shared.pipeline.context import Background
from shared.realtime import people

__all__ = ["accounts", "console", "routes"]


@accounts.on_backend(console.UPSERTED, payload=Account)
def upserted(background: Background, account: Account, happened_at_ms: int) -> None:
    """Store the account. If it is suspended, close all sessions of the person.

    A telecaller who is no longer approved stays connected but cannot be called any more, because
    every ``call:initiate`` checks the approval. The telecaller's current call goes on.
    """
    known = stored.upsert(account, happened_at_ms, background.registry.paths_of_role(account.role))
    if not known.active:
        _close_sessions(background, known.id)


def _close_sessions(background: Background, person_id: str) -> None:
    """Close a person's sessions in every namespace.

    The role in their token decides which namespaces a person may join, not the role of the account.
    """
    for person in together(
        partial(people.get, path, person_id) for path in background.registry.namespaces
    ):
        for address in person.connected:
            background.ports.tasks.expel(address.connection_id, address.namespace, person_id)
