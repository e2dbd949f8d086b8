"""Structured logs, each line with the id of what began it.

Whatever begins something has an id: a request at API Gateway, an event of a team's own systems,
the invocation of a schedule or of a stream. Everything that follows from it logs under the same
``correlation_id``, in whichever function: ``shared/aws/adapters.py`` sends the id along with all
work that it hands on, ``shared/aws/lambda_entry.py`` takes it up. It is never a request of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from aws_lambda_powertools import Logger

CORRELATION_ID = "correlationId"
"""Under this name it travels: in an asynchronous invocation's payload, in the ring timer's input,
in the attributes of a message of SQS."""

ON_THE_BUS = "correlation:"
"""Before the id among ``resources``, the one field of an EventBridge event that takes it.
https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html"""

UNKNOWN = "unknown"
"""Where nothing began: a script."""

logger = Logger(service="switchboard", log_uncaught_exceptions=False)


def set_correlation_id(correlation_id: str) -> None:
    """What is logged from here on, in any thread, follows from ``correlation_id``."""
    logger.append_keys(correlation_id=correlation_id, event_name=None)


def set_event_name(event_name: str) -> None:
    """Name the event that this invocation handles: a known one, since what clients write is not
    for the log."""
    logger.append_keys(event_name=event_name)


def correlation_id() -> str:
    """Never empty, which a message attribute may not be."""
    return logger.get_correlation_id() or UNKNOWN


def causes(event: Mapping[str, Any], context: Any) -> list[str]:
    """The ids an invocation follows from: of every message of a batch, else a single one.

    Records of a stream carry no id: what follows from them begins with the invocation.
    """
    messages = [of_message(one) for one in event.get("Records", ()) if "messageId" in one]
    request = event.get("requestContext") or {}
    own = request.get("requestId") or event.get(CORRELATION_ID)
    return messages or [own or context.aws_request_id]


def of_message(record: Mapping[str, Any]) -> str:
    """Of a message of SQS as Lambda hands it over; its own id where the sender gave none."""
    attribute = record.get("messageAttributes", {}).get(CORRELATION_ID)
    if attribute is not None:
        return str(attribute["stringValue"])
    return _on_the_bus(record["body"]) or str(record["messageId"])


class _BusEvent(msgspec.Struct):
    id: str
    resources: list[str]


def _on_the_bus(body: str) -> str | None:
    try:
        event = msgspec.json.decode(body, type=_BusEvent)
    except msgspec.DecodeError:
        return None
    given = (one for one in event.resources if one.startswith(ON_THE_BUS))
    return next(given, event.id).removeprefix(ON_THE_BUS)
