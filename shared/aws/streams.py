"""What the records of a DynamoDB stream say, for whoever follows one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any] | None


def images(record: dict[str, Any]) -> tuple[Row, Row]:
    change = record["dynamodb"]
    return change.get("OldImage"), change.get("NewImage")


def moment_ms(records: list[dict[str, Any]]) -> int:
    """When the batch began: the same however late it is handed in, as the token demands."""
    return int(records[0]["dynamodb"]["ApproximateCreationDateTime"] * 1000)


def token(records: list[dict[str, Any]]) -> str:
    """36 characters that this batch has and no other."""
    text = "\n".join(record["eventID"] for record in records)
    return hashlib.sha256(text.encode()).hexdigest()[:36]
