"""Fetching an issuer's keys: how often, how long they last, and which keys are ignored."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from shared.identity.keys import KeySet, UnknownKey
from tests.conftest import UseSettings
from tests.unit.issuer import Publisher, ec_key, jwk, rsa_key

CACHE, STALE, REFETCH = 300, 86_400, 10


class Monotonic:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time_() -> Monotonic:
    return Monotonic()


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher().serving() as publisher:
        publisher.publish(jwk(rsa_key("a"), "a"))
        yield publisher


@pytest.fixture
def keys(use_settings: UseSettings, publisher: Publisher, time_: Monotonic) -> KeySet:
    values = use_settings(
        jwks_url=publisher.url,
        jwks_cache_seconds=CACHE,
        jwks_stale_seconds=STALE,
        jwks_refetch_seconds=REFETCH,
        jwks_timeout_seconds=0.3,
    )
    return KeySet(values, time_)


def has(keys: KeySet, kid: str | None, algorithm: str = "RS256") -> bool:
    try:
        key = keys.key_for(kid, algorithm)
    except UnknownKey:
        return False
    return key.algorithm_name == algorithm


def test_keys_are_fetched_once_and_fetched_again_when_they_are_old(
    keys: KeySet, publisher: Publisher, time_: Monotonic
) -> None:
    assert publisher.asked == 0
    assert has(keys, "a")
    time_.now += CACHE - 1
    assert has(keys, "a")
    assert publisher.asked == 1
    time_.now += 1
    assert has(keys, "a")
    assert publisher.asked == 2


def test_a_new_key_is_found_when_a_token_names_it(
    keys: KeySet, publisher: Publisher, time_: Monotonic
) -> None:
    assert has(keys, "a")
    publisher.publish(jwk(rsa_key("a"), "a"), jwk(rsa_key("b"), "b"))
    time_.now += REFETCH
    assert has(keys, "b")
    assert has(keys, "a")
    assert publisher.asked == 2


def test_a_withdrawn_key_is_void_once_the_set_is_fetched_again(
    keys: KeySet, publisher: Publisher, time_: Monotonic
) -> None:
    assert has(keys, "a")
    publisher.publish(jwk(rsa_key("b"), "b"))
    time_.now += CACHE
    assert not has(keys, "a")
    assert has(keys, "b")


def test_tokens_with_unknown_keys_cause_few_requests_to_the_issuer(
    keys: KeySet, publisher: Publisher, time_: Monotonic
) -> None:
    for number in range(1_000):
        assert not has(keys, f"garbage-{number}")
        time_.now += 0.05
    assert publisher.asked == 1_000 * 0.05 / REFETCH


@pytest.mark.parametrize("status", [500, 404, 302])
def test_an_issuer_that_is_down_receives_few_requests(
    keys: KeySet,
    publisher: Publisher,
    time_: Monotonic,
    caplog: pytest.LogCaptureFixture,
    status: int,
) -> None:
    publisher.status = status
    with caplog.at_level(logging.ERROR):
        for _ in range(100):
            assert not has(keys, "a")
            time_.now += 1
    assert publisher.asked == 100 / REFETCH
    assert len(caplog.records) == 100 / REFETCH
    assert publisher.url in caplog.text
    publisher.status = 200
    assert has(keys, "a")


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"null", b"{}", b'{"keys": 1}', b'{"keys": []}', b'{"keys": [1]}',
     b"\xff\xfe", b"[" * 20_000],
    ids=lambda body: str(body[:12]),
)  # fmt: skip
def test_an_answer_that_is_not_a_key_set_is_logged_and_the_old_set_stays(
    keys: KeySet,
    publisher: Publisher,
    time_: Monotonic,
    caplog: pytest.LogCaptureFixture,
    body: bytes,
) -> None:
    assert has(keys, "a")
    publisher.body = body
    time_.now += CACHE
    with caplog.at_level(logging.ERROR):
        assert has(keys, "a")
    assert caplog.records


def test_keys_stay_valid_during_an_outage_but_not_for_ever(
    keys: KeySet, publisher: Publisher, time_: Monotonic
) -> None:
    assert has(keys, "a")
    publisher.status = 503
    time_.now += CACHE + STALE - 1
    assert has(keys, "a")
    assert not has(keys, "b")
    time_.now += 1
    assert not has(keys, "a")
    publisher.status = 200
    time_.now += REFETCH
    assert has(keys, "a")


def test_an_issuer_that_is_slow_or_unreachable_gives_no_key(
    use_settings: UseSettings, keys: KeySet, publisher: Publisher, time_: Monotonic
) -> None:
    publisher.seconds = 1.0
    assert not has(keys, "a")
    unreachable = use_settings(jwks_url="http://127.0.0.1:1/jwks.json")
    assert not has(KeySet(unreachable, time_), "a")


def test_a_token_without_a_key_id_is_accepted_only_if_exactly_one_key_fits(
    keys: KeySet, publisher: Publisher, time_: Monotonic
) -> None:
    assert has(keys, None)
    assert not has(keys, None, "ES256")
    publisher.publish(jwk(rsa_key("a"), None), jwk(ec_key("a"), None))
    time_.now += CACHE
    assert has(keys, None)
    assert has(keys, None, "ES256")
    assert not has(keys, "a")
    publisher.publish(jwk(rsa_key("a"), "a"), jwk(rsa_key("b"), "b"))
    time_.now += CACHE
    assert not has(keys, None)


UNUSABLE: dict[str, dict[str, Any]] = {
    "for encryption": jwk(rsa_key("a"), "x", use="enc"),
    "too short": jwk(rsa_key("short", 1024), "x"),
    "RS512": jwk(rsa_key("a"), "x", alg="RS512"),
    "another curve": jwk(ec_key("a", ec.SECP384R1), "x"),
    "a secret": {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LSE", "kid": "x"},
    "half a key": {"kty": "RSA", "e": "AQAB", "kid": "x"},
    "unknown type": {"kty": "XYZ", "kid": "x"},
}


@pytest.mark.parametrize("key", UNUSABLE.values(), ids=UNUSABLE)
def test_a_published_key_that_cannot_verify_tokens_is_ignored(
    keys: KeySet, publisher: Publisher, key: dict[str, Any]
) -> None:
    publisher.publish(jwk(rsa_key("a"), "a"), key)
    assert has(keys, "a")
    for algorithm in ("RS256", "ES256"):
        assert not has(keys, "x", algorithm)


def test_a_key_set_without_a_usable_key_is_logged(
    keys: KeySet, publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    publisher.publish(jwk(rsa_key("a"), "a", use="enc"))
    with caplog.at_level(logging.ERROR):
        assert not has(keys, "a")
    assert "no key for RS256 or ES256" in caplog.text
