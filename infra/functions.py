"""The functions: one table of what each may touch and how it is called, and one way to make them.

A role holds what its row says and nothing else. ``TransactWriteItems`` is authorised by the actions
of its parts (PutItem, UpdateItem, DeleteItem, ConditionCheckItem), so it is not named here:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.bundle import KEYS, LIVEKIT, PACKAGES, function_code, make_layers
from infra.logs import make_log_group
from infra.nag import acknowledge
from infra.queues import make_dead_letters
from infra.settings import StackSettings

ALIAS = "live"
"""Of the version that a snapshot was taken of: there is none of what is not published."""

STREAM_RETRIES = 10
QUEUE_BATCH = 10
STREAM_BATCH = 100
STREAM_FILTERS = {
    # Pings and their answers change a connection's row all the time, and nothing that is counted.
    "connections": [
        lambda_.FilterCriteria.filter({"eventName": lambda_.FilterRule.or_("INSERT", "REMOVE")})
    ]
}
"""By table: what of its stream is handed on. What is not costs nothing."""


@dataclass(frozen=True)
class Asynchronous:
    """How an event is tried again before it goes to the function's dead-letter queue.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html
    """

    retries: int
    max_age_seconds: int


@dataclass(frozen=True)
class Row:
    """A function: its handler, its limits, and everything it may touch.

    ``tables``: actions by table, or by ``table/index``. ``may`` names grants of
    ``Resources.grants``, ``takes`` the queue it reads, ``batch`` how many messages at a time,
    ``layers`` what it needs beside the one that all have. ``at_once``: how many take from its queue
    at a time, so that a full one leaves the others room. ``awaited``: somebody waits for it, so it
    starts from a snapshot where that is set. ``reserved``: the setting that says how many there may
    be at a time.
    """

    name: str
    handler: str
    tables: Mapping[str, str] = field(default_factory=dict)
    may: str = ""
    timeout_seconds: int = 10
    memory_mb: int = 512
    asynchronous: Asynchronous | None = None
    streams: tuple[str, ...] = ()
    takes: str = ""
    batch: int = QUEUE_BATCH
    at_once: int | None = None
    layers: tuple[str, ...] = ()
    every_minute: bool = False
    awaited: bool = False
    reserved: str = ""


FUNCTIONS = (
    Row(
        "connect",
        "functions.connect.main.handler",
        {"accounts": "GetItem", "connections": "PutItem", "limits": "UpdateItem"},
        may="read-secret invoke-opener",
        layers=(KEYS,),
        awaited=True,
    ),
    Row(
        "opener",
        "functions.opener.main.handler",
        {
            "connections": "ConditionCheckItem UpdateItem",
            "people": "UpdateItem",
            "rooms": "PutItem",
        },
        may="post invoke-disconnect send-deadline",
        timeout_seconds=25,  # longer than it tries to post (opening_retry_seconds)
        asynchronous=Asynchronous(retries=1, max_age_seconds=60),
        awaited=True,
    ),
    Row(
        "deadline",
        "functions.deadline.main.handler",
        {"connections": "GetItem UpdateItem"},
        may="post invoke-disconnect",
        timeout_seconds=20,
        takes="deadlines",
        at_once=5,  # a herd that never authenticates: late is early enough
    ),
    Row(
        "disconnect",
        "functions.disconnect.main.handler",
        {
            "connections": "GetItem UpdateItem DeleteItem",
            "rooms": "DeleteItem",
            "people": "DeleteItem GetItem UpdateItem",
            "calls": "PutItem",
            "chat": "GetItem PutItem UpdateItem",
        },
        may="post invoke-disconnect delete-room send-broadcast",
        timeout_seconds=20,
        asynchronous=Asynchronous(retries=2, max_age_seconds=3_600),
        reserved="disconnects_at_once",  # what is lost, the sweep finds
    ),
    Row(
        "socketio",
        "functions.socketio.main.handler",
        {
            "accounts": "GetItem",
            "connections": "GetItem UpdateItem ConditionCheckItem",
            "people": "DeleteItem GetItem PutItem UpdateItem",
            "rooms": "DeleteItem PutItem Query",
            "calls": "PutItem Query",
            "calls/callee": "Query",
            "limits": "UpdateItem",
            "counts": "GetItem",
            "chat": "BatchGetItem ConditionCheckItem GetItem PutItem UpdateItem",
            "messages": "GetItem PutItem",
            "bookings": "GetItem UpdateItem",
            "partners": "GetItem UpdateItem",
            "booking_messages": "PutItem UpdateItem",
        },
        may="read-secret start-ring post invoke-disconnect send-broadcast delete-room "
        "send-deadline",
        timeout_seconds=20,
        memory_mb=1024,
        layers=(KEYS,),
        awaited=True,
    ),
    Row(
        "calls",
        "functions.calls.main.handler",
        {
            "accounts": "GetItem",
            "connections": "GetItem",
            "people": "DeleteItem GetItem UpdateItem",
            "calls": "PutItem Query",
            "calls/callee": "Query",
            "limits": "UpdateItem",
        },
        may="read-secret start-ring post invoke-disconnect delete-room",
        timeout_seconds=20,
        memory_mb=1024,
        layers=(KEYS,),
        awaited=True,
    ),
    Row(
        "chat",
        "functions.chat.main.handler",
        {
            "accounts": "GetItem",
            "connections": "ConditionCheckItem GetItem UpdateItem",
            "people": "DeleteItem GetItem PutItem UpdateItem",
            "rooms": "DeleteItem PutItem Query",
            "calls": "PutItem Query",
            "calls/callee": "Query",
            "chat": "BatchGetItem ConditionCheckItem GetItem PutItem UpdateItem",
            "messages": "GetItem PutItem",
        },
        may="read-secret start-ring post invoke-disconnect send-broadcast",
        timeout_seconds=20,
        memory_mb=1024,
        layers=(KEYS,),
        awaited=True,
    ),
    Row(
        "ring-timeout",
        "functions.ring.main.handler",
        {"people": "DeleteItem GetItem UpdateItem", "calls": "PutItem"},
        may="post invoke-disconnect",
    ),
    Row(
        "presence",
        "functions.presence.main.handler",
        {"connections": "GetItem", "counts": "GetItem"},
        may="post invoke-disconnect",
        timeout_seconds=20,
        awaited=True,
    ),
    Row(
        "presence-stream",
        "functions.presence.stream.handler",
        {"counts": "UpdateItem", "accounts": "GetItem"},
        may="send-broadcast",
        timeout_seconds=30,
        streams=("people", "connections", "calls"),
    ),
    Row(
        "bookings",
        "functions.bookings.main.handler",
        {
            "connections": "GetItem ConditionCheckItem",
            "people": "GetItem",
            "rooms": "PutItem",
            "limits": "UpdateItem",
            "counts": "GetItem",
            "bookings": "GetItem UpdateItem",
            "partners": "GetItem UpdateItem",
            "booking_messages": "PutItem UpdateItem",
        },
        may="post invoke-disconnect",
        timeout_seconds=20,
        awaited=True,
    ),
    Row(
        "bookings-stream",
        "functions.bookings.stream.handler",
        {"counts": "GetItem UpdateItem"},
        may="send-broadcast",
        timeout_seconds=30,
        streams=("bookings",),
    ),
    Row(
        "broadcast",
        "functions.broadcast.main.handler",
        {"rooms": "Query"},
        may="post invoke-disconnect send-broadcast",
        timeout_seconds=180,  # docs/performance.md: a million recipients
        memory_mb=1769,
        takes="broadcasts",
        at_once=20,  # all that a group asks for; of many groups, those who ring come first
        batch=1,  # an invocation for each part of a large room, whose groups a batch would mix
    ),
    Row(
        "rooms",
        "functions.calls.rooms.handler",
        may="read-secret",
        timeout_seconds=15,  # longer than the secret and LiveKit take, one after the other
        takes="rooms",
        at_once=5,  # LiveKit is not to be stormed either
        layers=(LIVEKIT,),
    ),
    Row(
        "sweep",
        "functions.sweep.main.handler",
        {
            "connections": "BatchGetItem UpdateItem",
            "connections/due": "Query",
            "rooms": "Query",
            "people": "BatchGetItem DeleteItem GetItem UpdateItem",
            "calls": "PutItem",
            "chat": "DeleteItem Query",
            "counts": "GetItem PutItem UpdateItem",
        },
        may="post invoke-disconnect delete-room",
        timeout_seconds=58,  # sweep_seconds and the longest request, before the next one begins
        memory_mb=1769,  # one processor: it is what many posts cost
        # The next sweep does what this one did not.
        asynchronous=Asynchronous(retries=0, max_age_seconds=60),
        every_minute=True,
    ),
    Row(
        "backend",
        "functions.backend.main.handler",
        {
            "chat": "GetItem PutItem Query UpdateItem",
            "connections": "GetItem UpdateItem",
            "rooms": "DeleteItem",
            "accounts": "GetItem UpdateItem",
            "people": "GetItem UpdateItem",
            "limits": "DeleteItem UpdateItem",
            "bookings": "GetItem UpdateItem",
            "partners": "UpdateItem",
        },
        may="post invoke-disconnect send-broadcast",
        timeout_seconds=30,
        takes="events",
        at_once=10,  # an import of a whole catalogue waits in the queue
    ),
    Row(
        "http",
        "functions.http.main.handler",
        {
            "counts": "GetItem BatchGetItem",
            "accounts": "GetItem",
            "people": "GetItem",
            "calls": "Query",
            "calls/callee": "Query",
            "chat": "GetItem Query",
            "messages": "Query",
            "messages/thread": "Query",
            "bookings": "GetItem",
        },
        may="read-secret put-events",
        timeout_seconds=25,  # for a hundred events, some of them put again
        layers=(KEYS,),
        awaited=True,
    ),
)


@dataclass(frozen=True)
class Grant:
    """One action on one resource. ``accepted``: findings it brings → why they stand."""

    action: str
    resource: str
    accepted: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Resources:
    """What the functions work on, made before them."""

    tables: Mapping[str, dynamodb.Table]
    queues: Mapping[str, sqs.Queue]
    """What a row's ``takes`` can name."""

    environment: Mapping[str, str]
    grants: Mapping[str, Grant]
    """What a row's ``may`` can name."""

    def statements(self, row: Row) -> Iterable[iam.PolicyStatement]:
        """The whole of what a row's role may do, beside its log, its traces and its sources."""
        for name, actions in row.tables.items():
            table, _, index = name.partition("/")
            arn = self.tables[table].table_arn
            yield iam.PolicyStatement(
                actions=[f"dynamodb:{action}" for action in actions.split()],
                resources=[f"{arn}/index/{index}" if index else arn],
            )
        for name in row.may.split():
            grant = self.grants[name]
            yield iam.PolicyStatement(actions=[grant.action], resources=[grant.resource])


