"""The public keys of whoever issues the tokens, from the address they publish them at.

A key set is fetched when the first token comes and again when it has grown old. A token that names
an unknown key may mean that the issuer has a new one, or nothing at all: it leads to a fetch too,
but a fetch of whatever cause, successful or not, is followed by none for ``refetch_seconds``.
https://www.rfc-editor.org/rfc/rfc7517
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from threading import Lock

import jwt
from jwt import PyJWK, PyJWKClient

from shared.aws.log import logger
from shared.settings import Settings, settings

ALGORITHMS = ("RS256", "ES256")


class UnknownKey(Exception):
    """No key is published, or none could be fetched, that a token could be checked with."""


class KeySet:
    """The keys of one process.

    While the issuer cannot be reached, the last keys are used on for ``jwks_stale_seconds``: its
    outage locks nobody out, and a key it has withdrawn is not honoured for ever.
    """

    def __init__(self, values: Settings, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._settings = values
        self._monotonic = monotonic
        self._client = PyJWKClient(
            values.jwks_url, cache_jwk_set=False, timeout=values.jwks_timeout_seconds
        )
        self._keys: tuple[PyJWK, ...] = ()
        self._fetched_at = self._tried_at = float("-inf")
        self._lock = Lock()

    def key_for(self, kid: str | None, algorithm: str) -> PyJWK:
        """The key named ``kid``; for a token that names none, the only one for its algorithm.

        Raises ``UnknownKey``.
        """
        with self._lock:
            if self._age() >= self._settings.jwks_cache_seconds:
                self._fetch()
            key = self._find(kid, algorithm)
            if key is None:
                self._fetch()
                key = self._find(kid, algorithm)
        if key is None:
            raise UnknownKey(f"no {algorithm} key {kid!r}")
        return key

    def _find(self, kid: str | None, algorithm: str) -> PyJWK | None:
        if self._age() >= self._settings.jwks_cache_seconds + self._settings.jwks_stale_seconds:
            return None
        found = [
            key
            for key in self._keys
            if key.algorithm_name == algorithm and (kid is None or key.key_id == kid)
        ]
        return found[0] if len(found) == 1 else None

    def _age(self) -> float:
        return self._monotonic() - self._fetched_at

    def _fetch(self) -> None:
        """Get the keys anew, unless that was tried a moment ago. A failure is logged, not raised:
        whether the keys at hand will do is for the token to show."""
        now = self._monotonic()
        if now - self._tried_at < self._settings.jwks_refetch_seconds:
            return
        self._tried_at = now
        try:
            published = self._client.get_jwk_set().keys
        except (jwt.PyJWTError, OSError, ValueError, RecursionError) as error:
            logger.error("signing keys not fetched from %s: %s", self._settings.jwks_url, error)
            return
        self._keys = tuple(key for key in published if _is_usable(key))
        self._fetched_at = now
        if not self._keys:
            logger.error("no key for %s at %s", " or ".join(ALGORITHMS), self._settings.jwks_url)


def _is_usable(key: PyJWK) -> bool:
    """For signatures, with one of our algorithms, and long enough for it (RFC 7518, 3.3)."""
    return (
        key.algorithm_name in ALGORITHMS
        and key.public_key_use in {"sig", None}
        and key.Algorithm.check_key_length(key.key) is None
    )


@cache
def published() -> KeySet:
    """The keys at the stack's ``jwks_url``."""
    return KeySet(settings())
