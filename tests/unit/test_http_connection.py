"""One connection, to a server that sends bytes as they are scripted."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from shared.aws.http_connection import Answer, BadAnswer, Connection, Disconnected, Request

SOON = 5.0
ASK = Request("GET", "/a?b=c", b"", {})
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"


class Server:
    """The requests that the server has received, whole, one per answer."""

    def __init__(self, answers: list[list[bytes]]) -> None:
        self.asked: list[bytes] = []
        self._answers = answers
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def serve(self) -> None:
        """Answer the requests of one connection, then close it."""
        client, _ = self._listening.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client, self._listening:
            for pieces in self._answers:
                self.asked.append(client.recv(1 << 16))
                for piece in pieces:
                    client.sendall(piece)


@contextmanager
def connected(*answers: bytes | list[bytes]) -> Iterator[tuple[Connection, Server]]:
    """Connect to a server with an answer for each request, whole or in pieces."""
    server = Server([[one] if isinstance(one, bytes) else one for one in answers])
    thread = threading.Thread(target=server.serve)
    thread.start()
    connection = Connection(urlsplit(server.url), SOON, SOON)
    try:
        yield connection, server
    finally:
        connection.close()
        thread.join(SOON)


def ask(connection: Connection, request: Request = ASK) -> Answer:
    connection.write(request)
    return connection.read()


def test_a_request_says_what_its_head_does_not() -> None:
    with connected(EMPTY) as (connection, server):
        ask(connection, Request("POST", "/a", b"body", {"A": "1", "b": b"2"}))
    host = server.url.removeprefix("http://")
    lines = ["POST /a HTTP/1.1", "A: 1", "b: 2", f"host: {host}"]
    lines += ["accept-encoding: identity", "content-length: 4", "", "body"]
    assert server.asked == ["\r\n".join(lines).encode()]


def test_what_a_head_says_itself_is_not_added() -> None:
    given = {"Host": "h", "Accept-Encoding": "gzip", "Content-Length": "1"}
    with connected(EMPTY) as (connection, server):
        ask(connection, Request("PUT", "/", b"x", given))
    lines = ["PUT / HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", "x"]
    assert server.asked == ["\r\n".join(lines).encode()]


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", "/ HTTP/1.1\r\nx: y\r\n", b"", {}),
        Request("GET", "/", b"", {"a": "b\r\nc: d"}),
        Request("GET", "/", b"", {"a": "b\nc"}),
        Request("GET", "/", b"", {"a\rb": "c"}),
        Request("GET", "/", b"", {"a": b"b\r"}),
    ],
)
def test_a_line_that_is_several_lines_is_not_sent(request_: Request) -> None:
    with connected(EMPTY) as (connection, server):
        with pytest.raises(ValueError, match="several lines"):
            connection.write(request_)
        ask(connection)
    assert len(server.asked) == 1


def test_an_answer_has_a_status_headers_and_a_body() -> None:
    answer = b"HTTP/1.1 418 Teapot\r\nA: 1\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"
    answer += b"Content-Length: 3\r\n\r\nabc"
    with connected(answer) as (connection, _):
        found = ask(connection)
        assert (found.status, found.body) == (418, b"abc")
        assert found.headers == [
            ("A", "1"), ("Set-Cookie", "a"), ("Set-Cookie", "b"), ("Content-Length", "3")
        ]  # fmt: skip
        assert connection.is_open


LARGE = b"x" * 300_000
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(LARGE), LARGE)
CHUNKED = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
)
INTERIM = b"HTTP/1.1 100 Continue\r\na: b\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"


@pytest.mark.parametrize(
    ("pieces", "body"),
    [
        ([WHOLE], LARGE),
        ([CHUNKED], b"abcde"),
        ([bytes([one]) for one in CHUNKED], b"abcde"),
        ([INTERIM + CHUNKED], b"abcde"),
        ([INTERIM, CHUNKED], b"abcde"),
        ([EMPTY], b""),
        ([b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n"], b""),
    ],
)
def test_a_body_is_as_long_as_its_head_says(pieces: list[bytes], body: bytes) -> None:
    """The second answer is read on the same connection: nothing of the first is left over."""
    with connected(pieces, CHUNKED) as (connection, _):
        assert ask(connection).body == body
        assert connection.is_open
        assert ask(connection).body == b"abcde"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nab",
    ],
)
def test_a_connection_that_the_server_does_not_keep_is_closed(answer: bytes) -> None:
    with connected(answer) as (connection, _):
        found = ask(connection)
        assert (found.status, found.body) == (200, b"ab")
        assert not connection.is_open


@pytest.mark.parametrize("more", [CHUNKED, b"HTTP/1.1 500"])
def test_what_a_server_sends_unasked_is_not_taken_for_the_next_answer(more: bytes) -> None:
    with connected(EMPTY + more) as (connection, _):
        found = ask(connection)
        assert (found.status, found.body) == (204, b"")
        assert not connection.is_open


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab",
        CHUNKED[:-2],
        b"HTTP/1.1 200 OK\r\na: b\r\n",
        b"HTTP",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"no HTTP at all",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
    ],
)
def test_half_an_answer_is_none(answer: bytes) -> None:
    with connected(answer) as (connection, _), pytest.raises(BadAnswer):
        ask(connection)


def test_a_connection_closed_before_the_answer_is_told_apart() -> None:
    with connected(b"") as (connection, _), pytest.raises(Disconnected):
        ask(connection)
