"""A client that polls, at the level of HTTP requests and frames, with the functions' own code."""

from __future__ import annotations

import itertools
import time
from typing import Any

import jwt
import pytest

from functions.connect import main as connect
from functions.disconnect import main as disconnect
from functions.polling import main as poll
from functions.polling import opening, waiting
from functions.products import REGISTRY
from functions.socketio import first_packets, join, posts, upgrade
from functions.socketio import main as socketio
from shared.aws.adapters import SystemClock
from shared.aws.transports import Transports
from shared.pipeline import departure
from shared.ports import Ports
from shared.protocol import json, polling
from tests.fakes import JWT_SECRET, FakeConnections, Fakes
from tests.integration.stage import INVOCATION

_numbers = itertools.count(1)


class Clock(SystemClock):
    """The clock of the machine, which a test puts ahead. So no test waits, or depends on speed."""

    ahead_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms


class Stage:
    """The functions behind ``/socket.io/`` with a fake API Gateway.

    gateway: the WebSockets, and what was posted to them.
    clock: the clock of all functions.
    ports: what the functions use.
    """

    def __init__(self, fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tasks, self.gateway = fakes.tasks, FakeConnections()
        self.clock = Clock()
        transports = Transports(self.gateway, fakes.tasks, self.clock)
        self.ports = Ports(self.clock, fakes.ids, transports, fakes.tasks, fakes.secrets)
        for module in (
            connect,
            disconnect,
            opening,
            waiting,
            first_packets,
            join,
            posts,
            upgrade,
            socketio,
        ):
            monkeypatch.setattr(module, "ports", lambda: self.ports)
        monkeypatch.setattr(upgrade, "_clients", {})

    def request(self, method: str, query: str, body: str | None = None, **headers: str) -> Any:
        """Make a request to the HTTP API. Returns the function's answer."""
        event = {
            "requestContext": {
                "requestId": f"request {next(_numbers)}",
                "timeEpoch": self.clock.now_ms(),
                "http": {"method": method, "sourceIp": "203.0.113.7"},
            },
            "queryStringParameters": dict(one.split("=", 1) for one in query.split("&")),
            "headers": headers,
            "body": body,
        }
        main = socketio if method == "POST" else poll
        return main.handler(event, INVOCATION)

    def frame(self, websocket: str, body: str) -> None:
        """Send a frame to the WebSocket API."""
        number = next(_numbers)
        context = {
            "connectionId": websocket,
            "messageId": f"message {number}",
            "requestTimeEpoch": self.clock.now_ms(),
        }
        assert socketio.handler({"requestContext": context, "body": body}, INVOCATION) == {
            "statusCode": 200
        }

    def shake_hands(self, websocket: str, sid: str) -> int:
        """Make the handshake of an upgrade. Returns its status."""
        query = {"EIO": "4", "transport": "websocket", "sid": sid}
        context = {"connectionId": websocket, "requestId": "r", "identity": {"sourceIp": "::1"}}
        event = {"requestContext": context, "queryStringParameters": query, "headers": {}}
        status: int = connect.handler(event, INVOCATION)["statusCode"]
        return status

    def handle_held(self, client: Client) -> None:
        """Do what a GET asks for if the client does not upgrade."""
        socketio.handler({"connectionId": client.id, "held": True}, INVOCATION)

    def end(self, connection_id: str) -> None:
        """Let a connection be gone."""
        departure.end_connection(REGISTRY, self.ports, connection_id)


class Client:
    """A session that has been opened by polling."""

    def __init__(self, stage: Stage, protocol: int = 4) -> None:
        self.stage = stage
        self.protocol = protocol
        answer = stage.request("GET", f"EIO={protocol}&transport=polling")
        assert answer["statusCode"] == 200, answer
        self.opening = list(polling.decode(answer["body"], protocol))
        handshake: Any = json.loads(self.opening[0][1:])
        self.handshake, self.sid = handshake, handshake["sid"]
        self.id = f"~{self.sid}"

    def get(self) -> Any:
        """Make a GET. Returns the packets, or the answer if it is an error."""
        answer = self.stage.request("GET", self._query)
        if answer["statusCode"] != 200:
            return answer
        return list(polling.decode(answer["body"], self.protocol))

    def post(self, *packets: str, **headers: str) -> Any:
        """Make a POST. Returns the answer."""
        body = polling.encode(packets, self.protocol)
        return self.stage.request("POST", self._query, body, **headers)

    @property
    def _query(self) -> str:
        return f"EIO={self.protocol}&transport=polling&sid={self.sid}"


def token(person_id: str, role: str = "USER") -> str:
    claims = {"sub": person_id, "role": role, "exp": int(time.time()) + 60}
    return jwt.encode(claims, JWT_SECRET, "HS256")


def connect_packet(person_id: str, **auth: object) -> str:
    return f"40/user,{json.dumps({'token': token(person_id)} | auth)}"