def invoked_name(settings: StackSettings, name: str) -> str:
    """The physical name under which others invoke a function."""
    (row,) = (row for row in FUNCTIONS if row.name == name)
    return settings.name(name) + (f":{ALIAS}" if settings.snap_start and row.awaited else "")


def invoked_arn(scope: Construct, settings: StackSettings, name: str) -> str:
    """An ARN from a name: a function that invokes itself cannot refer to itself."""
    return cdk.Stack.of(scope).format_arn(
        service="lambda",
        resource="function",
        resource_name=invoked_name(settings, name),
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )


class Functions(NamedTuple):
    """By name. ``invoked``: what callers are sent to, the function or its alias."""

    made: dict[str, lambda_.Function]
    invoked: dict[str, lambda_.IFunction]


def make_functions(scope: Construct, settings: StackSettings, resources: Resources) -> Functions:
    code = function_code(settings)
    made_layers = make_layers(scope, settings)
    functions = Functions({}, {})
    for row in FUNCTIONS:
        layers = [made_layers[name] for name in (PACKAGES, *row.layers) if name in made_layers]
        function = _make(scope, settings, row, resources, code=code, layers=layers)
        invoked = function.add_alias(ALIAS) if settings.snap_start and row.awaited else function
        _connect_sources(scope, settings, row, resources, invoked)
        functions.made[row.name], functions.invoked[row.name] = function, invoked
    return functions


