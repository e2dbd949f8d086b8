"""One invocation of a function: it runs in a greenlet, and only while nothing else runs.

An invocation hands over to the world when it sleeps, and at every request if requests take time.
So every order in which things happen is the world's choice, and the same seed makes the same one.
A greenlet has a stack of its own, as a thread has. To change from one to another costs a hundredth
of what the system takes to change threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError
from greenlet import GreenletExit, getcurrent, greenlet  # type: ignore[import-untyped]

from shared.aws import parallel
from shared.aws.http_connection import Answer
from shared.aws.http_pool import Outcome
from shared.pipeline.deployment import FunctionSpec
from tests.simulation import access, faults, stack
from tests.simulation.faults import Died, Fault, Kind, Request

if TYPE_CHECKING:
    from tests.simulation.world import World

RIVAL_MS = 600
"""Enough for another event to be handled whole, with what it hands over at once. The consequences
of a goodbye wait half a second for its client's last words."""

_UNFINISHED: set[Invocation] = set()
"""What waits, also in worlds that are over. A greenlet that is collected as garbage would go on,
with an exception, and its last lines would count as run."""

T = TypeVar("T")
Done = Callable[["Invocation"], object]


def here() -> Invocation | None:
    """Return the invocation whose code asks, or None if it is not the code of an invocation."""
    found: Invocation | None = getattr(getcurrent(), "invocation", None)
    return found


class Invocation:
    """An invocation of a function.

    requests: the requests that it has made.
    error: what the handler raised, or ``Died``; None if it returned ``result``.
    """

    def __init__(self, world: World, spec: FunctionSpec, event: Any, done: Done) -> None:
        self.world, self.spec, self.event, self.done = world, spec, event, done
        self.requests: list[Request] = []
        self.fault: Fault | None = None
        self.dead = False
        self.result: Any = None
        self.error: BaseException | None = None
        self.over = False
        self._began_ms = world.now_ms
        self._process: greenlet | None = None

    def resume(self) -> None:
        """Run until the invocation is over or waits. Called by the world."""
        # What would run in several threads runs in this one, one after the other.
        parallel._this_thread.in_pool = True
        if self._process is None:
            _UNFINISHED.add(self)
            self._process = greenlet(self._run)
            self._process.invocation = self
        self._process.parent = getcurrent()
        self._process.switch()
        parallel._this_thread.in_pool = False
        if self.over:
            self._process = None
            _UNFINISHED.discard(self)
            self.done(self)

    def kill(self) -> None:
        """End the process."""
        self.dead = True

    def _run(self) -> None:
        self._handle()

    def _handle(self) -> None:
        """Run the function's entry, and note what comes of it."""
        context = SimpleNamespace(aws_request_id="simulated", function_name=self.spec.name)
        try:
            self.result = stack.HANDLERS[self.spec.name](self.event, context)
        except BaseException as error:  # noqa: BLE001 - whatever ends it, the invocation is over
            self.error = error
        if self.dead:
            self.error = self.error or Died()
        self.over = True

    def wait(self, ms: float) -> None:
        """Let the world go on for a while. Called by the code that the invocation runs."""
        self._live()
        self.world.later(ms, self.resume)
        try:
            getcurrent().parent.switch()
        except GreenletExit:  # the whole process ends
            self.kill()
            raise
        if self.world.now_ms - self._began_ms > self.spec.timeout_seconds * 1000:
            self.kill()
        self._live()

    def request(self, request: Request, execute: Callable[[], T]) -> T:
        """Make a request of the SDK, unless a fault hits it."""
        fault = self._begin(request)
        if fault is None:
            return execute()
        return self._dying(lambda: faults.hit(fault, request, execute))

    def post(self, request: Request, execute: Callable[[], Outcome]) -> Outcome:
        """Make a request to ``@connections``, unless a fault hits it."""
        try:
            fault = self._begin(request)
        except ClientError:
            return Answer(403, b"no right")
        if fault is None:
            return execute()
        gateway = self.world.gateway
        return self._dying(lambda: faults.hit_post(fault, gateway, request.target, execute))

    def posts(self, posts: Sequence[tuple[Request, Callable[[], Outcome]]]) -> Iterator[Outcome]:
        """Make requests to ``@connections``, and yield their outcomes in order."""
        for request, execute in posts:
            yield self.post(request, execute)

    def _begin(self, request: Request) -> Fault | None:
        """Number a request. Returns the fault that hits it, if any."""
        self._live()
        self.requests.append(request)
        latency = self.world.latency()
        if latency:
            self.wait(latency)
        for right in access.missing(self.spec, request):
            self.world.missing_rights.add(f"{self.spec.name}: {right}")
            error = {"Error": {"Code": "AccessDeniedException", "Message": right}}
            raise ClientError(error, request.operation)  # type: ignore[arg-type]
        fault = self.fault
        if fault is None or not fault.hits(len(self.requests)):
            return None
        if fault.kind is Kind.DOWN and request.service != self.requests[fault.at - 1].service:
            return None
        if fault.kind is Kind.RACE:
            self._let_rival_run()
            return None
        return fault

    def _let_rival_run(self) -> None:
        """Let the other event happen before this invocation goes on."""
        rival, self.world.rival = self.world.rival, None
        if rival:
            self.world.later(0, rival)
            self.wait(RIVAL_MS)

    def _dying(self, make: Callable[[], T]) -> T:
        try:
            return make()
        except Died:
            self.kill()
            raise

    def _live(self) -> None:
        if self.dead:
            raise Died
