"""JSON over a plain WebSocket, and frames as they are."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import ExitStack, suppress
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_websocket

from tests.e2e.clients import SECONDS, Client, Refused, Ticket


class Native(Client):
    """An id is a string and a number by turns."""

    kind = "native"

    def __init__(self, ticket: Ticket, *, in_query: bool = False) -> None:
        super().__init__(ticket.namespace)
        self._ids: dict[Any, int] = {}
        self._socket = Raw.native(ticket, in_query=in_query)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, event: str, args: tuple[Any, ...], ack: int | None) -> None:
        frame: dict[str, Any] = {"action": event.replace(":", ".")}
        if args:
            frame["data"] = args[0] if len(args) == 1 else args
        if ack is not None:
            frame["id"] = ack if ack % 2 else f"ask-{ack}"
            self._ids[frame["id"]] = ack
        self.send_text(json.dumps(frame))

    def send_text(self, text: str) -> None:
        self._socket.send(text)

    def leave(self) -> None:
        self._socket.close()
        self._reader.join(SECONDS)

    def drop(self) -> None:
        self._socket.socket.socket.shutdown(socket.SHUT_RDWR)

    def _read(self) -> None:
        with suppress(ConnectionClosed):
            for text in self._socket.socket:
                self._on_frame(json.loads(text))
        self.ended.set()

    def _on_frame(self, frame: dict[str, Any]) -> None:
        if "event" in frame:
            assert frame.keys() == {"event", "data"}, frame
            self.on_event(frame["event"], frame["data"])
            return
        error = {"error": frame["error"]} if "error" in frame else None
        assert frame.keys() == {"ack", "error" if error else "data"}, frame
        self.on_ack(self._ids[frame["ack"]], error or frame["data"])


class Raw:
    """A WebSocket without any library on top, for frames that no library sends. Raises ``Refused``
    with the HTTP status of the handshake."""

    def __init__(
        self,
        url: str,
        path: str = "/socket.io/?EIO=4&transport=websocket",
        headers: dict[str, str] | None = None,
    ) -> None:
        self._open = ExitStack()
        try:
            self.socket: ClientConnection = self._open.enter_context(
                open_websocket(
                    url.replace("http", "ws", 1) + path,
                    additional_headers=headers,
                    proxy=None,
                    open_timeout=SECONDS,
                    compression=None,
                )
            )
        except InvalidStatus as error:
            raise Refused(str(error.response.status_code)) from error

    @classmethod
    def native(cls, ticket: Ticket, *, in_query: bool = False) -> Raw:
        headers = dict(ticket.headers)
        path = f"/ws?namespace={ticket.namespace}"
        if ticket.token is not None and in_query:
            path += f"&token={ticket.token}"
        elif ticket.token is not None:
            headers["Authorization"] = f"Bearer {ticket.token}"
        return cls(ticket.url, path, headers)

    def send(self, frame: str | bytes) -> None:
        self.socket.send(frame)

    def receive(self, seconds: float = SECONDS) -> str:
        frame = self.socket.recv(seconds)
        assert isinstance(frame, str), frame
        return frame

    def closed(self) -> tuple[int, list[str]]:
        """The code the server closes with, and the frames that came before."""
        frames: list[str] = []
        try:
            while True:
                frames.append(self.receive())
        except ConnectionClosed:
            code = self.socket.close_code
            assert code is not None
            return code, frames

    def close(self) -> None:
        self._open.close()
