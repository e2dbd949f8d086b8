"""Many requests to one server from one thread; the server's answers are scripted."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest

from shared.aws.http_connection import Answer, BadAnswer, Connection, Disconnected, Request
from shared.aws.http_pool import HttpPool, Outcome
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


def sent(pool: HttpPool, numbers: Iterable[int]) -> list[tuple[int, Any]]:
    """Return each number with the status and the body of its answer, or with its error."""
    return list(map(plain, pool.send(numbers, request)))


def plain(one: tuple[int, Outcome]) -> tuple[int, Any]:
    number, outcome = one
    return number, (outcome.status, outcome.body) if isinstance(outcome, Answer) else outcome


def ok(numbers: Iterable[int]) -> list[tuple[int, Any]]:
    return [(number, (200, b"")) for number in numbers]


def test_every_item_is_sent_and_answered_over_a_limited_number_of_connections(
    make: Make, server: ScriptedServer
) -> None:
    server.answers = [(202, b"first")]
    pool = make()
    assert sent(pool, [7]) == [(7, (202, b"first"))]
    assert sorted(sent(pool, range(40))) == ok(range(40))
    asked = {(path, body, headers["a"]) for _, path, body, headers in server.asked[1:]}
    assert asked == {(f"/{number}", b"x" * number, str(number)) for number in range(40)}
    assert len(server.peers) <= MOST


def test_a_connection_carries_the_next_request_after_an_answer(
    make: Make, server: ScriptedServer
) -> None:
    def items() -> Iterator[int]:
        for number in range(5):
            yield number
            assert server.answered.acquire(timeout=SOON)

    assert sent(make(), items()) == ok(range(5))
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

    def answers(numbers: Iterable[int]) -> dict[int, Any]:
        return {number: (200, f"/{number}".encode()) for number in numbers}

    server.answer = answer
    pool = make(answer_seconds=1.0)
    outcomes = dict(sent(pool, range(10)))
    assert isinstance(outcomes.pop(1), TimeoutError)
    assert outcomes == answers({*range(10)} - {1})
    over.set()
    assert dict(sent(pool, range(10, 20))) == answers(range(10, 20))


def test_an_answer_that_arrived_before_it_was_read_is_not_late(
    make: Make, server: ScriptedServer
) -> None:
    answers = make(answer_seconds=0.5).send(range(MOST), request)
    first = next(answers)
    time.sleep(0.8)
    assert sorted(map(plain, [first, *answers])) == ok(range(MOST))


@pytest.mark.parametrize(("trouble", "error"), [(CLOSE, Disconnected), (NONSENSE, BadAnswer)])
def test_a_broken_answer_is_an_error_of_its_request_alone(
    make: Make, server: ScriptedServer, trouble: int, error: type[Exception]
) -> None:
    server.answer = lambda path: trouble if path == "/2" else 200
    pool = make()
    outcomes = dict(sent(pool, range(5)))
    assert type(outcomes.pop(2)) is error
    assert sorted(outcomes.items()) == ok([0, 1, 3, 4])
    assert sorted(sent(pool, range(5, 15))) == ok(range(5, 15))


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
    assert sent(pool, [7]) == ok(range(7, 8))


def test_a_caller_that_stops_early_leaves_no_answer_to_the_next_caller(
    make: Make, server: ScriptedServer
) -> None:
    server.answer = lambda path: (200, path.encode())
    pool = make()
    answers = pool.send(range(MOST), request)
    next(answers)
    answers.close()  # type: ignore[attr-defined]
    numbers = range(10, 20)
    assert sorted(sent(pool, numbers)) == [
        (number, (200, f"/{number}".encode())) for number in numbers
    ]


def test_threads_share_connections_and_never_answers(make: Make, server: ScriptedServer) -> None:
    server.answer = lambda path: (200, path.encode())
    pool, gate = make(), Barrier(MOST)

    def send(number: int) -> bool:
        if number < MOST:
            gate.wait(SOON)
        numbers = range(number * 100, number * 100 + 3)
        found = sorted(sent(pool, numbers))
        return found == [(one, (200, f"/{one}".encode())) for one in numbers]

    with ThreadPoolExecutor(MOST) as threads:
        assert all(threads.map(send, range(60)))
    assert pool.idle <= MOST


def test_a_connection_that_the_server_closed_is_replaced(
    make: Make, server: ScriptedServer
) -> None:
    server.hang_up_after = True
    pool = make()
    for number in range(3):
        assert sent(pool, [number]) == ok(range(number, number + 1))
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
    assert sent(pool, [5]) == ok([5])
    assert len(server.peers) == MOST + 1
    assert pool.idle == 1
    assert sent(pool, [6]) == ok([6])
    assert len(server.peers) == MOST + 1
    monkeypatch.setattr("shared.aws.http_pool.time.time", lambda: now)  # set back
    assert sent(pool, [7]) == ok([7])
    assert len(server.peers) == MOST + 2


def test_when_all_kept_connections_are_dead_each_request_takes_one_more_attempt(
    make: Make, server: ScriptedServer
) -> None:
    """The server closes each kept connection as soon as a request arrives on it."""
    pool = make()
    keep(pool, server)
    server.dead = set(server.peers)
    assert sorted(sent(pool, range(10, 30))) == ok(range(10, 30))
    paths = [path for _, path, _, _ in server.asked[MOST:]]
    assert 20 < len(paths) <= 20 + MOST
    keep(pool, server)
    server.dead = set(server.peers)
    assert sent(pool, [5]) == ok([5])
    assert pool.idle == 1, "the other dead connections are closed"
    assert [path for _, path, _, _ in server.asked[-2:]] == ["/5", "/5"]


def test_a_request_that_cannot_be_written_is_sent_on_a_new_connection(
    make: Make, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = make()
    keep(pool, server)
    for kept in pool._idle:
        kept.connection.socket.shutdown(socket.SHUT_WR)
    assert sent(pool, [5]) == ok([5])
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
    assert isinstance(error, Disconnected)
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
        (lambda _: NONSENSE, BadAnswer),
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

    def refused() -> Connection:
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
            assert sorted(sent(pool, numbers)) == ok(numbers)
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
    assert sent(make(), [5]) == ok([5])
    (with_body,) = [one for one in written if one.endswith(b"xxxxx")]
    assert with_body.startswith(b"POST /5 ")
