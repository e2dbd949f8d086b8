"""What a token claims, once its signature and its times are checked.

Imported when a token comes, and with it PyJWT and, where keys are published, cryptography: most
events bring none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jwt

from shared.aws.log import logger
from shared.errors import InvalidToken
from shared.identity import keys
from shared.ports import Secrets
from shared.settings import Settings

REFUSED = (jwt.PyJWTError, keys.UnknownKey, ValueError)
"""PyJWT's readers raise a ``ValueError`` for text that is no token at all."""


def claims_of(token: str, values: Settings, secrets: Secrets) -> dict[str, Any]:
    """The claims. Raises ``InvalidToken``, also when there is no key to check with, which is
    logged."""
    try:
        return _payload(token, values, secrets)
    except jwt.InvalidKeyError as error:
        # A public key, for one, which everybody has: PyJWT takes none for a secret.
        logger.error("no token can be checked, JWT_SECRET is not one: %s", error)
        raise InvalidToken(str(error)) from error
    except REFUSED as error:
        raise InvalidToken(str(error)) from error


def _payload(token: str, values: Settings, secrets: Secrets) -> dict[str, Any]:
    if values.jwks_url:
        return _decode(token, _published_key(token), keys.ALGORITHMS, values)
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
    if algorithm not in keys.ALGORITHMS:
        raise jwt.InvalidAlgorithmError(f"{algorithm!r} is not accepted")
    return keys.published().key_for(header.get("kid"), algorithm)


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
