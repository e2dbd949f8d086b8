"""The tokens that clients join a room with, read by LiveKit's own library."""

from __future__ import annotations

import time

import jwt
import pytest
from livekit.api import AccessToken, TokenVerifier, VideoGrants

from functions.calls import livekit
from functions.calls.livekit import LiveKit
from tests.conftest import UseSettings
from tests.fakes import LIVEKIT_SECRET, FakeSecrets

ROOM = f"{1:024x}"
HOUR = 3_600


@pytest.fixture
def server(use_settings: UseSettings) -> LiveKit:
    return livekit.configured(use_settings(livekit_url="wss://livekit.example"), FakeSecrets())


def token(server: LiveKit, now_ms: int | None = None) -> str:
    now_ms = int(time.time() * 1000) if now_ms is None else now_ms
    credentials = server.credentials(ROOM, "u1", "Ulla Ünal", now_ms)
    assert (credentials.url, credentials.room_name) == ("wss://livekit.example", ROOM)
    return credentials.token


def test_livekits_verifier_finds_the_grants_of_its_own_token(server: LiveKit) -> None:
    grants = VideoGrants(room_join=True, room=ROOM)
    own = AccessToken("key", LIVEKIT_SECRET).with_identity("u1").with_name("Ulla Ünal")
    verifier = TokenVerifier("key", LIVEKIT_SECRET)
    ours = verifier.verify(token(server))
    assert ours == verifier.verify(own.with_grants(grants).to_jwt())
    assert (ours.identity, ours.name, ours.video) == ("u1", "Ulla Ünal", grants)


def test_it_lets_nobody_do_anything_else(server: LiveKit) -> None:
    grants = TokenVerifier("key", LIVEKIT_SECRET).verify(token(server)).video
    assert grants
    assert not any((grants.room_admin, grants.room_create, grants.room_list, grants.hidden))


def test_it_lasts_two_hours(server: LiveKit) -> None:
    claims = jwt.decode(token(server), LIVEKIT_SECRET, algorithms=["HS256"])
    assert claims["exp"] - claims["nbf"] == 2 * HOUR
    late = token(server, int((time.time() - 2 * HOUR - 61) * 1000))
    with pytest.raises(jwt.ExpiredSignatureError):
        TokenVerifier("key", LIVEKIT_SECRET).verify(late)


@pytest.mark.parametrize(("key", "secret"), [("other", LIVEKIT_SECRET), ("key", "x" * 32)])
def test_another_servers_verifier_refuses_it(server: LiveKit, key: str, secret: str) -> None:
    with pytest.raises(jwt.InvalidTokenError):
        TokenVerifier(key, secret).verify(token(server))


@pytest.mark.parametrize("missing", ["LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"])
def test_without_a_key_there_is_no_server(use_settings: UseSettings, missing: str) -> None:
    secrets = FakeSecrets()
    secrets.values[missing] = ""
    with pytest.raises(LookupError, match="LIVEKIT_API_KEY"):
        livekit.configured(use_settings(), secrets)
