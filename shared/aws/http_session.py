"""How the SDK's clients send their requests: over the connections of ``HttpPool``.

The SDK brings urllib3 for that, which takes more processor time than all that is needed here. See
docs/decisions/0041-the-sdk-sends-over-our-pool.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit, urlunsplit

from botocore.awsrequest import AWSResponse
from botocore.exceptions import HTTPClientError, ReadTimeoutError

from shared.aws.http_connection import Answer, Request
from shared.aws.http_pool import HttpPool

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.config import Config

IDLE_SECONDS = 60.0
"""The time after which a connection without a request is not used again. It is the time after which
the SDK for Java closes one."""


class HttpSession:
    """Takes the place of the SDK's ``URLLib3Session`` in a client with the given configuration.

    A client mostly has one endpoint, and so one pool.
    """

    def __init__(self, config: Config) -> None:
        self._config: Any = config
        self._pools: dict[str, HttpPool] = {}

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """Send a request, and return its answer.

        Raises ``HTTPClientError`` if there is none. The SDK makes the request again then, as often
        as its configuration allows. After a ``ReadTimeoutError`` it does so less often.
        """
        url = urlsplit(request.url)
        pool = self.pool(f"{url.scheme}://{url.netloc}")
        ((_, outcome),) = pool.send([request], _request)
        if not isinstance(outcome, Answer):
            kind = ReadTimeoutError if isinstance(outcome, TimeoutError) else HTTPClientError
            raise kind(request=request, endpoint_url=request.url, error=outcome) from outcome
        headers: Any = outcome.headers
        return AWSResponse(request.url, outcome.status, headers, _Body(outcome.body))

    def pool(self, url: str) -> HttpPool:
        """Return the connections to a server, whose URL has no path."""
        pool = self._pools.get(url)
        if pool is None:
            made = HttpPool(
                url,
                most=self._config.max_pool_connections,
                connect_seconds=self._config.connect_timeout,
                answer_seconds=self._config.read_timeout,
                idle_seconds=IDLE_SECONDS,
            )
            pool = self._pools.setdefault(url, made)
        return pool

    def close(self) -> None:
        """Close all connections that have no request under way."""
        for pool in self._pools.values():
            pool.close_idle()


def _request(request: AWSPreparedRequest) -> Request:
    url, body = urlsplit(request.url), cast("bytes | str | None", request.body) or b""
    headers = cast("Mapping[str, str | bytes]", request.headers)
    target = urlunsplit(("", "", url.path or "/", url.query, ""))
    content = body.encode() if isinstance(body, str) else body
    return Request(request.method, target, content, headers)


class _Body(BytesIO):
    """The body of an answer in the form in which the SDK reads it."""

    def stream(self) -> Iterator[bytes]:
        """Yield the body, in one piece."""
        yield self.getvalue()
