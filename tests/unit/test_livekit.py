"""Credentials that LiveKit's own library accepts."""

from __future__ import annotations

import time
from datetime import timedelta

import jwt
import pytest
from livekit.api import AccessToken, TokenVerifier, VideoGrants

from functions.calls.livekit import LiveKit, configured
from tests.conftest import UseSettings
from tests.fakes import LIVEKIT_SECRET, FakeSecrets

ROOM = "507f1f77bcf86cd799439081"
SERVER = LiveKit("wss://livekit.example", "key", LIVEKIT_SECRET, token_seconds=7_200)


def now_ms() -> int:
    return int(time.time()) * 1_000


def test_livekit_s_verifier_finds_person_and_room_in_the_credentials() -> None:
    credentials = SERVER.credentials(ROOM, "ulla", "Ulla Ü", now_ms())
    assert (credentials.url, credentials.room_name) == ("wss://livekit.example", ROOM)
    claims = TokenVerifier("key", LIVEKIT_SECRET).verify(credentials.token)
    assert (claims.identity, claims.name) == ("ulla", "Ulla Ü")
    assert claims.video
    assert claims.video.room == ROOM
    assert claims.video.room_join is True


def test_the_grants_equal_those_of_livekit_s_own_library() -> None:
    by_livekit = (
        AccessToken("key", LIVEKIT_SECRET)
        .with_identity("ulla")
        .with_name("Ulla")
        .with_grants(VideoGrants(room_join=True, room=ROOM))
        .to_jwt()
    )
    by_us = SERVER.credentials(ROOM, "ulla", "Ulla", now_ms()).token
    verifier = TokenVerifier("key", LIVEKIT_SECRET)
    assert verifier.verify(by_us).video == verifier.verify(by_livekit).video
    assert verifier.verify(by_us).identity == verifier.verify(by_livekit).identity


@pytest.mark.parametrize(("key", "secret"), [("other", LIVEKIT_SECRET), ("key", "x" * 40)])
def test_another_livekit_server_refuses_the_credentials(key: str, secret: str) -> None:
    token = SERVER.credentials(ROOM, "ulla", "Ulla", now_ms()).token
    with pytest.raises(jwt.InvalidTokenError):
        TokenVerifier(key, secret).verify(token)


def test_credentials_expire_after_their_time() -> None:
    token = SERVER.credentials(ROOM, "ulla", "Ulla", now_ms() - 7_300_000).token
    with pytest.raises(jwt.ExpiredSignatureError):
        TokenVerifier("key", LIVEKIT_SECRET, leeway=timedelta(0)).verify(token)


def test_credentials_last_for_the_configured_time_from_now(use_settings: UseSettings) -> None:
    values = use_settings(livekit_url="ws://here", livekit_token_seconds=60)
    token = configured(values, FakeSecrets()).credentials(ROOM, "ulla", "Ulla", 5_999).token
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["nbf"], claims["exp"]) == (5, 65)
    assert claims["iss"] == "key"


def test_credentials_last_two_hours_at_most(use_settings: UseSettings) -> None:
    assert use_settings().livekit_token_seconds <= 7_200


@pytest.mark.parametrize("missing", ["LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"])
def test_a_stack_without_livekit_keys_names_the_missing_secret(
    use_settings: UseSettings, missing: str
) -> None:
    secrets = FakeSecrets()
    del secrets.values[missing]
    with pytest.raises(LookupError, match=missing):
        configured(use_settings(), secrets)
