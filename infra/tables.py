"""The DynamoDB tables, one row each, with keys, streams and expiry.

Their capacity is on demand, because real-time load has no base line to provision for.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from functions.products import REGISTRY
from infra.nag import acknowledge
from infra.settings import StackSettings
from shared.pipeline.deployment import IndexSpec, Stream, TableSpec

EXPIRES_AT = "expiresAt"

STACK = (
    TableSpec(
        "connections",
        "connectionId",
        expires=True,
        stream=Stream.BOTH,
        indexes=(IndexSpec("due", "dueShard", "dueAt", keys_only=True, sort_by_number=True),),
    ),
    TableSpec("mailboxes", "connectionId", expires=True, backed_up=False),
    TableSpec("rooms", "room", "connectionId", expires=True),
    TableSpec("recovery", "log", "offset", expires=True, backed_up=False),
    TableSpec("people", "person", stream=Stream.BOTH),
    TableSpec(
        "accounts",
        "id",
        indexes=(
            IndexSpec("listed", "listed", "id"),
            IndexSpec("named", "initial", "named", keys_only=True),
        ),
    ),
    TableSpec(
        "calls",
        "callerId",
        "callId",
        stream=Stream.NEW,
        indexes=(IndexSpec("callee", "calleeId", "callId"),),
    ),
    TableSpec("audit", "log", "entryId", indexes=(IndexSpec("subject", "subjectId", "entryId"),)),
    TableSpec("counts", "name", expires=True),
    TableSpec("limits", "key", expires=True),
)
"""The tables of ``shared``, which all products use."""

ALL_TABLES = (*STACK, *(table for product in REGISTRY.products for table in product.tables))
"""The tables of every stack, and those of features that are off until they are set."""

TABLES = tuple(row for row in ALL_TABLES if not row.only_with)
"""The tables of every stack."""


def made_with(settings: StackSettings) -> tuple[TableSpec, ...]:
    """Return the tables of a stack with these settings."""
    return tuple(row for row in ALL_TABLES if not row.only_with or settings.is_on(row.only_with))


def make_tables(scope: Construct, settings: StackSettings) -> dict[str, dynamodb.Table]:
    """Make all tables, and return them by name.

    In production neither a deployment nor ``cdk destroy`` deletes a table.
    """
    group = Construct(scope, "Tables")
    return {row.name: _make(group, row, keep=settings.is_production) for row in made_with(settings)}


def _make(scope: Construct, row: TableSpec, *, keep: bool) -> dynamodb.Table:
    table = dynamodb.Table(
        scope,
        row.name.capitalize(),
        partition_key=_string(row.key),
        sort_key=_string(row.sort_key) if row.sort_key else None,
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        encryption=dynamodb.TableEncryption.AWS_MANAGED,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=row.backed_up
        ),
        time_to_live_attribute=EXPIRES_AT if row.expires else None,
        stream=dynamodb.StreamViewType(row.stream.value) if row.stream else None,
        deletion_protection=keep,
        removal_policy=cdk.RemovalPolicy.RETAIN if keep else cdk.RemovalPolicy.DESTROY,
    )
    if not row.backed_up:
        acknowledge(table, {"DDB3": "Rows live for minutes, and may hold a token."})
    for index in row.indexes:
        table.add_global_secondary_index(
            index_name=index.name,
            partition_key=_string(index.key),
            sort_key=_number(index.sort_key) if index.sort_by_number else _string(index.sort_key),
            projection_type=dynamodb.ProjectionType(index.projection),
        )
    return table


def _number(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.NUMBER)


def _string(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
