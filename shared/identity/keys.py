"""The public keys of the tokens' issuer, fetched from the URL where it publishes them.

A process fetches the keys when the first token comes, and again after ``jwks_cache_seconds``. A
token that names an unknown key leads to a fetch too, because the issuer may have a new key. After
any fetch, successful or not, there is no other for ``jwks_refetch_seconds``.
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
    """There is no key for a token: none is published, or the keys could not be fetched."""


class KeySet:
    """The keys that one process has fetched.

    While the issuer cannot be reached, the old keys stay in use for ``jwks_stale_seconds``. So
    people can still connect during an outage, and a withdrawn key is not accepted for ever.
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
        """Return the key named ``kid``, or, if ``kid`` is None, the only key for the algorithm.

        Raises ``UnknownKey`` if no key matches, or if several match.
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
        matching = [
            key
            for key in self._keys
            if key.algorithm_name == algorithm and (kid is None or key.key_id == kid)
        ]
        return matching[0] if len(matching) == 1 else None

    def _age(self) -> float:
        return self._monotonic() - self._fetched_at

    def _fetch(self) -> None:
        """Fetch the keys, unless ``jwks_refetch_seconds`` have not passed since the last attempt.

        A failure is logged, not raised, because the old keys may still be enough for the token.
        """
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
    """Return whether a key is for signatures, for an accepted algorithm, and long enough for it.

    RFC 7518, section 3.3 has the least length.
    """
    return (
        key.algorithm_name in ALGORITHMS
        and key.public_key_use in {"sig", None}
        and key.Algorithm.check_key_length(key.key) is None
    )


@cache
def published() -> KeySet:
    """Return the keys at the stack's ``jwks_url``."""
    return KeySet(settings())