def _make(
    scope: Construct,
    settings: StackSettings,
    row: Row,
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
        environment=dict(resources.environment),
        role=role,
        log_group=log,
        tracing=lambda_.Tracing.ACTIVE,
        reserved_concurrent_executions=(row.reserved and getattr(settings, row.reserved)) or None,
        snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS
        if settings.snap_start and row.awaited
        else None,
    )
    _acknowledge(function, role, row, resources)
    return function


def _connect_sources(
    scope: Construct,
    settings: StackSettings,
    row: Row,
    resources: Resources,
    function: lambda_.IFunction,
) -> None:
    """Everything that calls a function without waiting for it, each with an end to its retries."""
    if row.asynchronous:
        function.configure_async_invoke(
            retry_attempts=row.asynchronous.retries,
            max_event_age=cdk.Duration.seconds(row.asynchronous.max_age_seconds),
            on_failure=destinations.SqsDestination(make_dead_letters(scope, row.name, settings)),
        )
    if row.every_minute:
        events.Rule(
            scope,
            f"{row.name.title()}Schedule",
            schedule=events.Schedule.rate(cdk.Duration.minutes(1)),
            targets=[
                targets.LambdaFunction(
                    function,
                    event=events.RuleTargetInput.from_object(
                        {"part": part, "parts": settings.sweep_parts}
                    ),
                    retry_attempts=1,
                    max_event_age=cdk.Duration.seconds(60),
                )
                for part in range(settings.sweep_parts)
            ],
        )
    if row.streams:
        dead_letters = make_dead_letters(scope, row.name, settings)
        for table in row.streams:
            function.add_event_source(
                sources.DynamoEventSource(
                    resources.tables[table],
                    starting_position=lambda_.StartingPosition.TRIM_HORIZON,
                    batch_size=STREAM_BATCH,
                    filters=STREAM_FILTERS.get(table),
                    max_batching_window=cdk.Duration.seconds(settings.stream_window_seconds),
                    bisect_batch_on_error=True,
                    report_batch_item_failures=True,
                    retry_attempts=STREAM_RETRIES,
                    on_failure=sources.SqsDlq(dead_letters),
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


def _acknowledge(
    function: lambda_.Function, role: iam.Role, row: Row, resources: Resources
) -> None:
    acknowledge(
        function,
        {"L1": "The layer's wheels are for 3.13; all functions move to a newer one at once."},
    )
    reason = "X-Ray's PutTraceSegments and PutTelemetryRecords take no resource"
    if row.streams:
        reason += ", nor does DynamoDB's ListStreams, which the event sources need"
    acknowledge(role, {"IAM5[Resource::*]": f"{reason}."})
    for name in row.may.split():
        acknowledge(role, resources.grants[name].accepted)
