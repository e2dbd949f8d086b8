"""The HTTP routes of the accounts product."""

from __future__ import annotations

import msgspec

from functions.accounts.product import accounts
from shared.identity import accounts as stored
from shared.identity.accounts import Account
from shared.pipeline.authentication import require_admin
from shared.pipeline.deployment import Access
from shared.pipeline.http import HttpError, HttpRequest

ME = "me"


@accounts.route(
    "GET /accounts/{id}",
    errors=(403, 404),
    access=Access({"accounts": "GetItem", "people": "GetItem"}),
)
def account(request: HttpRequest) -> Account:
    """Return an account with its balance. The id `me` is the account of the person who asks; an
    admin may ask for any account."""
    identity, own = request.identity, request.id == ME
    if not own and request.id != identity.account_id:
        require_admin(identity)
    wanted = identity.account_id if own else request.id
    account = stored.get(wanted)
    if account is None and own:
        account = Account(id=identity.account_id, role=identity.role, name=identity.name)
    if account is None:
        raise HttpError(404, "There is no such account")
    coins = stored.balance(account, request.registry.paths_of_role(account.role))
    return msgspec.structs.replace(account, coins=coins)
