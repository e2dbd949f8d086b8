"""API Gateway's ``@connections``: what posts to clients, one request a recipient.

A post is the most frequent request of all, so it goes without the SDK, whose client spends many
times the processor time on it: see docs/performance.md.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote, urlsplit

from shared.settings import Settings
from shared.signing import Signer, current_credentials
from shared.wire import Answer, Origin, Patience

REFUSALS = 8
"""Throttled posts back off for some seconds before the sender hears of it."""


class PostFailed(Exception):
    """API Gateway has refused a request to a connection that may well be there."""


class ManagedConnections:
    def __init__(self, values: Settings) -> None:
        patience = Patience(answer_seconds=values.post_timeout_seconds, refusals=REFUSALS)
        self._origin = Origin(values.connections_url, patience)
        self._path = urlsplit(values.connections_url).path.rstrip("/")
        self._signer = Signer("execute-api", values.aws_region)

    def post(self, connection_id: str, frame: str) -> bool:
        return self._there("POST", connection_id, frame.encode())

    def exists(self, connection_id: str) -> bool:
        return self._there("GET", connection_id)

    def close(self, connection_id: str) -> None:
        self._there("DELETE", connection_id)

    def _there(self, method: str, connection_id: str, body: bytes = b"") -> bool:
        """Whether the connection was there. Raises ``PostFailed``, ``Unreachable``."""
        path = f"{self._path}/@connections/{quote(connection_id, safe='')}"
        headers = {"host": self._origin.netloc}
        answer = self._origin.send(
            method,
            path,
            lambda: self._signer.sign(current_credentials(), method, path, headers, body),
            body,
            _again,
        )
        if answer.status == HTTPStatus.GONE:
            return False
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise PostFailed(f"{method} {answer.status}: {answer.body[:200]!r}")
        return True


def _again(answer: Answer) -> bool:
    return (
        answer.status == HTTPStatus.TOO_MANY_REQUESTS
        or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )
