"""Many requests to one server from one thread; the server's answers are scripted."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import BadStatusLine, HTTPConnection, RemoteDisconnected
from pathlib import Path
from threading import Barrier, Event

import pytest

from shared.aws.http_pool import Answer, HttpPool, Request
from tests.unit.http_server import CLOSE, NONSENSE, Certificate, ScriptedServer, serving

MOST = 4
SOON = 5.0
IDLE_SECONDS = 60.0


Make = Callable[..., HttpPool]


@pytest.fixture
def make(server: ScriptedServer) -> Make:
    def pool(url: str = server.url, answer_seconds: float = SOON) -> HttpPool:
        return HttpPool(
            url,
            most=MOST,
            connect_seconds=SOON,
            answer_seconds=answer_seconds,
            idle_seconds=IDLE_SECONDS,
        )

    return pool


def request(number: int) -> Request:
    body = b"x" * number
    return Request("POST", f"/{number}", body, {"a": str(number)})


def ok(numbers: Iterable[int]) -> list[tuple[int, Answer]]:
    return [(number, Answer(200, b"")) for number in numbers]


def test_every_item_is_sent_and_answered_over_a_limited_number_of_connections(
    make: Make, server: ScriptedServer
) -> None:
    server.answers = [(202, b"first")]
    pool = make()
    assert next(pool.send([7], request)) == (7, Answer(202, b"first"))
    assert sorted(pool.send(range(40), request)) == ok(range(40))
    sent = {(path, body, headers["a"]) for _, path, body, headers in server.asked[1:]}
    assert sent == {(f"/{number}", b"x" * number, str(number)) for number in range(40)}
    assert len(server.peers) <= MOST


def test_a_connection_carries_the_next_request_after_an_answer(
    make: Make, server: ScriptedServer
) -> None:
    def items() -> Iterator[int]:
        for number in range(5):
            yield number
            assert server.answered.acquire(timeout=SOON)

    assert list(make().send(items(), request)) == ok(range(5))
    assert len(server.peers) == 1


def test_requests_run_up_to_the_limit_and_items_are_taken_only_when_sent(
    make: Make, server: ScriptedServer
) -> None:
    """The server answers only ``MOST`` requests together: fewer would never be answered."""
    together, taken = Barrier(MOST, timeout=SOON), list[int]()

    def answer(_: str) -> int:
        together.wait()
        return 200

    def items() -> Iterator[int]:
        for number in range(2 * MOST):
            taken.append(number)
            yield number

    server.answer = answer
    answers = make().send(items(), request)
    next(answers)
    assert len(taken) == MOST + 1
    assert len(list(answers)) == 2 * MOST - 1


def test_the_first_answer_is_read_first_and_its_connection_is_used_again(
    make: Make, server: ScriptedServer
) -> None:
    last = Event()

    def answer(path: str) -> int:
        if path == "/0":
            assert last.wait(SOON)
        if path == "/20":
            last.set()
        return 200

    server.answer = answer
    order = [number for number, _ in make().send(range(21), request)]
    assert sorted(order) == list(range(21))
    assert order.index(0) >= 21 - MOST


def test_a_late_answer_is_an_error_and_other_requests_go_on(
    make: Make, server: ScriptedServer
) -> None:
    over = Event()

    def answer(path: str) -> tuple[int, bytes]:
        assert path != "/1" or over.wait(SOON)
        return 200, path.encode()

    def answers(numbers: Iterable[int]) -> dict[int, Answer]:
        return {number: Answer(200, f"/{number}".encode()) for number in numbers}

    server.answer = answer
    pool = make(answer_seconds=1.0)
    outcomes = dict(pool.send(range(10), request))
    assert isinstance(outcomes.pop(1), TimeoutError)
    assert outcomes == answers({*range(10)} - {1})
    over.set()
    assert dict(pool.send(range(10, 20), request)) == answers(range(10, 20))


def test_an_answer_that_arrived_before_it_was_read_is_not_late(
    make: Make, server: ScriptedServer
) -> None:
    answers = make(answer_seconds=0.5).send(range(MOST), request)
    first = next(answers)
    time.sleep(0.8)
    assert sorted([first, *answers]) == ok(range(MOST))


@pytest.mark.parametrize(
    ("trouble", "error"), [(CLOSE, RemoteDisconnected), (NONSENSE, BadStatusLine)]
)
def test_a_broken_answer_is_an_error_of_its_request_alone(
    make: Make, server: ScriptedServer, trouble: int, error: type[Exception]
) -> None:
    server.answer = lambda path: trouble if path == "/2" else 200
    pool = make()
    outcomes = dict(pool.send(range(5), request))
    assert type(outcomes.pop(2)) is error
    assert sorted(outcomes.items()) == ok([0, 1, 3, 4])
    assert sorted(pool.send(range(5, 15), request)) == ok(range(5, 15))


def test_an_unreachable_server_is_an_error_of_each_request(make: Make) -> None:
    outcomes = list(make("http://127.0.0.1:1").send(range(3), request))
    assert [(number, type(error)) for number, error in outcomes] == [
        (number, ConnectionRefusedError) for number in range(3)
    ]


def test_an_error_while_a_request_is_made_is_raised(make: Make, server: ScriptedServer) -> None:
    def broken(number: int) -> Request:
        if number == 2:
            raise LookupError(number)
        return request(number)

    pool = make()
    with pytest.raises(LookupError, match="2"):
        list(pool.send(range(5), broken))
    assert list(pool.send([7], request)) == ok(range(7, 8))


def test_a_caller_that_stops_early_leaves_no_answer_to_the_next_caller(
    make: Make, server: ScriptedServer
) -> None:
    server.answer = lambda path: (200, path.encode())
    pool = make()
    answers = pool.send(range(MOST), request)
    next(answers)
    answers.close()  # type: ignore[attr-defined]
    numbers = range(10, 20)
    assert sorted(pool.send(numbers, request)) == [
        (number, Answer(200, f"/{number}".encode())) for number in numbers
    ]


def test_threads_share_connections_and_never_answers(make: Make, server: ScriptedServer) -> None:
    server.answer = lambda path: (200, path.encode())
    pool, gate = make(), Barrier(MOST)

    def send(number: int) -> bool:
        if number < MOST:
            gate.wait(SOON)
        numbers = range(number * 100, number * 100 + 3)
        found = sorted(pool.send(numbers, request))
        return found == [(one, Answer(200, f"/{one}".encode())) for one in numbers]

    with ThreadPoolExecutor(MOST) as threads:
        assert all(threads.map(send, range(60)))
    assert pool.idle <= MOST


def test_a_connection_that_the_server_closed_is_replaced(
    make: Make, server: ScriptedServer
) -> None:
    server.hang_up_after = True
    pool = make()
    for number in range(3):
        assert list(pool.send([number], request)) == ok(range(number, number + 1))
        assert server.hung_up.acquire(timeout=SOON)
    assert len(server.peers) == 3


def keep(pool: HttpPool, server: ScriptedServer, number: int = MOST) -> None:
    """Let the pool keep so many connections."""
    together = Barrier(number, timeout=SOON)

    def answer(_: str) -> int:
        together.wait()
        return 200

    server.answer = answer
    assert len(list(pool.send(range(number), request))) == number
    server.answer = None
    assert pool.idle == number


def test_a_connection_that_was_idle_for_long_is_not_used_again(
    make: Make, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frozen process does not see that the server has closed it."""
    pool = make()
    keep(pool, server)
    now = time.time()
    monkeypatch.setattr("shared.aws.http_pool.time.time", lambda: now + IDLE_SECONDS + 1)
    assert list(pool.send([5], request)) == ok([5])
    assert len(server.peers) == MOST + 1
    assert pool.idle == 1
    assert list(pool.send([6], request)) == ok([6])
    assert len(server.peers) == MOST + 1
    monkeypatch.setattr("shared.aws.http_pool.time.time", lambda: now)  # set back
    assert list(pool.send([7], request)) == ok([7])
    assert len(server.peers) == MOST + 2


