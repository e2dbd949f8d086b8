"""The same world on real threads: invocations run at once, and so do the requests of each.

The other runs let one invocation go on at a time. Here, every invocation and every call of
``shared.aws.parallel`` has a thread, and each request waits for a random while before it is made.
So frames of one connection are handled at the same time and in any order, as at API Gateway. A seed
repeats its delays, but not the order in which the machine runs the threads.

Time is the machine's as long as a thread has work. When all threads wait, it jumps to what is due
next, so that an hour without work takes no time.

One lock guards all that the world keeps, and a request is executed under it. No outcome is lost by
that: DynamoDB, too, executes requests for an item one after the other.
"""

from __future__ import annotations

import heapq
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from shared.aws import parallel
from shared.aws.http_pool import Outcome
from tests.simulation.engine import Dynamo
from tests.simulation.faults import Request
from tests.simulation.invocation import Invocation
from tests.simulation.world import QUIET_MS, Action, World

T = TypeVar("T")
_monotonic = time.monotonic
_FOREVER = float("inf")


class _Threads:
    """The threads of a world, and its clock.

    lock: guards the world. The thread that has made the world holds it, except in ``World.run``.
    awake: how many threads have work.
    here: the invocation of each thread.
    """

    def __init__(self, now_ms: float = 0) -> None:
        self.lock = threading.Condition(threading.RLock())
        self.lock.acquire()
        self.awake = 0
        self.here = threading.local()
        self.now_ms = now_ms

    @property
    def now_ms(self) -> float:
        """The time in epoch ms."""
        return self._ahead_ms + _monotonic() * 1000

    @now_ms.setter
    def now_ms(self, value: float) -> None:
        self._ahead_ms = value - _monotonic() * 1000

    def start(self, invocation: ConcurrentInvocation, work: Callable[[], None]) -> None:
        """Do some work of an invocation on a new thread."""
        with self.lock:
            self.awake += 1
        threading.Thread(target=self._work, args=(invocation, work), daemon=True).start()

    def _work(self, invocation: ConcurrentInvocation, work: Callable[[], None]) -> None:
        self.here.invocation = invocation
        work()
        with self.lock:
            self.awake -= 1
            self.lock.notify_all()

    def __reduce__(self) -> tuple[type[_Threads], tuple[float]]:
        """A snapshot is taken when nothing runs, and keeps the time alone."""
        return _Threads, (self.now_ms,)


class _Gate:
    """Where one thread waits, without work, until another opens it."""

    def __init__(self, threads: _Threads) -> None:
        self._threads = threads
        self._open = self._awaited = False

    def open(self) -> None:
        """Let the thread go on. It has work from now on, even before it notices."""
        with self._threads.lock:
            self._open = True
            self._threads.awake += self._awaited
            self._threads.lock.notify_all()

    def wait(self) -> None:
        """Wait until the gate is open."""
        with self._threads.lock:
            if not self._open:
                self._awaited = True
                self._threads.awake -= 1
                self._threads.lock.notify_all()
                self._threads.lock.wait_for(lambda: self._open)


class _Result(Future[T]):
    """The result of a call on another thread of the same invocation."""

    def __init__(self, threads: _Threads) -> None:
        super().__init__()
        self.gate = _Gate(threads)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the call, and return what it raised, or None."""
        self.gate.wait()
        return super().exception(timeout)


class ConcurrentInvocation(Invocation):
    """An invocation on a thread of its own, and on more threads if its code asks for them."""

    world: ConcurrentWorld

    def resume(self) -> None:
        """Begin. Called by the world, once."""
        self.random = random.Random(self.world.random.random())
        self.world.threads.start(self, self._run)

    def _run(self) -> None:
        parallel._this_thread.in_pool = False
        self._handle()
        with self.world.threads.lock:
            self.done(self)

    def wait(self, ms: float) -> None:
        """Wait while the others go on. Called by the code that the invocation runs."""
        self._live()
        gate = _Gate(self.world.threads)
        self.world.later(ms, gate.open)
        gate.wait()
        if self.world.now_ms - self._began_ms > self.spec.timeout_seconds * 1000:
            self.kill()
        self._live()

    def request(self, request: Request, execute: Callable[[], T]) -> T:
        """Make a request of the SDK."""
        return super().request(request, lambda: self._locked(execute))

    def post(self, request: Request, execute: Callable[[], Outcome]) -> Outcome:
        """Make a request to ``@connections``."""
        return super().post(request, lambda: self._locked(execute))

    def posts(self, posts: Sequence[tuple[Request, Callable[[], Outcome]]]) -> Iterator[Outcome]:
        """Make requests to ``@connections`` at once."""
        results = [self.submit(partial(self.post, *one)) for one in posts]
        for result in results:
            result.exception()
            yield result.result()

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Run a call on another thread, as the pool of ``shared.aws.parallel`` does."""
        result: _Result[T] = _Result(self.world.threads)

        def work() -> None:
            parallel._this_thread.in_pool = True
            try:
                result.set_result(call())
            except BaseException as error:  # noqa: BLE001 - raised where the result is awaited
                result.set_exception(error)
            result.gate.open()

        self.world.threads.start(self, work)
        return result

    def _locked(self, execute: Callable[[], T]) -> T:
        with self.world.threads.lock:
            return execute()


class ConcurrentWorld(World):
    """A world whose invocations run at once."""

    invocation = ConcurrentInvocation

    def __init__(self, dynamo: Dynamo, seed: int = 0) -> None:
        self.threads = _Threads()
        super().__init__(dynamo, seed)

    @property
    def now_ms(self) -> float:
        """The time in epoch ms."""
        return self.threads.now_ms

    @now_ms.setter
    def now_ms(self, value: float) -> None:
        self.threads.now_ms = value

    @property
    def running(self) -> Invocation | None:
        """The invocation of this thread, or None."""
        found: ConcurrentInvocation | None = getattr(self.threads.here, "invocation", None)
        return found

    @property
    def random(self) -> random.Random:
        """The randomness of this thread's invocation, or that of the seed."""
        running = self.running
        return running.random if isinstance(running, ConcurrentInvocation) else self._random

    @random.setter
    def random(self, value: random.Random) -> None:
        self._random = value

    def later(self, ms: float, action: Action) -> None:
        """Do something after a while."""
        with self.threads.lock:
            super().later(ms, action)
            self.threads.lock.notify_all()

    def run(self, ms: float = QUIET_MS) -> None:
        """Let time pass, and everything happen that is due, until all threads wait."""
        threads, until = self.threads, self.now_ms + ms
        while True:
            due = self._agenda[0][0] if self._agenda else _FOREVER
            if not threads.awake:
                self.now_ms = max(self.now_ms, min(due, until))
            now = self.now_ms
            if due <= min(now, until):
                _, _, action = heapq.heappop(self._agenda)
                action()
            elif now >= until and not threads.awake:
                return
            else:
                left_ms = min(due, until) - now
                threads.lock.wait(left_ms / 1000 if left_ms > 0 else None)
