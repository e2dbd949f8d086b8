"""Which tokens are accepted with a secret and with published keys; all others are refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import characters, sampled_from, text

from shared.errors import InvalidToken
from shared.identity import keys, tokens
from shared.identity.tokens import Identity
from tests.conftest import UseSettings
from tests.fakes import JWT_SECRET, FakeSecrets
from tests.unit.issuer import Publisher, claims, ec_key, jwk, pem, rsa_key, sign

OTHER_SECRET = "yet another secret for tests, long enough"
NOW = int(time.time())
HOUR = 3_600


@pytest.fixture
def secrets(use_settings: UseSettings) -> FakeSecrets:
    return FakeSecrets()


@pytest.fixture
def publisher(use_settings: UseSettings) -> Iterator[Publisher]:
    """Publish an RSA and an EC key where the stack looks for keys."""
    with Publisher().serving() as publisher:
        publisher.publish(jwk(rsa_key("a"), "rsa-a"), jwk(ec_key("a"), "ec-a"))
        use_settings(jwks_url=publisher.url)
        keys.published.cache_clear()
        yield publisher
    keys.published.cache_clear()


def refused(token: object, secrets: FakeSecrets) -> str:
    with pytest.raises(InvalidToken) as error:
        tokens.verify(token, secrets)
    return str(error.value)


def forged(header: dict[str, Any], body: bytes, secret: bytes) -> str:
    """Return a signed token that PyJWT would refuse to make."""
    head, payload = (
        base64.urlsafe_b64encode(part).rstrip(b"=") for part in (json.dumps(header).encode(), body)
    )
    signature = hmac.new(secret, head + b"." + payload, hashlib.sha256).digest()
    return b".".join([head, payload, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def test_a_good_token_gives_the_identity_of_its_person(secrets: FakeSecrets) -> None:
    token = sign(JWT_SECRET, "HS256", permissions=["chat.access", "call.audio"])
    assert tokens.verify(token, secrets) == Identity(
        "u1", "USER", "Ulla", frozenset({"chat.access", "call.audio"})
    )
    assert tokens.verify(f"Bearer {token}", secrets).account_id == "u1"


def test_a_token_may_leave_out_name_and_permissions(secrets: FakeSecrets) -> None:
    token = sign(JWT_SECRET, "HS256", name=None)
    assert tokens.verify(token, secrets) == Identity("u1", "USER", "u1", frozenset())


BAD_CLAIMS: dict[str, dict[str, Any]] = {
    "no exp": {"exp": None},
    "expired": {"exp": NOW - 1},
    "exp is text": {"exp": "soon"},
    "exp is infinite": {"exp": float("inf")},
    "exp is not a number": {"exp": float("nan")},
    "not yet": {"nbf": NOW + HOUR},
    "issued in the future": {"iat": NOW + HOUR},
    "no sub": {"sub": None},
    "empty sub": {"sub": ""},
    "no role": {"role": None},
    "permissions are text": {"permissions": "chat.access"},
    "permissions are numbers": {"permissions": [1]},
}


@pytest.mark.parametrize("values", BAD_CLAIMS.values(), ids=BAD_CLAIMS)
def test_a_token_with_a_wrong_claim_is_refused(
    secrets: FakeSecrets, values: dict[str, Any]
) -> None:
    refused(sign(JWT_SECRET, "HS256", **values), secrets)


@pytest.mark.parametrize("values", BAD_CLAIMS.values(), ids=BAD_CLAIMS)
def test_a_token_with_a_wrong_claim_is_refused_under_a_published_key(
    secrets: FakeSecrets, publisher: Publisher, values: dict[str, Any]
) -> None:
    refused(sign(rsa_key("a"), "RS256", "rsa-a", **values), secrets)


def test_a_token_whose_sub_is_a_number_is_refused(secrets: FakeSecrets) -> None:
    body = json.dumps({**claims(), "sub": 1}).encode()
    refused(forged({"alg": "HS256"}, body, JWT_SECRET.encode()), secrets)


FOR_ALL = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FOR_ALL
@given(
    claim=sampled_from(["sub", "role", "name", "permissions"]),
    before=text(max_size=5),
    half=characters(categories=["Cs"]),
    after=text(max_size=5),
)
def test_a_token_whose_text_is_no_unicode_is_refused(
    secrets: FakeSecrets, claim: str, before: str, half: str, after: str
) -> None:
    """An issuer may have cut an emoji in half."""
    broken = before + half + after
    values: dict[str, Any] = {claim: [broken] if claim == "permissions" else broken}
    refused(sign(JWT_SECRET, "HS256", **values), secrets)


@FOR_ALL
@given(sub=text(min_size=1, max_size=128), name=text(min_size=1), role=text())
def test_any_unicode_text_is_a_claim(secrets: FakeSecrets, sub: str, name: str, role: str) -> None:
    token = sign(JWT_SECRET, "HS256", sub=sub, name=name, role=role)
    assert tokens.verify(token, secrets) == Identity(sub, role, name)


@pytest.mark.parametrize(
    ("setting", "claim"), [("jwt_issuer", "iss"), ("jwt_audience", "aud")], ids=["iss", "aud"]
)
def test_issuer_and_audience_must_match_if_they_are_configured(
    secrets: FakeSecrets, use_settings: UseSettings, setting: str, claim: str
) -> None:
    tokens.verify(sign(JWT_SECRET, "HS256", **{claim: "ours"}), secrets)
    ours: dict[str, Any] = {setting: "ours"}
    use_settings(**ours)
    tokens.verify(sign(JWT_SECRET, "HS256", **{claim: "ours"}), secrets)
    for value in ("theirs", "OURS", "", None):
        refused(sign(JWT_SECRET, "HS256", **{claim: value}), secrets)


def test_one_of_a_token_s_audiences_must_match(
    secrets: FakeSecrets, use_settings: UseSettings
) -> None:
    use_settings(jwt_audience="ours")
    tokens.verify(sign(JWT_SECRET, "HS256", aud=["theirs", "ours"]), secrets)
    refused(sign(JWT_SECRET, "HS256", aud=["theirs"]), secrets)


def test_clocks_may_differ_by_the_leeway(secrets: FakeSecrets, use_settings: UseSettings) -> None:
    use_settings(jwt_leeway_seconds=60)
    now = int(time.time())
    tokens.verify(sign(JWT_SECRET, "HS256", exp=now - 30, nbf=now - 90), secrets)
    tokens.verify(sign(JWT_SECRET, "HS256", nbf=now + 30), secrets)
    refused(sign(JWT_SECRET, "HS256", exp=now - 61), secrets)
    refused(sign(JWT_SECRET, "HS256", nbf=now + 90), secrets)


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_a_token_with_another_hash_is_refused_despite_the_right_secret(
    secrets: FakeSecrets, algorithm: str
) -> None:
    secrets.values["JWT_SECRET"] = long = JWT_SECRET * 3
    assert "not allowed" in refused(sign(long, algorithm), secrets)


def test_a_token_signed_with_the_wrong_secret_is_refused(secrets: FakeSecrets) -> None:
    assert "Signature" in refused(sign(OTHER_SECRET, "HS256"), secrets)


def test_a_token_without_a_signature_is_refused(secrets: FakeSecrets) -> None:
    unsigned = jwt.encode(claims(), "", algorithm="none")
    refused(unsigned, secrets)
    good = sign(JWT_SECRET, "HS256")
    refused(good.rpartition(".")[0] + ".", secrets)
    for name in ("none", "None", "NONE", ""):
        refused(forged({"alg": name}, json.dumps(claims()).encode(), b""), secrets)


def test_rsa_and_ec_tokens_are_refused_if_only_a_secret_is_configured(secrets: FakeSecrets) -> None:
    refused(sign(rsa_key("a"), "RS256"), secrets)
    refused(sign(ec_key("a"), "ES256"), secrets)


MALFORMED_TOKENS: list[object] = [
    None, 7, b"a.b.c", "", "Bearer ", ".", "..", "a.b.c", "\ud800.b.c", "é.é.é", "a" * 30_000,
    "eyJhbGciOiJIUzI1NiJ9..", "bnVsbA.e30.", "W10.e30.", "eyJhbGciOiJIUzI1NiIsImtpZCI6MX0.e30.AA",
]  # fmt: skip


@pytest.mark.parametrize("token", MALFORMED_TOKENS, ids=lambda token: repr(token)[:20])
def test_a_malformed_token_is_refused(secrets: FakeSecrets, token: object) -> None:
    refused(token, secrets)


@pytest.mark.parametrize("token", MALFORMED_TOKENS, ids=lambda token: repr(token)[:20])
def test_a_malformed_token_causes_no_request_to_the_issuer(
    secrets: FakeSecrets, publisher: Publisher, token: object
) -> None:
    refused(token, secrets)
    assert publisher.asked == 0


@pytest.mark.parametrize("secret", ["with", "without"])
def test_json_made_to_break_parsers_is_refused(
    secrets: FakeSecrets, secret: str, request: pytest.FixtureRequest
) -> None:
    if secret == "without":
        request.getfixturevalue("publisher")
    deep = b"[" * 20_000 + b"]" * 20_000
    head = base64.urlsafe_b64encode(deep).rstrip(b"=").decode()
    refused(f"{head}.e30.AA", secrets)
    refused(forged({"alg": "HS256"}, deep, JWT_SECRET.encode()), secrets)
    refused(
        forged({"alg": "HS256"}, b'{"exp":' + b"9" * 5_000 + b"}", JWT_SECRET.encode()), secrets
    )
    refused(forged({"alg": "HS256"}, b"[]", JWT_SECRET.encode()), secrets)


def test_the_previous_secret_is_good_until_it_is_removed(secrets: FakeSecrets) -> None:
    old, new = sign(JWT_SECRET, "HS256"), sign(OTHER_SECRET, "HS256")
    secrets.values |= {"JWT_SECRET": OTHER_SECRET, "JWT_SECRET_PREVIOUS": JWT_SECRET}
    tokens.verify(old, secrets)
    tokens.verify(new, secrets)
    refused(sign(JWT_SECRET, "HS256", exp=NOW - 1), secrets)
    refused(sign("a third secret that was never given out", "HS256"), secrets)
    secrets.values["JWT_SECRET_PREVIOUS"] = ""
    refused(old, secrets)
    tokens.verify(new, secrets)


@pytest.mark.parametrize("secret", ["", pem(rsa_key("a")).decode()], ids=["empty", "public key"])
def test_a_stack_without_a_usable_secret_refuses_tokens_and_logs_why(
    secrets: FakeSecrets, caplog: pytest.LogCaptureFixture, secret: str
) -> None:
    secrets.values["JWT_SECRET"] = secret
    with caplog.at_level(logging.ERROR):
        refused(forged({"alg": "HS256"}, json.dumps(claims()).encode(), secret.encode()), secrets)
    assert "JWT_SECRET" in caplog.text


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"), [(rsa_key("a"), "RS256", "rsa-a"), (ec_key("a"), "ES256", "ec-a")]
)
def test_a_token_signed_with_a_published_key_is_accepted(
    secrets: FakeSecrets, publisher: Publisher, key: Any, algorithm: str, kid: str
) -> None:
    for _ in range(3):
        identity = tokens.verify(sign(key, algorithm, kid, permissions=["x"]), secrets)
    assert identity == Identity("u1", "USER", "Ulla", frozenset({"x"}))
    assert publisher.asked == 1


def test_published_keys_make_the_secret_void(secrets: FakeSecrets, publisher: Publisher) -> None:
    refused(sign(JWT_SECRET, "HS256"), secrets)
    refused(sign(JWT_SECRET, "HS256", "rsa-a"), secrets)
    assert publisher.asked == 0


def test_a_public_key_cannot_be_used_as_a_secret(
    secrets: FakeSecrets, publisher: Publisher
) -> None:
    body = json.dumps(claims()).encode()
    published = json.dumps(jwk(rsa_key("a"), "rsa-a")).encode()
    for secret in (pem(rsa_key("a")), pem(rsa_key("a")).strip(), pem(ec_key("a")), published, b""):
        for algorithm in ("HS256", "RS256", "ES256"):
            for kid in ("rsa-a", "ec-a"):
                header = {"alg": algorithm, "typ": "JWT", "kid": kid}
                refused(forged(header, body, secret), secrets)


def test_tokens_with_other_keys_or_algorithms_are_refused(
    secrets: FakeSecrets, publisher: Publisher
) -> None:
    refused(sign(rsa_key("b"), "RS256", "rsa-a"), secrets)
    refused(sign(ec_key("b"), "ES256", "ec-a"), secrets)
    refused(sign(rsa_key("a"), "RS256", "ec-a"), secrets)
    refused(sign(ec_key("a"), "ES256", "rsa-a"), secrets)
    for algorithm in ("RS384", "RS512", "PS256"):
        refused(sign(rsa_key("a"), algorithm, "rsa-a"), secrets)
    refused(sign(ec_key("a", ec.SECP384R1), "ES384", "ec-a"), secrets)
    refused(jwt.encode(claims(), "", algorithm="none", headers={"kid": "rsa-a"}), secrets)


def test_a_key_inside_the_token_is_ignored(secrets: FakeSecrets, publisher: Publisher) -> None:
    with Publisher().serving() as stranger:
        stranger.publish(jwk(rsa_key("b"), "rsa-a"))
        headers = {"kid": "rsa-a", "jku": stranger.url, "jwk": jwk(rsa_key("b"), "rsa-a")}
        token = jwt.encode(claims(), rsa_key("b"), algorithm="RS256", headers=headers)
        refused(token, secrets)
        assert stranger.asked == 0
