"""A person with python-socketio's client, and a call between two people."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import socketio  # type: ignore[import-untyped]

SECONDS = 30


class Phone:
    """A client that is connected to one namespace and keeps the events it receives, in order."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._client = socketio.AsyncClient(handle_sigint=False, reconnection=False)
        self._arrived: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self._client.on("*", self._keep, namespace=namespace)

    async def _keep(self, event: str, payload: Any = None) -> None:
        await self._arrived.put((event, payload))

    async def connect(self, url: str, token: str) -> Phone:
        await self._client.connect(
            url,
            transports=["websocket"],
            namespaces=[self._namespace],
            auth={"token": token},
            wait_timeout=SECONDS,  # the client's default of 1 s is shorter than a worker's start
        )
        return self

    async def ask(self, event: str, payload: object) -> Any:
        """Emit an event and return its acknowledgement, which must not be an error."""
        answer = await self._client.call(event, payload, namespace=self._namespace, timeout=SECONDS)
        assert not (answer and "error" in answer), answer
        return answer

    async def until(self, event: str, wanted: Callable[[Any], bool] = lambda _: True) -> Any:
        """Return the payload of the next event that is wanted; drop all events before it."""
        async with asyncio.timeout(SECONDS):
            while True:
                name, payload = await self._arrived.get()
                if name == event and wanted(payload):
                    return payload

    async def close(self) -> None:
        await self._client.disconnect()


async def call(user: Phone, telecaller: Phone, telecaller_id: str) -> None:
    """Make one whole call. Raises ``TimeoutError`` if an event does not arrive."""
    asked = await user.ask("call:initiate", {"telecallerId": telecaller_id, "callType": "AUDIO"})
    same = {"callId": asked["callId"]}
    await telecaller.until("call:incoming", lambda payload: payload["callId"] == same["callId"])
    await telecaller.ask("call:accept", same)
    await user.until("call:accepted", lambda payload: payload["callId"] == same["callId"])
    await user.ask("call:end", same)
    await telecaller.until("call:ended", lambda payload: payload["callId"] == same["callId"])
