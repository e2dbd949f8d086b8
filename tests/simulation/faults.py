"""The kinds of faults, each at one request of one invocation.

To add a kind: name it here, say in ``kinds_for`` which requests it can hit, and do it in ``hit``
(requests of the SDK) or ``hit_post`` (requests to ``@connections``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from botocore.exceptions import ClientError

from shared.aws.http_connection import Answer
from shared.aws.http_pool import Outcome

if TYPE_CHECKING:
    from tests.simulation.gateway import Gateway

T = TypeVar("T")

CONNECTIONS = "@connections"
WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"})
TRANSACTION = "TransactWriteItems"


class Died(BaseException):
    """The process has ended. No handler of the backend catches this."""


class Kind(StrEnum):
    """What goes wrong."""

    DIES = "dies before"
    DIES_AFTER = "dies after"
    LOST = "answer lost, repeated"
    """The request is executed, its answer is lost, and the SDK makes it again."""

    UNANSWERED = "executed, no answer"
    """The request is executed, and the SDK gives up waiting for an answer."""

    THROTTLED = "throttled"
    """The SDK has tried again and gives up. The next request succeeds."""

    DOWN = "down from here"
    """All further requests of the invocation to the same service fail."""

    CONFLICT = "conflict"
    """Another transaction holds the item, once."""

    CONFLICTS = "conflicts"
    """Another transaction holds the item all the time."""

    GONE = "410"
    """The recipient's connection has just broken, and ``$disconnect`` is lost."""

    BUSY = "429"
    BUSY_ALWAYS = "429 always"
    """The recipient never receives anything again, though the connection is there."""

    FORBIDDEN = "403"
    FORBIDDEN_ALWAYS = "403 always"
    """As with ``BUSY_ALWAYS``, the recipient never receives anything again."""

    HUNG = "post hangs"
    """The frame arrives; the answer does not, so the post is repeated."""

    TWICE = "twice"
    """The invocation is delivered twice. This has no request."""

    RACE = "race"
    """Another event is handled, whole, just before the request."""

    CONCURRENT = "concurrent"
    """Everything runs at once. This has no request."""

    OVERTAKEN = "overtaken"
    """A frame is handled after the next one of its connection. This has no request."""


class Request(NamedTuple):
    """A request that a function makes.

    uses: what its role has to allow: actions, each with what it is done to.
    """

    service: str
    operation: str
    target: str
    uses: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.operation} {self.target}"


@dataclass(frozen=True)
class Fault:
    """A kind of fault, and where it hits.

    function: the function whose invocation is hit.
    nth: which of its invocations after the fault has been set, from 0.
    at: the number of the request, from 1.
    """

    kind: Kind
    function: str
    nth: int = 0
    at: int = 0

    def hits(self, number: int) -> bool:
        """Return whether the fault hits the request of this number."""
        return number == self.at or (self.kind in _LASTING and number > self.at)


_LASTING = {Kind.DOWN, Kind.CONFLICTS}


def kinds_for(request: Request, *, last: bool) -> list[Kind]:
    """Return the kinds of faults that can hit a request.

    To die after a request is to die before the next one, so it is a kind of the last request only.
    """
    kinds = [Kind.DIES, *([Kind.DIES_AFTER] if last else [])]
    if request.service == CONNECTIONS:
        kinds += [Kind.GONE, Kind.BUSY, Kind.BUSY_ALWAYS]
        return [*kinds, Kind.FORBIDDEN, Kind.FORBIDDEN_ALWAYS, Kind.HUNG]
    kinds += [Kind.THROTTLED, Kind.DOWN]
    if request.service != "dynamodb":
        return [*kinds, Kind.LOST, Kind.UNANSWERED]
    if request.operation in WRITES:
        kinds += [Kind.LOST, Kind.UNANSWERED, Kind.CONFLICT, Kind.CONFLICTS]
    return kinds


def hit(fault: Fault, request: Request, execute: Callable[[], T]) -> T:
    """Make a request of the SDK that a fault hits."""
    match fault.kind:
        case Kind.DIES:
            raise Died
        case Kind.DIES_AFTER:
            execute()
            raise Died
        case Kind.LOST:
            execute()
            return execute()
        case Kind.UNANSWERED:
            execute()
            raise _error("InternalServerError", request)
        case Kind.THROTTLED:
            raise _error("ThrottlingException", request)
        case Kind.DOWN:
            raise _error("InternalServerError", request)
        case Kind.CONFLICT | Kind.CONFLICTS if request.operation in WRITES:
            raise _conflict(request)
    return execute()


def hit_post(
    fault: Fault, gateway: Gateway, connection_id: str, execute: Callable[[], Outcome]
) -> Outcome:
    """Make a request to ``@connections`` that a fault hits."""
    match fault.kind:
        case Kind.DIES:
            raise Died
        case Kind.DIES_AFTER:
            execute()
            raise Died
        case Kind.GONE:
            gateway.vanish(connection_id)
            return Answer(410, b"")
        case Kind.BUSY:
            return Answer(429, b"")
        case Kind.BUSY_ALWAYS:
            gateway.deaf[connection_id] = 429
        case Kind.FORBIDDEN_ALWAYS:
            gateway.deaf[connection_id] = 403
        case Kind.FORBIDDEN:
            return Answer(403, b"")
        case Kind.HUNG:
            execute()
            return TimeoutError("no answer in time")
    return execute()


def _error(code: str, request: Request) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "a fault"}}, request.operation)


def _conflict(request: Request) -> ClientError:
    if request.operation != TRANSACTION:
        return _error("TransactionConflictException", request)
    reasons = [{"Code": "TransactionConflict", "Message": "a fault"}]
    reasons += [{"Code": "None"} for _ in request.uses[1:]]
    response: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": "a fault"},
        "CancellationReasons": reasons,
    }
    return ClientError(response, request.operation)
