"""Which account sends an HTTP request, and what the account may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.errors import InvalidToken
from shared.identity import accounts, cookies, tokens
from shared.identity.tokens import Identity
from shared.pipeline.http import HttpError
from shared.pipeline.routes import Who
from shared.ports import Secrets
from shared.realtime.namespaces import ACCESS_DENIED, ADMIN, INVALID_TOKEN, TOKEN_REQUIRED


def asker(who: Who, headers: Mapping[str, str], secrets: Secrets) -> Identity | None:
    """Return the account of the bearer token or the admin cookie.

    who: who may use the route.
    headers: the request's headers, by lower-case name.

    Returns None, and reads no token, if anybody may use the route. Raises ``HttpError``: 401
    without a valid token, 403 if the account may not use the route.
    """
    if who == "anybody":
        return None
    bearer = tokens.without_scheme(headers.get("authorization", ""))
    identity = identity_of([bearer] if bearer else cookies.of_request(headers), secrets)
    if who == "an admin":
        require_admin(identity)
    return identity


def identity_of(given: Sequence[str], secrets: Secrets) -> Identity:
    """Return the account of the first valid one of several tokens.

    Raises ``HttpError``: 401 without a valid token, 403 if the account has been suspended since the
    token was made.
    """
    kept = tokens.keep(given, secrets)
    if kept is None:
        raise HttpError(401, TOKEN_REQUIRED)
    try:
        identity = kept.valid()
    except InvalidToken as error:
        raise HttpError(401, INVALID_TOKEN) from error
    known = accounts.get(identity.account_id)
    if known is not None and not known.active:
        raise HttpError(403, ADMIN.suspended)
    return identity


def require_admin(identity: Identity) -> None:
    """Raise ``HttpError`` 403 if the account is not an admin's."""
    require_role(identity, ADMIN.role)


def require_role(identity: Identity, *roles: str) -> None:
    """Raise ``HttpError`` 403 if the account has none of these roles."""
    if identity.role not in roles:
        raise HttpError(403, ACCESS_DENIED)
