"""Makes the Lambda functions of ``infra/functions.py``, with their roles and event sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.build import PACKAGES
from infra.bundle import function_code, make_layers
from infra.functions import READ_QUEUES, SEND_UNPUBLISHED, made_with
from infra.logs import make_log_group
from infra.nag import acknowledge
from infra.resources import ALIAS, Resources
from infra.settings import StackSettings
from shared.pipeline.deployment import FunctionSpec

STREAM_RETRIES = 10
STREAM_BATCH = 100
STREAM_FILTERS = {
    # Pings and their answers modify a connection's row all the time. Only inserted and removed rows
    # change what is counted.
    "connections": [
        lambda_.FilterCriteria.filter({"eventName": lambda_.FilterRule.or_("INSERT", "REMOVE")})
    ],
    # Messages are delivered once, calls counted once. Bookings' messages are marked as read later,
    # and LiveKit may report of a call that is over.
    **{
        table: [lambda_.FilterCriteria.filter({"eventName": lambda_.FilterRule.is_equal("INSERT")})]
        for table in ("calls", "messages", "booking_messages")
    },
}
"""The records of a table's stream for which functions are invoked. The others cost nothing."""


def stream_filters(row: FunctionSpec, table: str) -> list[Mapping[str, Any]] | None:
    """Return the filters of a function's event source. Returns None if every record passes."""
    if rows := row.only_rows.get(table):
        begins = lambda_.FilterRule.begins_with
        keys = [{one.name: {"S": begins(one.beginning)}} for one in rows]
        return [lambda_.FilterCriteria.filter({"dynamodb": {"Keys": key}}) for key in keys]
    return STREAM_FILTERS.get(table)


def _names(queues: Mapping[str, sqs.Queue]) -> str:
    """Return the names of queues as the setting ``dead_letters`` has them."""
    return " ".join(f"{name}={queue.queue_name}" for name, queue in queues.items())


class Functions(NamedTuple):
    """The functions by name.

    made: the functions themselves.
    invoked: what callers invoke, the function or its alias.
    """

    made: dict[str, lambda_.Function]
    invoked: dict[str, lambda_.IFunction]


def make_functions(scope: Construct, settings: StackSettings, resources: Resources) -> Functions:
    """Make all functions with their roles, logs and event sources."""
    code = function_code(settings)
    made_layers = make_layers(scope, settings)
    functions = Functions({}, {})
    for row in made_with(settings):
        layers = [made_layers[name] for name in (PACKAGES, *row.layers) if name in made_layers]
        function = _make(scope, settings, row, resources, code=code, layers=layers)
        invoked = function.add_alias(ALIAS) if settings.snap_start and row.awaited else function
        _connect_sources(scope, settings, row, resources, invoked)
        functions.made[row.name], functions.invoked[row.name] = function, invoked
    return functions


def _make(
    scope: Construct,
    settings: StackSettings,
    row: FunctionSpec,
    resources: Resources,
    *,
    code: lambda_.Code,
    layers: list[lambda_.LayerVersion],
) -> lambda_.Function:
    id_ = row.name.title().replace("-", "")
    name = settings.name(row.name)
    log = make_log_group(scope, f"{id_}Log", settings, f"/aws/lambda/{name}")
    role = iam.Role(scope, f"{id_}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    log.grant_write(role)
    for statement in resources.statements(row):
        role.add_to_policy(statement)
    function = lambda_.Function(
        scope,
        f"{id_}Function",
        function_name=name,
        handler=row.handler,
        code=code,
        layers=layers,
        runtime=lambda_.Runtime.PYTHON_3_13,
        architecture=lambda_.Architecture.ARM_64,
        memory_size=row.memory_mb,
        timeout=cdk.Duration.seconds(row.timeout_seconds),
        environment={
            **resources.environment,
            **({"EDGE_KEY": resources.edge_key} if row.behind_edge else {}),
            **(
                {"DEAD_LETTERS": _names(resources.failed)}
                if READ_QUEUES in row.access.may.split()
                else {}
            ),
            **(
                {"UNPUBLISHED_QUEUE_URL": resources.failed[row.name].queue_url}
                if SEND_UNPUBLISHED in row.access.may.split()
                else {}
            ),
        },
        role=role,
        log_group=log,
        tracing=lambda_.Tracing.ACTIVE if settings.traces else lambda_.Tracing.DISABLED,
        reserved_concurrent_executions=(row.reserved and getattr(settings, row.reserved)) or None,
        snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS
        if settings.snap_start and row.awaited
        else None,
    )
    _acknowledge(function, role, row, resources, settings)
    return function


def _connect_sources(
    scope: Construct,
    settings: StackSettings,
    row: FunctionSpec,
    resources: Resources,
    function: lambda_.IFunction,
) -> None:
    """Connect a function to everything that invokes it without waiting for it.

    Each source ends its retries at some time.
    """
    if row.asynchronous:
        function.configure_async_invoke(
            retry_attempts=row.asynchronous.retries,
            max_event_age=cdk.Duration.seconds(row.asynchronous.max_age_seconds),
            on_failure=destinations.SqsDestination(resources.failed[row.name]),
        )
    if row.every_minute:
        _schedule(scope, row.name, function, settings.sweep_parts)
    if row.streams:
        for table in row.streams:
            function.add_event_source(
                sources.DynamoEventSource(
                    resources.tables[table],
                    starting_position=lambda_.StartingPosition.TRIM_HORIZON,
                    batch_size=STREAM_BATCH,
                    filters=stream_filters(row, table),
                    max_batching_window=cdk.Duration.seconds(settings.stream_window_seconds),
                    bisect_batch_on_error=True,
                    report_batch_item_failures=True,
                    retry_attempts=None if row.until_expired else STREAM_RETRIES,
                    on_failure=sources.SqsDlq(resources.failed[row.name]),
                )
            )
    if row.takes:
        function.add_event_source(
            sources.SqsEventSource(
                resources.queues[row.takes],
                batch_size=row.batch,
                max_concurrency=row.at_once,
                report_batch_item_failures=True,
            )
        )


def _schedule(scope: Construct, name: str, function: lambda_.IFunction, parts: int) -> None:
    """Invoke a function every minute, once for each part."""
    events.Rule(
        scope,
        f"{name.title()}Schedule",
        schedule=events.Schedule.rate(cdk.Duration.minutes(1)),
        targets=[
            targets.LambdaFunction(
                function,
                event=events.RuleTargetInput.from_object({"part": part, "parts": parts}),
                retry_attempts=1,
                max_event_age=cdk.Duration.seconds(60),
            )
            for part in range(parts)
        ],
    )


def _acknowledge(
    function: lambda_.Function,
    role: iam.Role,
    row: FunctionSpec,
    resources: Resources,
    settings: StackSettings,
) -> None:
    acknowledge(
        function,
        {"L1": "The layer's wheels are for 3.13; all functions move to a newer one at once."},
    )
    reasons = []
    if settings.traces:
        reasons.append("X-Ray's PutTraceSegments and PutTelemetryRecords")
    if row.streams:
        reasons.append("DynamoDB's ListStreams, which the event sources need,")
    if reasons:
        acknowledge(role, {"IAM5[Resource::*]": f"{' and '.join(reasons)} take no resource."})
    for name in row.access.may.split():
        if name in resources.grants:
            acknowledge(role, resources.grants[name].accepted)
