"""Who a token says somebody is.

A stack accepts one scheme. Without ``jwks_url`` tokens are HS256, signed with the secret
``JWT_SECRET``, or ``JWT_SECRET_PREVIOUS`` while there is one. With ``jwks_url`` they are RS256 or
ES256, signed with a key published there, and the secret is not even looked at: whoever knows it
could otherwise make tokens that the issuer knows nothing of.

The algorithms to accept come from the settings alone, never from the token, so neither ``none`` nor
a public key used as a secret passes. https://www.rfc-editor.org/rfc/rfc8725
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import jwt
import msgspec

from shared import jwks
from shared.log import logger
from shared.ports import Secrets
from shared.settings import Settings, settings

REFUSED = (jwt.PyJWTError, jwks.UnknownKey, ValueError)
"""PyJWT's readers and msgspec raise a ``ValueError`` for text that is no token at all."""


class InvalidToken(Exception):
    """Not a token of ours, or no longer."""


class Identity(msgspec.Struct, frozen=True):
    """``account_id`` is ``sub``; ``name`` falls back to it. ``permissions`` are for chat."""

    account_id: str
    role: str
    name: str
    permissions: frozenset[str] = frozenset()


class Claims(msgspec.Struct, frozen=True):
    sub: Annotated[str, msgspec.Meta(min_length=1)]
    role: str
    name: str | None = None
    permissions: frozenset[str] | None = None


def verify(token: object, secrets: Secrets) -> Identity:
    """Check signature, ``exp`` (required), ``nbf`` and ``iat``, and ``iss``/``aud`` where
    configured, the times with ``jwt_leeway_seconds`` to spare.

    Raises ``InvalidToken``, also when there is no key to check with, which is logged.
    """
    values = settings()
    if not isinstance(token, str):
        raise InvalidToken("not a string")
    try:
        claims = msgspec.convert(_payload(token.removeprefix("Bearer "), values, secrets), Claims)
    except jwt.InvalidKeyError as error:
        # A public key, for one, which everybody has: PyJWT takes none for a secret.
        logger.error("no token can be checked, JWT_SECRET is not one: %s", error)
        raise InvalidToken(str(error)) from error
    except REFUSED as error:
        raise InvalidToken(str(error)) from error
    return Identity(
        claims.sub, claims.role, claims.name or claims.sub, claims.permissions or frozenset()
    )


def _payload(token: str, values: Settings, secrets: Secrets) -> dict[str, Any]:
    if values.jwks_url:
        return _decode(token, _published_key(token), jwks.ALGORITHMS, values)
    current, previous = secrets.get("JWT_SECRET"), secrets.get("JWT_SECRET_PREVIOUS")
    if not current:
        raise jwt.InvalidKeyError("it is empty")
    try:
        return _decode(token, current, ("HS256",), values)
    except jwt.InvalidSignatureError:
        if not previous:
            raise
    return _decode(token, previous, ("HS256",), values)


def _published_key(token: str) -> jwt.PyJWK:
    """The key that the token's header asks for. A header that could not do leads to no fetch."""
    header = jwt.get_unverified_header(token)
    algorithm = header.get("alg")
    if algorithm not in jwks.ALGORITHMS:
        raise jwt.InvalidAlgorithmError(f"{algorithm!r} is not accepted")
    return jwks.published().key_for(header.get("kid"), algorithm)


def _decode(
    token: str, key: str | jwt.PyJWK, algorithms: Sequence[str], values: Settings
) -> dict[str, Any]:
    return jwt.decode(
        token,
        key,
        algorithms=algorithms,
        issuer=values.jwt_issuer or None,
        audience=values.jwt_audience or None,
        leeway=values.jwt_leeway_seconds,
        options={"require": ["exp", "sub"], "verify_aud": bool(values.jwt_audience)},
    )
