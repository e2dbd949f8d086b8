"""The person whom a token identifies.

A stack accepts tokens of one scheme. Without ``jwks_url`` tokens are HS256, signed with the secret
``JWT_SECRET``, or with ``JWT_SECRET_PREVIOUS`` while it is set. With ``jwks_url`` they are RS256 or
ES256, signed with a key that is published there. The secret is not used then: a person who knows it
could otherwise make tokens that the issuer has not issued.

The accepted algorithms come from the settings alone, never from the token. So a token with the
algorithm ``none`` is refused, and so is one signed with a public key as the secret.
https://www.rfc-editor.org/rfc/rfc8725
"""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence

import msgspec

from shared.errors import InvalidToken
from shared.ids import Id
from shared.ports import Secrets
from shared.protocol import json
from shared.settings import settings

_NEVER = 2**53
"""The largest number that every JSON parser reads exactly."""


class Identity(msgspec.Struct, frozen=True):
    """A person, as a token describes them.

    account_id: the token's ``sub``.
    name: the token's ``name``, or ``sub`` if it has none.
    permissions: what the person may do in chat.
    """

    account_id: str
    role: str
    name: str
    permissions: frozenset[str] = frozenset()


class Claims(msgspec.Struct, frozen=True):
    """The claims that are read from a token."""

    sub: Id
    role: str
    name: str | None = None
    permissions: frozenset[str] | None = None


class _Subject(msgspec.Struct):
    sub: Id


def without_scheme(text: str) -> str:
    """Return a token without the scheme ``Bearer``, which may be in any case.

    https://www.rfc-editor.org/rfc/rfc9110#section-11.1
    """
    scheme, _, token = text.partition(" ")
    return token.lstrip() if scheme.lower() == "bearer" else text


class Kept(msgspec.Struct, frozen=True, rename="camel"):
    """What is kept of a token that came with a handshake. Nobody can use it as a token.

    identity: the person whom the token identifies. None if the token was invalid.
    expires_at: when the token expires, epoch seconds.
    """

    identity: Identity | None = None
    expires_at: int = 0

    def valid(self) -> Identity:
        """Return the person. Raises ``InvalidToken`` if the token was invalid, or has expired."""
        if self.identity is None:
            raise InvalidToken("it was invalid when it came")
        if time.time() >= self.expires_at + settings().jwt_leeway_seconds:
            raise InvalidToken("it has expired since it came")
        return self.identity


def keep(given: Sequence[str], secrets: Secrets) -> Kept | None:
    """Return what is kept of the first valid one of several tokens: rows must not hold tokens.

    Returns None if no token is given.
    """
    for token in given:
        try:
            return _check(token, secrets)
        except InvalidToken:
            continue
    return Kept() if given else None


def kept_text(given: Sequence[str], secrets: Secrets) -> str | None:
    """Return what ``keep`` returns, as the JSON that a connection's row has, or None."""
    kept = keep(given, secrets)
    return None if kept is None else json.dumps(kept)


def verify(token: object, secrets: Secrets) -> Identity:
    """Check a token and return the person it identifies. A ``Kept`` is checked for its time only.

    Checks the signature, ``exp`` (required), ``nbf`` and ``iat``, and ``iss`` and ``aud`` if they
    are configured, and that the claims of ``Claims`` are Unicode. Times may be wrong by
    ``jwt_leeway_seconds``.

    Raises ``InvalidToken``. If there is no key to check the token with, this is logged too.
    """
    if isinstance(token, Kept):
        return token.valid()
    if not isinstance(token, str):
        raise InvalidToken("not a string")
    return _check(token, secrets).valid()


def claimed_account(token: object) -> str | None:
    """Return the account that a token names, without checking the token.

    It says what to read ahead, while the token is not checked yet. Returns None if it names none.
    """
    if not isinstance(token, str):
        return None
    try:
        payload = without_scheme(token).split(".")[1]
        claims = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        claimed = msgspec.json.decode(claims, type=_Subject).sub
        claimed.encode()
    except (IndexError, ValueError):  # what is no token, no Base64, no JSON or no Unicode
        return None
    return claimed


def _check(token: str, secrets: Secrets) -> Kept:
    from shared.identity import signatures  # noqa: PLC0415 - heavy, and most events bring no token

    try:
        given = signatures.claims_of(without_scheme(token), settings(), secrets)
        claims = msgspec.convert(given, Claims)
        # Text with a lone surrogate, such as half of an emoji, cannot be encoded: no table and no
        # client could be given it.
        msgspec.json.encode(claims)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise InvalidToken(str(error)) from error
    identity = Identity(
        claims.sub, claims.role, claims.name or claims.sub, claims.permissions or frozenset()
    )
    return Kept(identity, min(int(given["exp"]), _NEVER))
