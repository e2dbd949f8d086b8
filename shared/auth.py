"""Who a token says somebody is."""

from __future__ import annotations

import jwt
import msgspec

from shared.ports import Secrets
from shared.settings import settings


class InvalidToken(Exception):
    """Not a token of ours, or no longer."""


class Identity(msgspec.Struct, frozen=True):
    """``account_id`` is ``sub``; ``name`` falls back to it."""

    account_id: str
    role: str
    name: str


class Claims(msgspec.Struct, frozen=True):
    sub: str
    role: str
    name: str | None = None


def verify(token: object, secrets: Secrets) -> Identity:
    """Check signature, ``exp`` (required), ``nbf``, and ``iss``/``aud`` where configured.

    Only HS256 is accepted, so neither ``none`` nor a swapped algorithm passes. Raises
    ``InvalidToken``. https://www.rfc-editor.org/rfc/rfc8725
    """
    values = settings()
    if not isinstance(token, str):
        raise InvalidToken("not a string")
    try:
        payload = jwt.decode(
            token.removeprefix("Bearer "),
            secrets.get("JWT_SECRET"),
            algorithms=["HS256"],
            issuer=values.jwt_issuer or None,
            audience=values.jwt_audience or None,
            options={"require": ["exp", "sub"], "verify_aud": bool(values.jwt_audience)},
        )
        claims = msgspec.convert(payload, Claims)
    except (jwt.InvalidTokenError, msgspec.ValidationError) as error:
        raise InvalidToken(str(error)) from error
    if not claims.sub:
        raise InvalidToken("empty sub")
    return Identity(claims.sub, claims.role, claims.name or claims.sub)
