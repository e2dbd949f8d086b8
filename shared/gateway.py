"""API Gateway's ``@connections``: what posts to clients, one request a recipient.

A post is the most frequent request of all, and the SDK's client spends most of its time around the
signature, which is all that is needed of it here. Signature and credentials are the SDK's, but for
what it works out anew of requests that have all one shape; connections and retries are urllib3's:
see docs/decisions/0010-posts-without-the-client.md.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from __future__ import annotations

import time
from functools import cached_property
from hashlib import sha256
from http import HTTPStatus
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
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
        url = values.connections_url
        self._host, self._path = urlsplit(url).netloc, urlsplit(url).path.rstrip("/")
        self._region = values.aws_region
        self._pool = connection_from_url(
            url,
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
        path = f"{self._path}/@connections/{quote(connection_id, safe='')}"
        headers = self._signed(method, path, body)
        answer = self._pool.urlopen(method, path, body=body, headers=headers)
        before = answer.retries.history if answer.retries else ()
        statuses = [*(one.status for one in before), answer.status]
        if throttled := statuses.count(HTTPStatus.TOO_MANY_REQUESTS):
            count(Metric.POSTS_THROTTLED, throttled)
        if answer.status == HTTPStatus.GONE:
            return False
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise PostFailed(f"{method} {answer.status}: {answer.data[:200]!r}")
        return True

    def _signed(self, method: str, path: str, body: bytes) -> dict[str, str]:
        """The headers of a request. The canonical request is put together here: a path that is
        encoded once more, no query, three headers at most.
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
        """
        credentials = self._credentials.get_frozen_credentials()
        now = time.strftime(SIGV4_TIMESTAMP, time.gmtime())
        headers = {"host": self._host, "x-amz-date": now}
        if credentials.token:
            headers["x-amz-security-token"] = credentials.token
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        names, digest = ";".join(headers), sha256(body).hexdigest()
        canonical = f"{method}\n{quote(path, safe='/~')}\n\n{lines}\n{names}\n{digest}"
        signer = SigV4Auth(credentials, "execute-api", self._region)
        request: Any = SimpleNamespace(context={"timestamp": now})
        signature = signer.signature(signer.string_to_sign(request, canonical), request)
        scope = f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}"
        headers["authorization"] = f"{scope}, SignedHeaders={names}, Signature={signature}"
        return headers

    @cached_property
    def _credentials(self) -> Credentials:
        """The SDK's, which renews them where they run out."""
        found = aws.session().get_credentials()
        if found is None:
            raise NoCredentialsError
        return found
