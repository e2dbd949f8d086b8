"""Credentials for a LiveKit room.

A LiveKit token is a JWT. Importing LiveKit's own library to make one would double a cold start.
https://docs.livekit.io/home/get-started/authentication/
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec

from shared.ports import Secrets
from shared.settings import Settings

LIST_PARTICIPANTS = "/twirp/livekit.RoomService/ListParticipants"


class Credentials(msgspec.Struct, frozen=True, rename="camel"):
    """What a client needs to join the LiveKit room of a call.

    ``token``: a LiveKit access token, valid for at most 2 hours.
    ``url``: the LiveKit server.
    ``roomName``: the LiveKit room, which is named like the call.
    """

    token: str
    url: str
    room_name: str


class _Listed(msgspec.Struct):
    """LiveKit's answer to ``ListParticipants``. An empty list is left out."""

    participants: list[Any] = []


class LiveKit(msgspec.Struct, frozen=True):
    """A LiveKit server and the key that opens its LiveKit rooms.

    token_seconds: how long a client may use its credentials to join, in seconds.
    """

    url: str
    api_key: str
    api_secret: str
    token_seconds: int

    def credentials(self, room: str, identity: str, name: str, now_ms: int) -> Credentials:
        """Return credentials with which ``identity`` may join ``room`` for ``token_seconds``."""
        now = now_ms // 1000
        token = self._token(
            {
                "sub": identity,
                "name": name,
                "nbf": now,
                "exp": now + self.token_seconds,
                "video": {"roomJoin": True, "room": room},
            }
        )
        return Credentials(token=token, url=self.url, room_name=room)

    def is_empty(self, room: str, now_ms: int, timeout_seconds: float) -> bool:
        """Ask LiveKit whether nobody is in a room. A room that does not exist is empty.

        Raises ``OSError`` or ``ValueError`` if LiveKit does not answer as it should.
        """
        import urllib.error  # noqa: PLC0415
        import urllib.request  # noqa: PLC0415

        token = self._token(
            {"exp": now_ms // 1000 + 60, "video": {"roomAdmin": True, "room": room}}
        )
        request = urllib.request.Request(  # noqa: S310 - the URL is the stack's own setting
            f"http{self.url.removeprefix('ws')}{LIST_PARTICIPANTS}",
            msgspec.json.encode({"room": room}),
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout_seconds) as answer:  # noqa: S310
                return not msgspec.json.decode(answer.read(), type=_Listed).participants
        except urllib.error.HTTPError as error:
            with error:
                if error.code == HTTPStatus.NOT_FOUND:
                    return True
            raise

    def _token(self, claims: dict[str, Any]) -> str:
        """Return a token of the key with these claims."""
        import jwt  # noqa: PLC0415 - imports cryptography if installed; few events need it

        return jwt.encode({"iss": self.api_key, **claims}, self.api_secret, algorithm="HS256")


def configured(settings: Settings, secrets: Secrets) -> LiveKit:
    """Return the stack's LiveKit server.

    Raises ``LookupError`` if the stack's secret does not have LiveKit's key yet.
    """
    key, secret = secrets.get("LIVEKIT_API_KEY"), secrets.get("LIVEKIT_API_SECRET")
    if not key or not secret:
        raise LookupError("set LIVEKIT_API_KEY and LIVEKIT_API_SECRET in the stack's secret")
    return LiveKit(settings.livekit_url, key, secret, settings.livekit_token_seconds)
