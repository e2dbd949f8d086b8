"""The records of a DynamoDB stream."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any] | None
"""A row in DynamoDB's form (``{"S": …}``), or None if there is no such row."""


def images(record: dict[str, Any]) -> tuple[Row, Row]:
    """Return the row before and after the change."""
    change = record["dynamodb"]
    return change.get("OldImage"), change.get("NewImage")


def moment_ms(records: list[dict[str, Any]]) -> int:
    """Return when the batch began, in epoch milliseconds.

    It is the same however late the batch is delivered: a transaction that is repeated under the
    batch's token must write the same values.
    """
    return int(records[0]["dynamodb"]["ApproximateCreationDateTime"] * 1000)


def token(records: list[dict[str, Any]]) -> str:
    """Return 36 characters that identify this batch."""
    text = "\n".join(record["eventID"] for record in records)
    return hashlib.sha256(text.encode()).hexdigest()[:36]
