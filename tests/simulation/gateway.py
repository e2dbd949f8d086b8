"""API Gateway: connections, the frames that come from clients and go to them, and HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl

from shared.aws.http_connection import Answer
from shared.protocol.polling import SEPARATOR
from tests.simulation.stack import ROUTES

if TYPE_CHECKING:
    from tests.simulation.invocation import Done, Invocation
    from tests.simulation.world import World

ADDRESS = "192.0.2.{}"
TORN = 1006
"""The code with which ``$disconnect`` reports a connection that has broken."""

POLLING = {"GET": "polling", "POST": "socketio"}
"""The functions of ``/socket.io/`` on the HTTP API."""


class State(Enum):
    """A connection is posted to from when its ``$connect`` has returned until it is gone."""

    CONNECTING = auto()
    OPEN = auto()
    GONE = auto()


class Client(Protocol):
    """The other end of a connection."""

    def opened(self) -> None:
        """The connection is open, so frames can be sent."""

    def receive(self, frame: str) -> None:
        """Take a frame."""

    def closed(self) -> None:
        """The connection is over."""


@dataclass
class Socket:
    """A connection."""

    id: str
    client: Client
    address: str
    state: State = State.CONNECTING


class Gateway:
    """All connections.

    deaf: the connections whose posts are refused for good, each with the status.
    lost: the connections that broke without ``$disconnect``, or with one that came to nothing.
    began_ms: when the handling of each frame began, by when the frame arrived.
    hold_ms: how long the next frame is held back, so that later ones overtake it.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.sockets: dict[str, Socket] = {}
        self.deaf: dict[str, int] = {}
        self.lost: set[str] = set()
        self.began_ms: dict[int, float] = {}
        self.hold_ms = 0
        self._messages = self._addresses = 0

    def next_address(self) -> str:
        """Return an address of a network that nobody else has."""
        self._addresses += 1
        return ADDRESS.format(self._addresses)

    def connect(self, client: Client, query: dict[str, str], headers: dict[str, str]) -> str:
        """Begin a connection. Returns its id."""
        address = self.next_address()
        id_ = f"c{self._addresses:04d}"
        self.sockets[id_] = Socket(id_, client, address)
        event = self._event(id_, "$connect", "CONNECT")
        event |= {"queryStringParameters": query, "headers": headers}
        self._world.later(0, partial(self._invoke, event, partial(self._connected, id_)))
        return id_

    def open(self, connection_id: str, client: Client, address: str) -> None:
        """Take note of a client that polls. Its id is the backend's."""
        self.sockets[connection_id] = Socket(connection_id, client, address, State.OPEN)

    def poll(
        self, method: str, query: dict[str, str], body: str, address: str, done: Done
    ) -> tuple[str, int]:
        """Take a request of a client that polls.

        Returns its id, and when it arrived, epoch ms. Each of its packets has a time of its own.
        """
        self._messages += 1
        request_id, ms = f"request {self._messages}", int(self._world.now_ms) + 1
        self._world.now_ms += 1 + body.count(SEPARATOR)
        event = {
            "headers": {},
            "queryStringParameters": query,
            "requestContext": {
                "http": {"method": method, "path": "/socket.io/", "sourceIp": address},
                "requestId": request_id,
                "timeEpoch": ms,
                "stage": "$default",
                "routeKey": f"{method} /socket.io/",
            },
            "body": body,
            "isBase64Encoded": False,
        }
        invoke = partial(self._world.invoke, POLLING[method], event, done)
        self._world.later(self._world.frame_delay(), invoke)
        return request_id, ms

    def send(self, connection_id: str, body: str) -> int:
        """Take a frame from a client. Returns when it arrived, epoch ms, which is always new."""
        self._world.now_ms += 1
        event = self._event(connection_id, self._route(body), "MESSAGE") | {"body": body}
        delay, self.hold_ms = self._world.frame_delay() + self.hold_ms, 0
        self._world.later(delay, partial(self._invoke, event, partial(self._failed, event)))
        return int(event["requestContext"]["requestTimeEpoch"])

    def message_id(self) -> str:
        """Return the id of the last frame."""
        return f"message {self._messages}"

    def close(self, connection_id: str, code: int = 1000) -> None:
        """End a connection from the client's side."""
        if self.end(connection_id):
            self._disconnect(connection_id, code)

    def vanish(self, connection_id: str) -> None:
        """Break a connection, without ``$disconnect``. The client notices."""
        if self.end(connection_id):
            self.lost.add(connection_id)

    def alive(self, connection_id: str) -> bool:
        """Return whether a connection is open."""
        socket = self.sockets.get(connection_id)
        return socket is not None and socket.state is State.OPEN

    def serve(self, method: str, connection_id: str, body: str) -> Answer:
        """Answer a request to ``@connections``."""
        if not self.alive(connection_id):
            return Answer(410, b"")
        if method == "POST":
            if connection_id in self.deaf:
                return Answer(self.deaf[connection_id], b"")
            self.sockets[connection_id].client.receive(body)
        elif method == "DELETE" and self.end(connection_id):
            self._disconnect(connection_id, 1000)
        return Answer(200, b"")

    def ask(
        self,
        method: str,
        path: str,
        token: str,
        body: str,
        done: Done,
        *,
        query: str = "",
        scheme: str = "Bearer ",
    ) -> None:
        """Make an HTTP request."""
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "queryStringParameters": dict(parse_qsl(query)),
            "headers": {"authorization": f"{scheme}{token}", "content-type": "application/json"},
            "requestContext": {
                "http": {"method": method, "path": path, "sourceIp": "192.0.2.1"},
                "requestId": f"http {self._world.now_ms}",
                "stage": "$default",
                "routeKey": f"{method} {path}",
            },
            "body": body,
            "isBase64Encoded": False,
        }
        self._world.later(0, partial(self._world.invoke, "http", event, done))

    def end(self, connection_id: str) -> bool:
        """Let a connection be over for its client. Returns False if it is so already."""
        socket = self.sockets[connection_id]
        if socket.state is State.GONE:
            return False
        socket.state = State.GONE
        socket.client.closed()
        return True

    def _disconnect(self, connection_id: str, code: int) -> None:
        event = self._event(connection_id, "$disconnect", "DISCONNECT")
        event["requestContext"] |= {"disconnectStatusCode": code, "disconnectReason": ""}
        done = partial(self._disconnected, connection_id)
        self._world.later(self._world.frame_delay(), partial(self._invoke, event, done))

    def _disconnected(self, connection_id: str, invocation: Invocation) -> None:
        """Note a ``$disconnect`` whose function has ended before it wrote anything.

        API Gateway does not repeat it.
        """
        if invocation.error is not None and len(invocation.requests) <= 1:
            self.lost.add(connection_id)

    def _connected(self, connection_id: str, invocation: Invocation) -> None:
        socket = self.sockets[connection_id]
        if socket.state is not State.CONNECTING:
            return
        if invocation.error is None and invocation.result["statusCode"] == 200:
            socket.state = State.OPEN
            socket.client.opened()
        else:
            self.end(connection_id)

    def _failed(self, event: dict[str, Any], invocation: Invocation) -> None:
        """Send the frame that API Gateway sends when an integration fails. It is no packet."""
        connection_id = event["requestContext"]["connectionId"]
        failed = invocation.error is not None and self._world.error_frames
        if failed and self.alive(connection_id):
            frame = {"message": "Internal server error", "connectionId": connection_id}
            self.sockets[connection_id].client.receive(json.dumps(frame))

    def _route(self, body: str) -> str:
        if not body.lstrip().startswith("{"):
            return "$default"
        try:
            action = json.loads(body).get("action")
        except ValueError:
            return "$default"
        return action if action in ROUTES else "$default"

    def _invoke(self, event: dict[str, Any], done: Done) -> None:
        request = event["requestContext"]
        self.began_ms[request["requestTimeEpoch"]] = self._world.now_ms
        self._world.invoke(ROUTES[request["routeKey"]], event, done)

    def _event(self, connection_id: str, route: str, kind: str) -> dict[str, Any]:
        self._messages += 1
        address = self.sockets[connection_id].address
        return {
            "requestContext": {
                "connectionId": connection_id,
                "messageId": self.message_id(),
                "requestId": f"request {self._messages}",
                "requestTimeEpoch": int(self._world.now_ms),
                "routeKey": route,
                "eventType": kind,
                "identity": {"sourceIp": address},
            }
        }
