"""What a change of an account brings about."""

from __future__ import annotations

from functools import partial

from functions.accounts import routes
from functions.accounts.product import accounts
from shared.aws.parallel import together
from shared.identity import accounts as stored
from shared.identity.accounts import Account
from shared.pipeline.context import Background
from shared.realtime import people

__all__ = ["accounts", "routes"]


@accounts.on_backend("account.upserted", payload=Account)
def upserted(background: Background, account: Account, happened_at_ms: int) -> None:
    """Keep the account, and close the sessions of somebody who is suspended.

    A telecaller who is no longer approved stays connected, and can no more be called: every
    ``call:initiate`` looks at the approval. A call that lasts is not cut off.
    """
    known = stored.upsert(account, happened_at_ms, background.registry.paths_of_role(account.role))
    if not known.active:
        _close_sessions(background, known.id)


def _close_sessions(background: Background, person_id: str) -> None:
    """In every namespace: what lets somebody in is the role of their token."""
    for person in together(
        partial(people.get, path, person_id) for path in background.registry.namespaces
    ):
        for address in person.addresses:
            background.ports.tasks.expel(address.connection_id, address.namespace, person_id)
