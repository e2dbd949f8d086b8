"""Who a token says somebody is.

A stack accepts one scheme. Without ``jwks_url`` tokens are HS256, signed with the secret
``JWT_SECRET``, or ``JWT_SECRET_PREVIOUS`` while there is one. With ``jwks_url`` they are RS256 or
ES256, signed with a key published there, and the secret is not even looked at: whoever knows it
could otherwise make tokens that the issuer knows nothing of.

The algorithms to accept come from the settings alone, never from the token, so neither ``none`` nor
a public key used as a secret passes. https://www.rfc-editor.org/rfc/rfc8725
"""

from __future__ import annotations

import msgspec

from shared.errors import InvalidToken
from shared.ids import Id
from shared.ports import Secrets
from shared.settings import settings


class Identity(msgspec.Struct, frozen=True):
    """``account_id`` is ``sub``; ``name`` falls back to it. ``permissions`` are for chat."""

    account_id: str
    role: str
    name: str
    permissions: frozenset[str] = frozenset()


class Claims(msgspec.Struct, frozen=True):
    sub: Id
    role: str
    name: str | None = None
    permissions: frozenset[str] | None = None


def verify(token: object, secrets: Secrets) -> Identity:
    """Check signature, ``exp`` (required), ``nbf`` and ``iat``, and ``iss``/``aud`` where
    configured, the times with ``jwt_leeway_seconds`` to spare.

    Raises ``InvalidToken``, also when there is no key to check with, which is logged.
    """
    from shared.identity import signatures  # noqa: PLC0415 - most events bring none, and what it takes is heavy

    if not isinstance(token, str):
        raise InvalidToken("not a string")
    try:
        given = signatures.claims_of(token.removeprefix("Bearer "), settings(), secrets)
        claims = msgspec.convert(given, Claims)
    except msgspec.ValidationError as error:
        raise InvalidToken(str(error)) from error
    return Identity(
        claims.sub, claims.role, claims.name or claims.sub, claims.permissions or frozenset()
    )
