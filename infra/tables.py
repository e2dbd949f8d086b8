"""The tables: keys, streams and what expires, one row each.

On demand, because real-time load has no base line to provision for.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
"""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.settings import StackSettings

EXPIRES_AT = "expiresAt"
BOTH_IMAGES = dynamodb.StreamViewType.NEW_AND_OLD_IMAGES
NEW_IMAGE = dynamodb.StreamViewType.NEW_IMAGE


@dataclass(frozen=True)
class IndexRow:
    """A global secondary index. ``projection`` decides what each write to the table costs again."""

    name: str
    key: str
    sort_key: str
    projection: dynamodb.ProjectionType = dynamodb.ProjectionType.ALL
    sort_by_number: bool = False


@dataclass(frozen=True)
class TableRow:
    """A table called ``name``, whose name the functions find in ``<NAME>_TABLE``."""

    name: str
    key: str
    sort_key: str | None = None
    expires: bool = False
    stream: dynamodb.StreamViewType | None = None
    indexes: tuple[IndexRow, ...] = ()


TABLES = (
    TableRow(
        "connections",
        "connectionId",
        expires=True,
        stream=BOTH_IMAGES,
        indexes=(
            IndexRow(
                "due",
                "dueShard",
                "dueAt",
                projection=dynamodb.ProjectionType.KEYS_ONLY,
                sort_by_number=True,
            ),
        ),
    ),
    TableRow("rooms", "room", "connectionId", expires=True),
    TableRow("people", "person", stream=BOTH_IMAGES),
    TableRow("accounts", "id"),
    TableRow(
        "calls",
        "callerId",
        "callId",
        stream=NEW_IMAGE,
        indexes=(IndexRow("callee", "calleeId", "callId"),),
    ),
    TableRow("counts", "name", expires=True),
    TableRow("limits", "key", expires=True),
    TableRow("chat", "topic", "item", expires=True),
    TableRow(
        "messages",
        "channel",
        "messageId",
        indexes=(IndexRow("thread", "thread", "messageId"),),
    ),
    TableRow("bookings", "bookingId", stream=BOTH_IMAGES),
    TableRow("partners", "partnerId"),
    TableRow("booking_messages", "messageId"),
)


def make_tables(scope: Construct, settings: StackSettings) -> dict[str, dynamodb.Table]:
    """All tables by name. In production neither a deployment nor a ``destroy`` takes one away."""
    group = Construct(scope, "Tables")
    return {row.name: _make(group, row, keep=settings.is_production) for row in TABLES}


def _make(scope: Construct, row: TableRow, *, keep: bool) -> dynamodb.Table:
    table = dynamodb.Table(
        scope,
        row.name.capitalize(),
        partition_key=_string(row.key),
        sort_key=_string(row.sort_key) if row.sort_key else None,
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        encryption=dynamodb.TableEncryption.AWS_MANAGED,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        time_to_live_attribute=EXPIRES_AT if row.expires else None,
        stream=row.stream,
        deletion_protection=keep,
        removal_policy=cdk.RemovalPolicy.RETAIN if keep else cdk.RemovalPolicy.DESTROY,
    )
    for index in row.indexes:
        table.add_global_secondary_index(
            index_name=index.name,
            partition_key=_string(index.key),
            sort_key=_number(index.sort_key) if index.sort_by_number else _string(index.sort_key),
            projection_type=index.projection,
        )
    return table


def _number(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.NUMBER)


def _string(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
