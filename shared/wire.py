"""HTTP/1.1 to one origin over connections that are kept, and used again by any thread."""

from __future__ import annotations

import http.client
import random
import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import cache
from itertools import count
from typing import NamedTuple
from urllib.parse import urlsplit

LONGEST_PAUSE_SECONDS = 2.0


class Answer(NamedTuple):
    status: int
    body: bytes
    request_id: str = ""


class Unreachable(Exception):
    """No answer came, however often it was asked for."""


class _Stale(Exception):
    """A kept connection that the other side has closed meanwhile."""


class Patience(NamedTuple):
    """How long to wait for a connection and for an answer, and how often; ``refusals``: how often
    to come back to somebody who is there and says not now."""

    connect_seconds: float = 2.0
    answer_seconds: float = 5.0
    attempts: int = 4
    refusals: int = 4


class Origin:
    """``url``: scheme, host and port, or nothing after them that matters."""

    def __init__(self, url: str, patience: Patience | None = None) -> None:
        parts = urlsplit(url)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self._patience = patience or Patience()
        self._idle: deque[socket.socket] = deque()
        self.netloc = parts.netloc
        """For the ``host`` header."""

    def send(
        self,
        method: str,
        path: str,
        headers: Callable[[], Mapping[str, str]],
        body: bytes,
        again: Callable[[Answer], bool],
    ) -> Answer:
        """One request; ``headers`` are made anew for every attempt, for a signature is good for
        minutes. Tried again, later each time, where no answer comes or ``again`` says so; the last
        answer is returned whatever it is. Raises ``Unreachable``.
        """
        unanswered = 0
        for attempt in count(1):
            try:
                answer = self._attempt(method, path, headers(), body)
            except (OSError, http.client.HTTPException) as error:
                unanswered += 1
                if unanswered == self._patience.attempts:
                    raise Unreachable(f"{method} {self.netloc}: {error!r}") from error
            else:
                if attempt - unanswered == self._patience.refusals or not again(answer):
                    return answer
            pause(attempt)
        raise AssertionError("unreachable")

    def __del__(self) -> None:
        for connection in self._idle:
            connection.close()

    def _attempt(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"{method} {path} HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n"
        request = head.encode("latin-1") + body
        while (connection := self._kept()) is not None:
            try:
                return self._exchange(connection, method, request, kept=True)
            except _Stale:
                continue  # closed while this function was frozen, most likely
        return self._exchange(self._connect(), method, request, kept=False)

    def _kept(self) -> socket.socket | None:
        """The connection used last, unless it is known to be closed."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was quicker
                break
            if not _readable(connection):
                return connection
            connection.close()
        return None

    def _connect(self) -> socket.socket:
        address = (self._host, self._port)
        connection = socket.create_connection(address, self._patience.connect_seconds)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._secure:
                connection = _tls().wrap_socket(connection, server_hostname=self._host)
            connection.settimeout(self._patience.answer_seconds)
        except BaseException:
            connection.close()
            raise
        return connection

    def _exchange(
        self, connection: socket.socket, method: str, request: bytes, *, kept: bool
    ) -> Answer:
        """Raises ``_Stale`` where the connection turns out to have been closed before."""
        try:
            connection.sendall(request)
            response = http.client.HTTPResponse(connection, method=method)
            response.begin()
            answer = Answer(
                response.status, response.read(), response.getheader("x-amzn-requestid", "")
            )
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            connection.close()
            if kept:
                raise _Stale from error
            raise
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        return answer


def pause(attempt: int) -> None:
    """With full jitter, so that those who were refused together do not come back together."""
    time.sleep(random.uniform(0, min(LONGEST_PAUSE_SECONDS, 0.05 * 2**attempt)))  # noqa: S311


def _readable(connection: socket.socket) -> bool:
    """Whether there is something to read where nothing was asked: the end, as a rule."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


@cache
def _tls() -> ssl.SSLContext:
    """One for all origins: reading the certificate authorities takes longer than a request."""
    return ssl.create_default_context()
