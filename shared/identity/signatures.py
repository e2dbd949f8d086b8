"""The claims of a token, after its signature and its times have been checked.

This module is imported when the first token comes, because most events bring no token. It imports
PyJWT, and PyJWT imports cryptography if the stack has it for published keys.
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
"""The errors of a token that is refused. PyJWT raises ``ValueError`` for text that is no token."""


def claims_of(token: str, values: Settings, secrets: Secrets) -> dict[str, Any]:
    """Return the claims of a token.

    Raises ``InvalidToken``. If there is no key to check the token with, this is logged too.
    """
    try:
        return _payload(token, values, secrets)
    except jwt.InvalidKeyError as error:
        # For example, JWT_SECRET holds a public key, which is not secret: PyJWT does not accept it.
        logger.error("no token can be checked, JWT_SECRET is not a secret: %s", error)
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
    """Return the published key for a token's header.

    A header whose algorithm is not accepted is refused without a request to the issuer.
    """
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
