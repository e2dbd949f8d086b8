"""Many short HTTP requests to one server at the same time, from one thread.

With one thread per request, half of the processor time is spent on handing the interpreter from
thread to thread: see docs/decisions/0019-posts-share-a-thread.md. Here a request is sent on any
connection that has no request under way, and answers are read in the order in which they arrive.

A process that Lambda has frozen does not see that a kept connection was closed meanwhile. So no
connection that was idle for long is used again. If a request fails on a connection that was used
before, the other kept connections are probably dead too: all are closed, and the request is sent
again at once on a new connection, unless the server may have begun to answer it.
"""

from __future__ import annotations

import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from select import POLLIN, poll
from selectors import EVENT_READ, PollSelector
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import urlsplit

from shared.aws.http_connection import Answer, Connection, Disconnected, Request

T = TypeVar("T")

Outcome = Answer | OSError
"""The result of a request. An error means that there is no answer; whether the server has received
the request is not known."""


class HttpPool:
    """The connections to one server, kept open for later requests. Threads may share a pool.

    most: how many connections one ``send`` uses at most, and so how many requests are under way.
    connect_seconds: the time after which an attempt to connect has failed.
    answer_seconds: the time after which a request without an answer has failed.
    idle_seconds: the time after which a connection that has no request under way is closed.
    """

    def __init__(
        self,
        url: str,
        *,
        most: int,
        connect_seconds: float,
        answer_seconds: float,
        idle_seconds: float,
    ) -> None:
        self.most, self.answer_seconds = most, answer_seconds
        self._url, self._connect_seconds = urlsplit(url), connect_seconds
        self._idle_seconds = idle_seconds
        self._idle: deque[_Kept] = deque()
        weakref.finalize(self, _close_kept, self._idle)

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
                except OSError as error:
                    yield item, error
            while len(sent):
                yield from sent.answered(wait=True)
        finally:
            sent.close()

    @property
    def idle(self) -> int:
        """How many connections are open and have no request under way."""
        return len(self._idle)

    def take(self) -> Connection | None:
        """Return a kept connection that is open and has no request under way.

        Returns None if there is none. Closes the connections that were idle for too long.
        """
        while True:
            try:
                kept = self._idle.pop()
            except IndexError:
                return None
            if self._may_be_used(kept) and not _is_closed_by_server(kept.connection):
                return kept.connection
            kept.connection.close()

    def connect(self) -> Connection:
        """Return a new connection.

        Raises ``OSError`` if it cannot be opened.
        """
        return Connection(self._url, self._connect_seconds, self.answer_seconds)

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for a later request, or close it if there are enough."""
        if connection.is_open and len(self._idle) < self.most:
            self._idle.append(_Kept(connection, time.time()))
        else:
            connection.close()

    def close_idle(self) -> None:
        """Close all connections that have no request under way."""
        _close_kept(self._idle)

    def _may_be_used(self, kept: _Kept) -> bool:
        # The time of day goes on while the process is frozen, the monotonic time may not. If it
        # has been set back meanwhile, it says nothing.
        return 0 <= time.time() - kept.since <= self._idle_seconds


class _Kept(NamedTuple):
    """A connection without a request under way. ``since``: epoch seconds."""

    connection: Connection
    since: float


class _UnderWay(NamedTuple, Generic[T]):
    """A request that has been sent.

    until: when it has failed if it is not answered, in monotonic seconds.
    reused: whether the connection had been used before.
    """

    item: T
    request: Request
    until: float
    reused: bool


class _Sent(Generic[T]):
    """The requests of one ``send`` that are under way."""

    def __init__(self, pool: HttpPool) -> None:
        self._pool = pool
        self._selector = PollSelector()
        self._under_way: dict[Connection, _UnderWay[T]] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    def add(self, item: T, request: Request) -> None:
        """Send a request. Raises ``OSError`` if it cannot be sent."""
        connection = self._pool.take()
        if connection is not None:
            try:
                self._send(connection, item, request, reused=True)
            except OSError:  # the server has not received the whole request
                self._pool.close_idle()
            else:
                return
        self._send(self._pool.connect(), item, request, reused=False)

    def _send(
        self,
        connection: Connection,
        item: T,
        request: Request,
        *,
        reused: bool,
        until: float | None = None,
    ) -> None:
        try:
            connection.write(request)
        except BaseException:
            connection.close()
            raise
        self._selector.register(connection.socket, EVENT_READ, connection)
        until = until or time.monotonic() + self._pool.answer_seconds
        self._under_way[connection] = _UnderWay(item, request, until, reused)

    def answered(self, *, wait: bool) -> Iterator[tuple[T, Outcome]]:
        """Yield the requests that are over, answered or timed out.

        With ``wait``, wait for the next answer, until the first request times out at the latest.
        """
        if not self._under_way:
            return
        now = time.monotonic()
        first = min(sent.until for sent in self._under_way.values()) if wait else now
        for key, _ in self._selector.select(max(0.0, first - now)):
            yield from self._over(key.data, _read)
        for connection in [one for one, sent in self._under_way.items() if sent.until <= now]:
            yield from self._over(connection, _give_up)

    def _over(
        self, connection: Connection, end: Callable[[Connection], Outcome]
    ) -> Iterator[tuple[T, Outcome]]:
        """Yield the outcome of a request, or send the request again."""
        self._selector.unregister(connection.socket)
        sent = self._under_way.pop(connection)
        outcome = end(connection)
        self._pool.give_back(connection)
        if sent.reused and not isinstance(outcome, Answer):
            self._pool.close_idle()
            if isinstance(outcome, Disconnected):
                item, request, until, _ = sent
                try:
                    self._send(self._pool.connect(), item, request, reused=False, until=until)
                except OSError as error:
                    outcome = error
                else:
                    return
        yield sent.item, outcome

    def close(self) -> None:
        """Close the connections whose requests are still under way."""
        for connection in self._under_way:
            connection.close()
        self._selector.close()


def _close_kept(idle: deque[_Kept]) -> None:
    while idle:
        try:
            kept = idle.pop()
        except IndexError:  # another thread has taken the last one
            return
        kept.connection.close()


def _read(connection: Connection) -> Outcome:
    try:
        return connection.read()
    except OSError as error:
        connection.close()
        return error


def _give_up(connection: Connection) -> Outcome:
    connection.close()
    return TimeoutError("no answer in time")


def _is_closed_by_server(connection: Connection) -> bool:
    """Return whether the server has closed an idle connection.

    The connection is readable then, although no request is under way.
    """
    poller = poll()
    poller.register(connection.socket, POLLIN)
    return bool(poller.poll(0))
