"""API Gateway's ``@connections``, which sends frames to clients, one request per recipient.

These posts are the most frequent requests of all. They are made without the SDK's client, which
spends most of its time on work that is not needed here: see
docs/decisions/0010-posts-without-the-client.md.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from functools import partial
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from shared.aws import traces
from shared.aws.http_connection import Answer, Request
from shared.aws.http_pool import HttpPool, Outcome
from shared.aws.metrics import Metric, count
from shared.aws.retry import pause
from shared.aws.signing import Signer
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.ports import Post

BODY_SHOWN = 500
"""How many bytes of a refusal are logged. A refused right is named within them."""


PART = 1_000
"""How many posts are taken at a time."""


class PostFailed(Exception):
    """API Gateway has refused or not answered a request to a connection that may still exist."""


class PostRefused(PostFailed):
    """API Gateway has refused a request for a reason that another attempt does not change."""


class ManagedConnections:
    """The ``Connections`` port on API Gateway."""

    def __init__(self, values: Settings) -> None:
        url = urlsplit(values.connections_url)
        self._path = url.path.rstrip("/")
        self._settings = values
        self._signer = Signer("execute-api", values.aws_region, url.netloc)
        self._pool = HttpPool(
            values.connections_url,
            most=values.posts_at_once,
            connect_seconds=values.post_connect_seconds,
            answer_seconds=values.post_timeout_seconds,
            idle_seconds=values.post_idle_seconds,
        )

    def post(self, connection_id: str, frame: str) -> bool:
        """Send a text frame.

        Returns False if the connection is gone or not open yet. Raises ``PostFailed``.
        """
        return self._one("POST", connection_id, frame)

    def post_all(self, posts: Iterable[Post]) -> Iterator[tuple[Post, bool | Exception]]:
        """Send many frames at the same time, in no order.

        Yields every post with what ``post`` would return, or with the exception it would raise.
        """
        return self._ask("POST", posts)

    def exists(self, connection_id: str) -> bool:
        """Return whether API Gateway has the connection. Raises ``PostFailed``."""
        return self._one("GET", connection_id)

    def close(self, connection_id: str) -> None:
        """Close the connection from the server's side. Idempotent. Raises ``PostFailed``."""
        self._one("DELETE", connection_id)

    def _one(self, method: str, connection_id: str, frame: str = "") -> bool:
        """Make one request; return whether the connection exists. Raises ``PostFailed``."""
        ((_, result),) = self._ask(method, [(connection_id, frame)])
        if isinstance(result, Exception):
            raise result
        return result

    def _ask(self, method: str, posts: Iterable[Post]) -> Iterator[tuple[Post, bool | Exception]]:
        """Make a request for each post; yield each post with its result.

        The invocation's trace shows how long they have taken together, and how many they were.
        """
        with traces.subsegment("@connections") as counted:
            for post, result in self._attempts(method, posts):
                counted["requests"] += 1
                counted["gone"] += result is False
                counted["failed"] += isinstance(result, Exception)
                yield post, result

    def _attempts(
        self, method: str, posts: Iterable[Post]
    ) -> Iterator[tuple[Post, bool | Exception]]:
        """Make a request for each post; yield each post with its result.

        While the next posts are awaited, no request is under way: a broadcast may wait there until
        its budget has room. A request whose failure may be temporary is made again after all others
        and a pause. A usual reason is that API Gateway throttles.
        """
        values, until = self._settings, float("inf")
        for attempt in itertools.count(1):
            again: list[Post] = []
            for post, outcome in self._send(method, posts):
                if _is_temporary(outcome, attempt) and monotonic() < until:
                    again.append(post)
                else:
                    yield post, _result(method, outcome)
            if not again:
                return
            until = min(until, monotonic() + values.post_retry_seconds)
            pause(attempt, first=values.post_pause_seconds, longest=values.post_pause_most_seconds)
            posts = again

    def _send(self, method: str, posts: Iterable[Post]) -> Iterator[tuple[Post, Outcome]]:
        waiting = iter(posts)
        while part := list(itertools.islice(waiting, PART)):
            yield from self._pool.send(part, partial(self._request, method))

    def _request(self, method: str, post: Post) -> Request:
        connection_id, frame = post
        path, body = f"{self._path}/@connections/{quote(connection_id, safe='')}", frame.encode()
        return Request(method, path, body, self._signer.headers(method, path, body))


def _is_temporary(outcome: Outcome, attempt: int) -> bool:
    """Return whether another attempt may succeed; count throttled posts.

    A 403 is believed only the second time. It usually means that a right is missing, but also that
    credentials or a connection were not known everywhere yet.
    """
    if not isinstance(outcome, Answer):
        return True
    if outcome.status == HTTPStatus.TOO_MANY_REQUESTS:
        count(Metric.POSTS_THROTTLED)
    return _may_pass(outcome) or (outcome.status == HTTPStatus.FORBIDDEN and attempt == 1)


def _may_pass(answer: Answer) -> bool:
    """Return whether an answer is an error that may pass by itself."""
    throttled = answer.status == HTTPStatus.TOO_MANY_REQUESTS
    return throttled or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _result(method: str, outcome: Outcome) -> bool | Exception:
    """Return whether the connection exists, or ``PostFailed`` if that is not known."""
    if not isinstance(outcome, Answer):
        return PostFailed(f"{method}: {outcome!r}")
    if outcome.status == HTTPStatus.GONE:
        return False
    if outcome.status >= HTTPStatus.BAD_REQUEST:
        kind = PostFailed if _may_pass(outcome) else PostRefused
        return kind(f"{method} {outcome.status}: {outcome.body[:BODY_SHOWN]!r}")
    return True
