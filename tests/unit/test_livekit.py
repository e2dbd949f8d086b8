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


def test_livekit_s_own_verifier_finds_who_may_join_which_room() -> None:
    credentials = SERVER.credentials(ROOM, "ulla", "Ulla Ü", now_ms())
    assert (credentials.url, credentials.room_name) == ("wss://livekit.example", ROOM)
    claims = TokenVerifier("key", LIVEKIT_SECRET).verify(credentials.token)
    assert (claims.identity, claims.name) == ("ulla", "Ulla Ü")
    assert claims.video
    assert claims.video.room == ROOM
    assert claims.video.room_join is True


def test_the_grants_are_those_that_livekit_s_own_library_gives() -> None:
    theirs = (
        AccessToken("key", LIVEKIT_SECRET)
        .with_identity("ulla")
        .with_name("Ulla")
        .with_grants(VideoGrants(room_join=True, room=ROOM))
        .to_jwt()
    )
    ours = SERVER.credentials(ROOM, "ulla", "Ulla", now_ms()).token
    verifier = TokenVerifier("key", LIVEKIT_SECRET)
    assert verifier.verify(ours).video == verifier.verify(theirs).video
    assert verifier.verify(ours).identity == verifier.verify(theirs).identity


@pytest.mark.parametrize(("key", "secret"), [("other", LIVEKIT_SECRET), ("key", "x" * 40)])
def test_another_server_refuses_them(key: str, secret: str) -> None:
    token = SERVER.credentials(ROOM, "ulla", "Ulla", now_ms()).token
    with pytest.raises(jwt.InvalidTokenError):
        TokenVerifier(key, secret).verify(token)


def test_they_end_after_their_time() -> None:
    token = SERVER.credentials(ROOM, "ulla", "Ulla", now_ms() - 7_300_000).token
    with pytest.raises(jwt.ExpiredSignatureError):
        TokenVerifier("key", LIVEKIT_SECRET, leeway=timedelta(0)).verify(token)


def test_they_last_for_the_configured_time_from_now(use_settings: UseSettings) -> None:
    values = use_settings(livekit_url="ws://here", livekit_token_seconds=60)
    token = configured(values, FakeSecrets()).credentials(ROOM, "ulla", "Ulla", 5_999).token
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["nbf"], claims["exp"]) == (5, 65)
    assert claims["iss"] == "key"


def test_two_hours_are_the_longest(use_settings: UseSettings) -> None:
    assert use_settings().livekit_token_seconds <= 7_200


@pytest.mark.parametrize("missing", ["LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"])
def test_a_stack_without_its_key_says_what_to_set(use_settings: UseSettings, missing: str) -> None:
    secrets = FakeSecrets()
    del secrets.values[missing]
    with pytest.raises(LookupError, match=missing):
        configured(use_settings(), secrets)
