"""LiveKit's server API as far as we use it: a real server on loopback that checks its requests.

https://twitchtv.github.io/twirp/docs/spec_v7.html
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager

import jwt
from aiohttp import web
from livekit.api import AccessToken, DeleteRoomRequest, DeleteRoomResponse, TokenVerifier

PATH = "/twirp/livekit.RoomService/DeleteRoom"
LIST = "/twirp/livekit.RoomService/ListParticipants"


class LiveKitServer:
    """A LiveKit server that deletes rooms.

    deleted: the rooms of all authorized requests, in order.
    refused: the errors of all unauthorized requests.
    answers: LiveKit room → status and Twirp error code of its answer.
    default_answer: the same for all other rooms; None answers that the room is deleted.
    seconds: LiveKit room → seconds until it is answered.
    inside: LiveKit room → the identities of the participants that are there.
    """

    def __init__(self, key: str, secret: str) -> None:
        self._key, self._secret = key, secret
        self._verifier = TokenVerifier(key, secret)
        self.inside: dict[str, list[str]] = {}
        self.deleted: list[str] = []
        self.refused: list[str] = []
        self.answers: dict[str, tuple[int, str]] = {}
        self.default_answer: tuple[int, str] | None = None
        self.seconds: dict[str, float] = {}
        self.port = 0

    @property
    def url(self) -> str:
        """The URL that clients receive."""
        return f"ws://127.0.0.1:{self.port}"

    async def _delete(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/protobuf"
        room = DeleteRoomRequest.FromString(await request.read()).room
        await asyncio.sleep(self.seconds.get(room, 0))
        try:
            token = request.headers["Authorization"].removeprefix("Bearer ")
            video = self._verifier.verify(token).video
            assert video
            assert video.room_create, "DeleteRoom needs roomCreate"
        except (jwt.InvalidTokenError, AssertionError) as error:
            self.refused.append(repr(error))
            return _error(401, "unauthenticated")
        self.deleted.append(room)
        answer = self.answers.get(room, self.default_answer)
        if answer:
            return _error(*answer)
        body = DeleteRoomResponse().SerializeToString()
        return web.Response(body=body, content_type="application/protobuf")

    async def _list(self, request: web.Request) -> web.Response:
        room = (await request.json())["room"]
        token = request.headers["Authorization"].removeprefix("Bearer ")
        video = self._verifier.verify(token).video
        assert video
        assert (video.room_admin, video.room) == (True, room), "ListParticipants needs roomAdmin"
        if room not in self.inside:
            return _error(404, "not_found")
        found = [{"identity": one} for one in self.inside[room]]
        return web.json_response({"participants": found} if found else {})

    def signed(self, report: Mapping[str, object]) -> tuple[bytes, dict[str, str]]:
        """Return the body and the headers with which LiveKit reports an event."""
        body = json.dumps(report).encode()
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        token = AccessToken(self._key, self._secret).with_sha256(digest).to_jwt()
        return body, {"Authorization": token, "Content-Type": "application/webhook+json"}

    @contextmanager
    def serving(self) -> Iterator[LiveKitServer]:
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        self._run(self._start())
        try:
            yield self
        finally:
            self._run(self._runner.cleanup())
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(10)
            self._loop.close()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Stop the server; it listens on the same port again afterwards."""
        self._run(self._runner.cleanup())
        try:
            yield
        finally:
            self._run(self._start())

    def _run(self, work: Coroutine[object, object, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_post(PATH, self._delete)
        app.router.add_post(LIST, self._list)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]


def _error(status: int, code: str) -> web.Response:
    if not code:
        return web.Response(status=status, text="<html>no Twirp</html>", content_type="text/html")
    return web.json_response({"code": code, "msg": "as asked"}, status=status)
