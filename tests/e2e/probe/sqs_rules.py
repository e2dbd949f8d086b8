"""What SQS takes, as its documentation says it. The emulator and the simulation take anything.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

MOST_BYTES = 256 * 1024

_TEXT = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")
_ORDER_ID = re.compile("[!-~]{1,128}")
_NAME = re.compile(r"[\w.-]{1,256}", re.ASCII)


def check(message: dict[str, Any]) -> None:
    """Check the arguments of ``SendMessage``. Raises the ``ClientError`` with which SQS refuses."""
    body = message["MessageBody"]
    attributes = message.get("MessageAttributes", {})
    if not _TEXT.fullmatch(body):
        raise _refusal("InvalidMessageContents", "Invalid characters were found in the message")
    size = len(body.encode())
    for name, attribute in attributes.items():
        value = attribute["StringValue"]
        if not _NAME.fullmatch(name) or not _TEXT.fullmatch(value):
            raise _refusal("InvalidParameterValue", f"attribute {name!r} has no valid value")
        size += len(name) + len(attribute["DataType"]) + len(value.encode())
    if size > MOST_BYTES:
        raise _refusal("InvalidParameterValue", f"message of {size} bytes")
    for name in ("MessageGroupId", "MessageDeduplicationId"):
        if name in message and not _ORDER_ID.fullmatch(message[name]):
            raise _refusal("InvalidParameterValue", f"{name} is {message[name]!r}")


def install(module: Any) -> None:
    """Check every message that the SDK's clients send. ``module`` is ``botocore.client``."""
    original: Callable[..., Any] = module.BaseClient._make_api_call

    def make_api_call(client: Any, operation: str, request: dict[str, Any]) -> Any:
        if operation == "SendMessage":
            check(request)
        elif operation == "SendMessageBatch":
            for entry in request["Entries"]:
                check(entry)
        return original(client, operation, request)

    module.BaseClient._make_api_call = make_api_call


def _refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "SendMessage")
