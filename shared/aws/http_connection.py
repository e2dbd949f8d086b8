"""One HTTP connection, which carries one request at a time.

A request is written in one piece, and its answer is parsed by httptools. With the standard
library's ``http.client``, both would take more than half of a post's processor time: see
docs/decisions/0043-httptools-reads-the-answers.md.
https://www.rfc-editor.org/rfc/rfc9112
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import SplitResult

import msgspec
from httptools import HttpParserError, HttpResponseParser

FINAL = 200
"""The least status of a final answer. Those below announce it."""

RECEIVED = 1 << 16
"""How many bytes are read at a time."""

_FRAMING = {"content-length", "transfer-encoding"}


class BadAnswer(OSError):
    """The answer is no HTTP, or ends too early."""


class Disconnected(ConnectionError):
    """The connection was closed before the first byte of the answer."""


class Request(NamedTuple):
    """A request to send; any but ``HEAD``. ``path`` includes the query, if there is one."""

    method: str
    path: str
    body: bytes
    headers: Mapping[str, str | bytes]


class Answer(msgspec.Struct, frozen=True):
    """A response that has been read whole."""

    status: int
    body: bytes
    headers: list[tuple[str, str]] = []


class Connection:
    """An open connection to a server. Raises ``OSError`` if it cannot be opened.

    url: the server, whose path is not used.
    connect_seconds: the time after which the attempt to connect has failed.
    answer_seconds: the time after which each read or write has failed.
    """

    def __init__(self, url: SplitResult, connect_seconds: float, answer_seconds: float) -> None:
        tls = url.scheme == "https"
        # Python encodes a text that is a host's name, and imports large tables for that.
        host: Any = (url.hostname or "").encode("ascii")
        self.is_open = True
        self.socket = socket.create_connection(
            (host, url.port or (443 if tls else 80)), connect_seconds
        )
        try:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:
                self.socket = tls_context().wrap_socket(self.socket, server_hostname=host)
            self.socket.settimeout(answer_seconds)
        except BaseException:
            self.close()
            raise
        self._host = url.netloc

    def write(self, request: Request) -> None:
        """Send a request.

        Raises ``OSError``, and ``ValueError`` if a part of the head would end its line.
        """
        self.socket.sendall(_head(request, self._host) + request.body)

    def read(self) -> Answer:
        """Read the answer to the request that has been sent.

        Closes the connection if the server does not keep it. Raises ``Disconnected`` if there is no
        answer, ``TimeoutError`` if it comes too late, ``BadAnswer``, or another ``OSError``.
        """
        answers, received = _Answers(), b""
        while answers.final is None:
            received = self._receive(begun=bool(received))
            if not received:
                answers.end()
            else:
                answers.feed(received)
        if not answers.keeps_connection:
            self.close()
        return answers.final

    def _receive(self, *, begun: bool) -> bytes:
        """Return what arrives next, which is empty if the connection was closed.

        begun: whether a part of the answer has arrived.
        """
        try:
            received = self.socket.recv(RECEIVED)
        except ConnectionError as error:
            if begun:
                raise
            raise Disconnected(f"closed without an answer: {error}") from error
        if not received and not begun:
            raise Disconnected("closed without an answer")
        return received

    def close(self) -> None:
        """Close the connection. Idempotent."""
        self.is_open = False
        self.socket.close()


class _Answers:
    """The final answer to a request, and the interim ones before it, which are dropped.

    final: the final answer, or None until it is complete.
    keeps_connection: whether the server reads another request after it.
    """

    def __init__(self) -> None:
        self.final: Answer | None = None
        self._parser = HttpResponseParser(self)
        self.on_message_begin()

    def feed(self, received: bytes) -> None:
        """Parse what has arrived. Raises ``BadAnswer``."""
        try:
            self._parser.feed_data(received)
        except HttpParserError as error:
            raise BadAnswer(str(error)) from error
        if self.final:
            del self._parser  # it refers to this object, and only the collector would free both

    def end(self) -> None:
        """Let the answer end with the connection.

        Raises ``BadAnswer`` if its head has not arrived, or announces more than what has arrived.
        """
        announced = {name.lower() for name, _ in self._headers} & _FRAMING
        if announced or not self._has_head:
            raise BadAnswer("closed within the answer")
        self._finish()

    def on_message_begin(self) -> None:
        self.keeps_connection = False  # unless this is all that the server sends
        self._has_head = False
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self._has_head = True

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self.final:  # the server has sent another one, unasked
            return
        if self._parser.get_status_code() >= FINAL:
            self.keeps_connection = self._parser.should_keep_alive()
            self._finish()
        else:
            self.on_message_begin()

    def _finish(self) -> None:
        status = self._parser.get_status_code()
        self.final = Answer(status, b"".join(self._body), self._headers)


def _head(request: Request, host: str) -> bytes:
    """Return the head of a request. What it does not say itself is added.

    Raises ``ValueError`` if a part of it would end its line.
    """
    lines = [f"{request.method} {request.path} HTTP/1.1"]
    for name, value in request.headers.items():
        text = value if isinstance(value, str) else value.decode("latin-1")
        lines.append(f"{name}: {text}")
    given = {name.lower() for name in request.headers}
    if "host" not in given:
        lines.append(f"host: {host}")
    if "accept-encoding" not in given:
        lines.append("accept-encoding: identity")
    if "content-length" not in given:
        lines.append(f"content-length: {len(request.body)}")
    head = "\r\n".join([*lines, "", ""])
    if head.count("\n") != len(lines) + 1 or head.count("\r") != len(lines) + 1:
        raise ValueError(f"A line of the request has several lines: {head!r}")
    return head.encode("latin-1")


@cache
def tls_context() -> ssl.SSLContext:
    """Return the process's TLS context, which is shared.

    Making one takes milliseconds, because it reads the system's certificates.
    """
    return ssl.create_default_context()
