"""API Gateway's ``@connections``: what posts to clients, one request a recipient.

A post is the most frequent request of all, and the SDK's client spends most of its time around the
signature, which is all that is needed of it here. The signature and the credentials are the SDK's,
connections and retries urllib3's: see docs/decisions/0010-posts-without-the-client.md.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from __future__ import annotations

from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError
from urllib3.connectionpool import connection_from_url
from urllib3.util import Retry, Timeout

from shared import aws
from shared.metrics import Metric, count
from shared.settings import Settings

if TYPE_CHECKING:
    from botocore.credentials import Credentials

ATTEMPTS = 8
"""Throttled posts back off for some seconds before the sender hears of it."""


class PostFailed(Exception):
    """API Gateway has refused a request to a connection that may well be there."""


class ManagedConnections:
    def __init__(self, values: Settings) -> None:
        self._url = values.connections_url
        self._path = urlsplit(self._url).path.rstrip("/")
        self._region = values.aws_region
        self._pool = connection_from_url(
            self._url,
            maxsize=values.post_threads + 1,  # the caller posts too
            timeout=Timeout(connect=2, read=values.post_timeout_seconds),
            retries=Retry(
                total=ATTEMPTS - 1,
                allowed_methods=None,
                status_forcelist=[HTTPStatus.TOO_MANY_REQUESTS, *range(500, 600)],
                backoff_factor=0.05,
                backoff_jitter=0.1,
                backoff_max=2,
                raise_on_status=False,
                redirect=False,
            ),
        )

    def post(self, connection_id: str, frame: str) -> bool:
        return self._there("POST", connection_id, frame.encode())

    def exists(self, connection_id: str) -> bool:
        return self._there("GET", connection_id)

    def close(self, connection_id: str) -> None:
        self._there("DELETE", connection_id)

    def _there(self, method: str, connection_id: str, body: bytes = b"") -> bool:
        """Whether the connection was there. Raises ``PostFailed`` and urllib3's ``HTTPError``."""
        path = f"/@connections/{quote(connection_id, safe='')}"
        request = AWSRequest(method, self._url + path, data=body)
        SigV4Auth(self._credentials.get_frozen_credentials(), "execute-api", self._region).add_auth(
            request
        )
        answer = self._pool.urlopen(
            method, self._path + path, body=body, headers=dict(request.headers.items())
        )
        before = answer.retries.history if answer.retries else ()
        statuses = [*(one.status for one in before), answer.status]
        if throttled := statuses.count(HTTPStatus.TOO_MANY_REQUESTS):
            count(Metric.POSTS_THROTTLED, throttled)
        if answer.status == HTTPStatus.GONE:
            return False
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise PostFailed(f"{method} {answer.status}: {answer.data[:200]!r}")
        return True

    @cached_property
    def _credentials(self) -> Credentials:
        """The SDK's, which renews them where they run out."""
        found = aws.session().get_credentials()
        if found is None:
            raise NoCredentialsError
        return found
