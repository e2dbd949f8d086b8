"""A client that polls, at the level of HTTP requests, for what no library sends."""

from __future__ import annotations

import json
import time
from typing import Any

from shared.protocol import polling
from tests.e2e.client_native import Raw
from tests.e2e.clients import SECONDS
from tests.e2e.stack import Answer, Stack

PATH = "/socket.io/"


class Polling:
    """A session that has been opened by polling.

    opening: the packets of the first answer.
    """

    def __init__(
        self,
        stack: Stack,
        protocol: int = 4,
        query: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        self.stack = stack
        self.protocol = protocol
        self.headers = headers or {}
        path = f"{PATH}?EIO={protocol}&transport=polling{query}"
        self.answer = stack.request("GET", path, self.headers)
        assert self.answer.status == 200, self.answer
        self.opening = list(polling.decode(self.answer.body, protocol))
        self.handshake = json.loads(self.opening[0][1:])
        self.sid = self.handshake["sid"]

    @property
    def path(self) -> str:
        """The path of all further requests."""
        return f"{PATH}?EIO={self.protocol}&transport=polling&sid={self.sid}"

    def get(self) -> Answer:
        """Make a GET, and return its answer."""
        return self.stack.request("GET", self.path, self.headers)

    def post(self, *packets: str) -> Answer:
        """Make a POST with packets, and return its answer."""
        return self.post_text(polling.encode(packets, self.protocol))

    def post_text(self, text: str, kind: str = "text/plain;charset=UTF-8") -> Answer:
        """Make a POST with a body as it is, and return its answer."""
        headers = {**self.headers, "Content-Type": kind}
        return self.stack.request("POST", self.path, headers, text.encode())

    def packets(self) -> list[str]:
        """Make a GET, and return the packets of its answer."""
        answer = self.get()
        assert answer.status == 200, answer
        return list(polling.decode(answer.body, self.protocol))

    def wait(self, start: str) -> list[str]:
        """Make GETs until a packet begins with ``start``. Returns all packets but ``6``."""
        found: list[str] = []
        deadline = time.monotonic() + SECONDS
        while not any(packet.startswith(start) for packet in found):
            assert time.monotonic() < deadline, f"no {start}; came: {found}"
            found += [packet for packet in self.packets() if packet != "6"]
        return found

    def join(self, namespace: str, auth: dict[str, Any] | None = None) -> None:
        """Join a namespace, by polling: its first packets have been handled after this."""
        prefix = "" if namespace == "/" else f"{namespace},"
        assert self.post(f"40{prefix}{json.dumps(auth) if auth else ''}").body == "ok"
        self.wait(f"40{prefix}")

    def websocket(self) -> Raw:
        """Open the WebSocket to which this session may upgrade."""
        path = f"{PATH}?EIO={self.protocol}&transport=websocket&sid={self.sid}"
        return Raw(self.stack.url, path)
