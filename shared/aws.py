"""Requests to AWS services, tuned for short answers to a Lambda.

What every event needs goes straight from a dict to a signed request (``Service``): the SDK's client
takes tens of milliseconds of a cold start to make, and ten times the processor time to use, see
docs/decisions/0010-requests-without-the-sdk.md. For everything else there is ``client``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import ClientError, HTTPClientError

from shared.settings import settings
from shared.signing import Signer, current_credentials
from shared.wire import Answer, Origin, Patience, Unreachable

if TYPE_CHECKING:
    import boto3

THROTTLED = frozenset(
    {
        "ThrottlingException",
        "Throttling",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "ProvisionedThroughputExceededException",
        "LimitExceededException",
    }
)
"""https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html"""


class Service:
    """A service that speaks AWS JSON: one path, the operation in a header.

    https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
    """

    def __init__(
        self,
        name: str,
        target: str,
        *,
        host: str = "",
        version: str = "1.0",
        patience: Patience | None = None,
    ) -> None:
        """``target``: what the header says before the operation; ``host``: where the name in the
        host is not the SDK's."""
        self._target = target
        self._type = f"application/x-amz-json-{version}"
        self._origin = Origin(endpoint(name, host or name), patience)
        self._signer = Signer(host or name, settings().aws_region)

    def call(self, operation: str, request: Mapping[str, Any]) -> Any:
        """The answer; bytes go as base64. Raises ``ClientError`` where the service refuses, and
        ``HTTPClientError`` where it does not answer, as the SDK does."""
        headers = {
            "content-type": self._type,
            "host": self._origin.netloc,
            "x-amz-target": f"{self._target}.{operation}",
        }
        return _outcome(operation, self._send("/", headers, msgspec.json.encode(request)))

    def post(self, path: str, headers: Mapping[str, str], body: bytes) -> None:
        """A request of a service that has paths. Raises as ``call`` does."""
        headers = {"host": self._origin.netloc, **headers}
        _outcome(path, self._send(path, headers, body))

    def _send(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            return self._origin.send(
                "POST",
                path,
                lambda: self._signer.sign(current_credentials(), "POST", path, headers, body),
                body,
                _again,
            )
        except Unreachable as error:
            raise HTTPClientError(error=error) from error


def endpoint(service: str, host: str) -> str:
    """Where a service is: as the environment says, or in this region. ``service`` is the SDK's name
    for it. https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html"""
    own = f"AWS_ENDPOINT_URL_{service.upper()}"
    region = settings().aws_region
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    given = os.environ.get(own) or os.environ.get("AWS_ENDPOINT_URL")
    return given or f"https://{host}.{region}.{domain}"


def _again(answer: Answer) -> bool:
    return (
        answer.status >= 500
        or answer.status == 429
        or (answer.status == 400 and _code(_body(answer)) in THROTTLED)
    )


def _outcome(operation: str, answer: Answer) -> Any:
    body = _body(answer)
    if answer.status < 300:
        return body
    error = {
        "Code": _code(body) or str(answer.status),
        "Message": body.get("message") or body.get("Message") or "",
    }
    metadata = {
        "HTTPStatusCode": answer.status,
        "HTTPHeaders": {"x-amzn-requestid": answer.request_id},
    }
    response: Any = {**body, "Error": error, "ResponseMetadata": metadata}
    raise ClientError(response, operation)


def _body(answer: Answer) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _code(body: Mapping[str, Any]) -> str:
    """``com.amazonaws.dynamodb.v20120810#ThrottlingException`` and the like."""
    return str(body.get("__type") or body.get("code") or "").rpartition("#")[2]


class DynamoDB(Service):
    """In the place of the SDK's client in pynamodb, which uses nothing but this of it. Binary
    attributes would come back as base64: there are none."""

    _request_signer = None

    def __init__(self) -> None:
        super().__init__("dynamodb", "DynamoDB_20120810")

    def _make_api_call(self, operation: str, request: Mapping[str, Any]) -> Any:
        return self.call(operation, request)


@cache
def dynamodb() -> DynamoDB:
    return DynamoDB()


@cache
def session() -> boto3.session.Session:
    import boto3  # noqa: PLC0415 - hardly anybody needs it

    return boto3.session.Session()


@cache
def client(service: str) -> Any:
    """The SDK's own client for a service, one a process."""
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        connect_timeout=2,
        read_timeout=5,
        parameter_validation=False,
        retries={"mode": "standard", "total_max_attempts": 4},
    )
    return session().client(service, config=config)  # type: ignore[call-overload]