def test_when_all_kept_connections_are_dead_each_request_takes_one_more_attempt(
    make: Make, server: ScriptedServer
) -> None:
    """The server closes each kept connection as soon as a request arrives on it."""
    pool = make()
    keep(pool, server)
    server.dead = set(server.peers)
    assert sorted(pool.send(range(10, 30), request)) == ok(range(10, 30))
    paths = [path for _, path, _, _ in server.asked[MOST:]]
    assert 20 < len(paths) <= 20 + MOST
    keep(pool, server)
    server.dead = set(server.peers)
    assert list(pool.send([5], request)) == ok([5])
    assert pool.idle == 1, "the other dead connections are closed"
    assert [path for _, path, _, _ in server.asked[-2:]] == ["/5", "/5"]


def test_a_request_that_cannot_be_written_is_sent_on_a_new_connection(
    make: Make, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = make()
    keep(pool, server)
    for kept in pool._idle:
        kept.connection.sock.shutdown(socket.SHUT_WR)
    assert list(pool.send([5], request)) == ok([5])
    assert pool.idle == 1


@pytest.mark.parametrize("reused", [False, True])
def test_a_request_is_sent_again_once_at_most_and_only_after_a_reused_connection(
    make: Make, server: ScriptedServer, *, reused: bool
) -> None:
    pool = make()
    if reused:
        keep(pool, server)
        server.asked.clear()
    server.answer = lambda _: CLOSE
    [(_, error)] = pool.send([5], request)
    assert isinstance(error, RemoteDisconnected)
    assert len(server.asked) == 1 + reused


def test_a_request_that_may_have_an_answer_is_not_sent_again(
    make: Make, server: ScriptedServer
) -> None:
    """Half an answer, or none in time. But no other kept connection is trusted any more."""
    over = Event()

    def late(_: str) -> int:
        over.wait(SOON)
        return 200

    cases: list[tuple[Callable[[str], int], type[Exception]]] = [
        (lambda _: NONSENSE, BadStatusLine),
        (late, TimeoutError),
    ]
    for answer, error in cases:
        pool = make(answer_seconds=1.0)
        keep(pool, server)
        server.asked.clear()
        server.answer = answer
        [(_, outcome)] = pool.send([5], request)
        assert type(outcome) is error
        assert len(server.asked) == 1
        assert pool.idle == 0
    over.set()


def test_if_no_new_connection_can_be_opened_either_that_is_the_outcome(
    make: Make, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = make()
    keep(pool, server)
    server.dead = set(server.peers)

    def refused() -> HTTPConnection:
        raise ConnectionRefusedError

    monkeypatch.setattr(pool, "connect", refused)
    [(_, outcome)] = pool.send([5], request)
    assert isinstance(outcome, ConnectionRefusedError)


def test_requests_work_over_tls(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = Certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    with serving(certificate) as server:
        pool = make(server.url)
        for numbers in (range(20), range(20, 40)):
            assert sorted(pool.send(numbers, request)) == ok(numbers)
        assert len(server.peers) <= MOST


def test_a_server_with_an_untrusted_certificate_receives_no_request(
    make: Make, tmp_path: Path
) -> None:
    with serving(Certificate(tmp_path)) as server:
        pool = make(server.url)
        [(_, error)] = pool.send([1], request)
        assert isinstance(error, ssl.SSLCertVerificationError)
        assert not server.asked


def test_a_request_is_written_in_one_piece(
    make: Make, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[bytes] = []
    write = socket.socket.sendall

    def sendall(self: socket.socket, data: bytes) -> None:
        written.append(bytes(data))
        write(self, data)

    monkeypatch.setattr(socket.socket, "sendall", sendall)
    assert list(make().send([5], request)) == ok([5])
    (with_body,) = [one for one in written if one.endswith(b"xxxxx")]
    assert with_body.startswith(b"POST /5 ")
