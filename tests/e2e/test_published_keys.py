"""Tests of functions that accept the tokens of an issuer who publishes its keys."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e import backstage
from tests.e2e.clients import Refused
from tests.e2e.people import SECRET
from tests.e2e.stack import Stack
from tests.e2e.world import World
from tests.unit.issuer import PrivateKey, Publisher, ec_key, jwk, rsa_key, sign

ISSUER, AUDIENCE = "https://issuer.example/", "calls"
INVALID = "Invalid or expired token"
REFETCH_SECONDS = 1

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def publisher() -> Iterator[Publisher]:
    with Publisher().serving() as publisher:
        publisher.publish(jwk(rsa_key("a"), "rsa-a"), jwk(ec_key("a"), "ec-a"))
        yield publisher


@pytest.fixture(scope="module", autouse=True)
def trusting(stack: Stack, publisher: Publisher) -> Iterator[None]:
    """Let the functions accept the issuer's tokens, and no others."""
    before = stack.logged_errors()
    with backstage.settings_of(
        stack,
        *("connect", "socketio", "http"),
        jwks_url=publisher.url,
        jwks_refetch_seconds=REFETCH_SECONDS,
        jwt_issuer=ISSUER,
        jwt_audience=AUDIENCE,
    ):
        yield
    assert stack.errors_since(before) == []


def token(key: PrivateKey | str, algorithm: str, kid: str, **claims: Any) -> str:
    return sign(key, algorithm, kid, **{"iss": ISSUER, "aud": AUDIENCE, **claims})


def test_a_token_of_the_issuer_is_accepted(world: World, kind: str) -> None:
    for good in (token(rsa_key("a"), "RS256", "rsa-a"), token(ec_key("a"), "ES256", "ec-a")):
        world.connect(kind, world.ticket("/user", good))


def test_a_token_of_the_issuer_is_accepted_over_http(world: World) -> None:
    admin = token(rsa_key("a"), "RS256", "rsa-a", role="ADMIN")
    answer = world.stack.get("/admin/stats", Authorization=f"Bearer {admin}")
    assert answer.status == 200
    ours = sign(SECRET, "HS256", role="ADMIN", iss=ISSUER, aud=AUDIENCE)
    assert world.stack.get("/admin/stats", Authorization=f"Bearer {ours}").status == 401


@pytest.mark.parametrize(
    "bad",
    [
        token(SECRET, "HS256", "rsa-a"),
        token(rsa_key("b"), "RS256", "rsa-a"),
        token(rsa_key("a"), "RS256", "nobody's"),
        token(rsa_key("a"), "RS256", "rsa-a", iss="https://another.example/"),
        token(rsa_key("a"), "RS256", "rsa-a", aud=None),
    ],
    ids=["the secret", "another key", "unknown kid", "issuer", "audience"],
)
def test_any_other_token_is_refused(world: World, bad: str) -> None:
    with pytest.raises(Refused, match=INVALID):
        world.connect("js", world.ticket("/user", bad))


def test_the_issuer_may_change_its_key(world: World, publisher: Publisher) -> None:
    publisher.publish(jwk(rsa_key("a"), "rsa-a"), jwk(rsa_key("b"), "rsa-b"))
    time.sleep(REFETCH_SECONDS)
    world.connect("js", world.ticket("/user", token(rsa_key("b"), "RS256", "rsa-b")))
