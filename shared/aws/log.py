"""Structured logs, each line with the id of its first cause.

A first cause is a request at API Gateway, an event of a team's own systems, or an invocation for a
schedule or a stream. All work that follows from it is logged under the same ``correlation_id``, in
every function: ``shared/aws/tasks.py`` sends the id along with the work that it hands over, and
``shared/aws/lambda_entry.py`` reads it. The id never takes a request of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from aws_lambda_powertools import Logger

CORRELATION_ID = "correlationId"
"""The field with the id in an asynchronous invocation's payload, in the ring timer's input and in
the attributes of a message of SQS."""

ON_THE_BUS = "correlation:"
"""The prefix of the id among ``resources``, the one field of an EventBridge event that can hold it.
https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html"""

_ID = re.compile(r"[!-~]{1,256}")
"""What an id looks like. A team's own systems may put any text among ``resources``, and a message
attribute takes neither an empty text nor every character."""

UNKNOWN = "unknown"
"""The id outside an invocation, as in a script."""

logger = Logger(service="switchboard", log_uncaught_exceptions=False)


def set_correlation_id(correlation_id: str) -> None:
    """Log under ``correlation_id`` from here on, in all threads, and forget the event's name."""
    logger.append_keys(correlation_id=correlation_id, event_name=None)


def set_event_name(event_name: str) -> None:
    """Add the name of the event that this invocation handles to the log.

    Pass names of known events only: text that clients write does not belong in the log.
    """
    logger.append_keys(event_name=event_name)


def correlation_id() -> str:
    """Return the current id. It is never empty, because a message attribute may not be empty."""
    return logger.get_correlation_id() or UNKNOWN


def causes(event: Mapping[str, Any], context: Any) -> list[str]:
    """Return the correlation ids of an invocation: one per message of a batch, else a single one.

    Records of a stream carry no id. For them the invocation's own id is the first cause.
    """
    messages = [of_message(one) for one in event.get("Records", ()) if "messageId" in one]
    request = event.get("requestContext") or {}
    own = request.get("requestId") or event.get(CORRELATION_ID)
    return messages or [own or context.aws_request_id]


def of_message(record: Mapping[str, Any]) -> str:
    """Return the correlation id of an SQS message in Lambda's form.

    Returns the message's own id if the sender gave none.
    """
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
    given = (one.removeprefix(ON_THE_BUS) for one in event.resources if one.startswith(ON_THE_BUS))
    return next((one for one in (*given, event.id) if _ID.fullmatch(one)), None)
