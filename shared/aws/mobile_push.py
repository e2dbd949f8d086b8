"""Amazon SNS mobile push: the endpoints of devices, and pushes to them.

An endpoint belongs to a platform application, which has the credentials for Apple or Google.
https://docs.aws.amazon.com/sns/latest/dg/sns-mobile-application-as-subscriber.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from shared.aws import clients

_EXISTS = re.compile(r"Endpoint (arn:\S+) already exists")
_GONE = ("EndpointDisabled", "EndpointDisabledException", "NotFound", "NotFoundException")
_INVALID = ("InvalidParameter", "InvalidParameterException")


class EndpointGone(Exception):
    """Apple or Google do not know the device's token any longer, or SNS does not know the
    endpoint."""


class TokenRefused(ValueError):
    """SNS takes no such token."""


def platform_of(application: str) -> str:
    """Return the platform in the ARN of a platform application, as SNS calls it: ``GCM``."""
    return application.split("/")[1]


def create_endpoint(application: str, token: str) -> str:
    """Return the ARN of the endpoint of a token, which is enabled. Idempotent.

    Raises ``TokenRefused``. The SDK's errors pass.
    https://docs.aws.amazon.com/sns/latest/dg/mobile-platform-endpoint.html
    """
    sns = clients.client("sns")
    try:
        answer = sns.create_platform_endpoint(PlatformApplicationArn=application, Token=token)
        endpoint: str = answer["EndpointArn"]
    except ClientError as error:
        if _code(error) not in _INVALID:
            raise
        found = _EXISTS.search(_text(error))
        if found is None:
            raise TokenRefused(_text(error)) from error
        endpoint = found[1]
    # An endpoint that exists may have been disabled.
    attributes = {"Token": token, "Enabled": "true"}
    sns.set_endpoint_attributes(EndpointArn=endpoint, Attributes=attributes)
    return endpoint


def delete_endpoint(endpoint: str) -> None:
    """Delete an endpoint. Idempotent."""
    with suppress(ClientError):  # what is left costs nothing, and is never used
        clients.client("sns").delete_endpoint(EndpointArn=endpoint)


def publish(endpoint: str, message: str, attributes: Mapping[str, str]) -> None:
    """Push to a device.

    message: the payloads by platform, as JSON.
    attributes: SNS's own attributes of mobile pushes, by name.

    Raises ``EndpointGone``. Other errors of the SDK pass.
    """
    values: dict[str, Any] = {
        name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
    }
    try:
        clients.client("sns").publish(
            TargetArn=endpoint,
            Message=message,
            MessageStructure="json",
            MessageAttributes=values,
        )
    except ClientError as error:
        code = _code(error)
        if code in _GONE or (code in _INVALID and "TargetArn" in _text(error)):
            raise EndpointGone(endpoint) from error
        raise


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))


def _text(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Message"))
