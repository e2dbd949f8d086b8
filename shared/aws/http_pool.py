"""Many short HTTP requests to one server at the same time, from one thread.

With one thread per request, half of the processor time is spent on handing the interpreter from
thread to thread: see docs/decisions/0019-posts-share-a-thread.md. Here a request is sent on any
connection that has no request under way, and answers are read in the order in which they arrive.
``http.client`` writes the requests and reads the answers.
"""

from __future__ import annotations

import ssl
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from select import POLLIN, poll
from selectors import EVENT_READ, PollSelector
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")


class Request(NamedTuple):
    """A request to send. ``path`` includes the query, if there is one."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]


class Answer(NamedTuple):
    """A response that has been read whole."""

    status: int
    body: bytes


Outcome = Answer | OSError | HTTPException
"""The result of a request. An error means that there is no answer; whether the server has received
the request is not known."""


class HttpPool:
    """The connections to one server, kept open for later requests. Threads may share a pool.

    most: how many connections one ``send`` uses at most, and so how many requests are under way.
    connect_seconds: the time after which an attempt to connect has failed.
    answer_seconds: the time after which a request without an answer has failed.
    """

    def __init__(
        self, url: str, *, most: int, connect_seconds: float, answer_seconds: float
    ) -> None:
        self.most, self.answer_seconds = most, answer_seconds
        self._url, self._connect_seconds = urlsplit(url), connect_seconds
        self._idle: deque[HTTPConnection] = deque()
        weakref.finalize(self, _close, self._idle)

    def send(
        self, items: Iterable[T], request: Callable[[T], Request]
    ) -> Iterator[tuple[T, Outcome]]:
        """Send a request for each item; yield each item with its outcome, in the order of answers.

        ``request`` is called for an item when its request is about to be sent.
        """
        sent = _Sent[T](self)
        try:
            for item in items:
                if not self._idle:
                    yield from sent.answered(wait=False)
                while len(sent) >= self.most:
                    yield from sent.answered(wait=True)
                try:
                    sent.add(item, request(item))
                except (OSError, HTTPException) as error:
                    yield item, error
            while len(sent):
                yield from sent.answered(wait=True)
        finally:
            sent.close()

    @property
    def idle(self) -> int:
        """How many connections are open and have no request under way."""
        return len(self._idle)

    def take(self) -> HTTPConnection:
        """Return a connection that is open and has no request under way.

        Raises ``OSError`` or ``HTTPException`` if a new connection cannot be opened.
        """
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread has taken the last idle connection
                break
            if not _is_closed_by_server(connection):
                return connection
            connection.close()
        connection = self._new()
        connection.connect()
        connection.sock.settimeout(self.answer_seconds)
        return connection

    def give_back(self, connection: HTTPConnection) -> None:
        """Keep a connection for a later request, or close it if there are enough."""
        if connection.sock and len(self._idle) < self.most:
            self._idle.append(connection)
        else:
            connection.close()

    def _new(self) -> HTTPConnection:
        host, port, seconds = self._url.hostname or "", self._url.port, self._connect_seconds
        if self._url.scheme == "http":
            return HTTPConnection(host, port, timeout=seconds)
        return HTTPSConnection(host, port, timeout=seconds, context=self._tls)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """The TLS context, shared because making one reads the system's certificates."""
        return ssl.create_default_context()


class _Sent(Generic[T]):
    """The requests of one ``send`` that are under way."""

    def __init__(self, pool: HttpPool) -> None:
        self._pool = pool
        self._selector = PollSelector()
        self._items: dict[HTTPConnection, tuple[T, float]] = {}

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: T, request: Request) -> None:
        """Send a request. Raises ``OSError`` or ``HTTPException`` if it cannot be sent."""
        connection = self._pool.take()
        try:
            connection.request(*request)
        except BaseException:
            connection.close()
            raise
        self._selector.register(connection.sock, EVENT_READ, connection)
        self._items[connection] = item, time.monotonic() + self._pool.answer_seconds

    def answered(self, *, wait: bool) -> Iterator[tuple[T, Outcome]]:
        """Yield the requests that are over, answered or timed out.

        With ``wait``, wait for the next answer, until the oldest request times out at the latest.
        """
        if not self._items:
            return
        now = time.monotonic()
        oldest = next(iter(self._items.values()))[1]
        for key, _ in self._selector.select(max(0.0, oldest - now) if wait else 0):
            yield self._over(key.data, _read)
        for connection in [one for one, (_, until) in self._items.items() if until <= now]:
            yield self._over(connection, _give_up)

    def _over(
        self, connection: HTTPConnection, end: Callable[[HTTPConnection], Outcome]
    ) -> tuple[T, Outcome]:
        self._selector.unregister(connection.sock)
        item, _ = self._items.pop(connection)
        outcome = end(connection)
        self._pool.give_back(connection)
        return item, outcome

    def close(self) -> None:
        """Close the connections whose requests are still under way."""
        _close(self._items)
        self._selector.close()


def _close(connections: Iterable[HTTPConnection]) -> None:
    for connection in connections:
        connection.close()


def _read(connection: HTTPConnection) -> Outcome:
    try:
        response = connection.getresponse()
        return Answer(response.status, response.read())
    except (OSError, HTTPException) as error:
        connection.close()
        return error


def _give_up(connection: HTTPConnection) -> Outcome:
    connection.close()
    return TimeoutError("no answer in time")


def _is_closed_by_server(connection: HTTPConnection) -> bool:
    """Return whether the server has closed an idle connection.

    The connection is readable then, although no request is under way.
    """
    poller = poll()
    poller.register(connection.sock, POLLIN)
    return bool(poller.poll(0))
