"""What clients send and receive; posts are recorded, there are no sockets."""

from __future__ import annotations

import json
from typing import Any

from functions.calls.namespaces import TELECALLER, USER
from functions.products import REGISTRY
from shared.pipeline.context import Arrival
from shared.pipeline.dispatch import Request, dispatch
from shared.pipeline.registry import Registry
from shared.protocol.errors import AckId
from shared.realtime.address import Wire
from tests.fakes import NOW_MS, Fakes

UNREACHABLE = "Tina is currently unavailable. Please try again later."
CALLER = {"_id": "ulla", "name": "Name of ulla", "profile": "avatar-ulla"}
CALLEE = {"_id": "tina", "name": "Tina", "profile": "avatar-3"}


class Clients:
    """Sends the events of clients, and returns what the clients received."""

    def __init__(self, fakes: Fakes, registry: Registry = REGISTRY) -> None:
        self.fakes = fakes
        self.registry = registry
        self.frames = 0

    def send(
        self,
        connection_id: str,
        event: str,
        payload: object = None,
        *,
        namespace: str | None = USER.path,
        ack: AckId | None = 1,
        wire: Wire = Wire.SOCKETIO,
        refusal: str | None = None,
        again: bool = False,
    ) -> None:
        """Send an event. ``again`` delivers the frame before this one once more."""
        request = Request(event, wire, namespace, [payload], ack, refusal)
        self.frames += 0 if again else 1
        arrival = Arrival(connection_id, f"message {self.frames}", NOW_MS + self.frames)
        dispatch(self.registry, self.fakes.ports, arrival, request)

    def initiate(self, connection_id: str = "u1", **changes: object) -> str:
        """Return the acknowledged call id, or an empty text if there is none."""
        payload = {"telecallerId": "tina", "callType": "AUDIO"} | changes
        self.send(connection_id, "call:initiate", payload)
        answer = self.acks(connection_id)[-1]
        return str(answer.get("callId", ""))

    def telecaller(self, event: str, call_id: str, connection_id: str = "t1") -> None:
        self.send(connection_id, event, {"callId": call_id}, namespace=TELECALLER.path)

    def events(self, connection_id: str) -> list[tuple[str, Any]]:
        return self.fakes.events(connection_id)

    def acks(self, connection_id: str) -> list[Any]:
        """Return the only argument of every acknowledgement."""
        frames = self.fakes.connections.to(connection_id)
        arguments = [
            json.loads(frame[frame.index("[") :]) for frame in frames if frame.startswith("43")
        ]
        assert all(len(found) == 1 for found in arguments)
        return [found[0] for found in arguments]

    def forget(self) -> None:
        """Discard the frames received so far."""
        self.fakes.connections.posted.clear()


def failure(message: str) -> dict[str, Any]:
    return {"error": {"message": message}}
