"""The alarms: one table of kinds, with an alarm for each resource that a kind watches.

The dashboard shows the same rows (``infra/dashboard.py``), and docs/operations.md has a section for
every kind. This module alone says which metrics are watched, and from which value on.

Each alarm has one metric and no metric math. Metric math is charged by the metric all the same
($0.10 a month), and does not show which resource is in trouble.

An alarm for each function and each kind of trouble would cost most, and is not needed. Every
failure of a function is a line of its log, so all functions share ``errors``, which counts these
lines. Throttling concerns the concurrency that all functions of an account share. The duration of a
function can grow unnoticed only if no client waits for the function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.functions import made_with
from infra.gateway import Gateway
from infra.queues import ORDERED
from infra.settings import StackSettings
from infra.tables import made_with as tables_made_with

MANUAL = "docs/operations.md"
ERRORS_LOGGED = "ErrorsLogged"
SIGNS_OF_ERRORS = ("ERROR", "Task timed out", "Runtime exited")
"""The texts in a log that show a failure: the level of our own lines, which an uncaught exception
has too, and Lambda's words for a function that was stopped or has crashed."""

NEAR_TIMEOUT = 0.8
LATE_SECONDS = 60
LATE_IN_BACKGROUND_SECONDS = 900


@dataclass(frozen=True)
class Watched:
    """The resources that alarms may watch."""

    settings: StackSettings
    functions: Mapping[str, lambda_.Function]
    queues: Mapping[str, sqs.Queue]
    dead_letters: Mapping[str, sqs.Queue]
    tables: Mapping[str, dynamodb.Table]
    websocket: Gateway
    http: Gateway
    timers: Mapping[str, sfn.StateMachine]


@dataclass(frozen=True)
class Source:
    """A metric of one resource, and the value from which on it is too high.

    of: the resource, as in the alarm's name.
    """

    of: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    threshold: float = 1


@dataclass(frozen=True)
class Kind:
    """A row of the table of alarms.

    An alarm begins if its metric has reached the threshold in each of ``periods`` periods.

    means: what has happened, as the mail says it.
    do: what to do about it, as the mail says it.
    absence: if true, the alarm begins if the metric is below the threshold, or missing.
    """

    name: str
    means: str
    do: str
    sources: Callable[[Watched], Iterable[Source]]
    statistic: str = "Sum"
    period_minutes: int = 5
    periods: int = 1
    absence: bool = False


@dataclass(frozen=True)
class Alarm:
    """An alarm: a kind and one of its sources."""

    kind: Kind
    source: Source

    @property
    def name(self) -> str:
        """The alarm's physical name, without the stack's name in front."""
        return f"{self.kind.name}-{self.source.of}"

    @property
    def metric(self) -> cloudwatch.Metric:
        """The metric. It has no label, because a label would turn the alarm into metric math."""
        return cloudwatch.Metric(
            namespace=self.source.namespace,
            metric_name=self.source.metric,
            dimensions_map=dict(self.source.dimensions) or None,
            statistic=self.kind.statistic,
            period=cdk.Duration.minutes(self.kind.period_minutes),
        )


def _errors(watched: Watched) -> Iterator[Source]:
    yield Source("functions", watched.settings.stack_name, ERRORS_LOGGED, {})


def _throttles(_: Watched) -> Iterator[Source]:
    yield Source("account", "AWS/Lambda", "Throttles", {})


def _of_function(watched: Watched, name: str, metric: str, threshold: float) -> Source:
    dimensions = {"FunctionName": watched.functions[name].function_name}
    return Source(name, "AWS/Lambda", metric, dimensions, threshold)


def _durations(watched: Watched) -> Iterator[Source]:
    for row in made_with(watched.settings):
        if row.takes or row.streams or row.every_minute:
            most_ms = NEAR_TIMEOUT * row.timeout_seconds * 1000
            yield _of_function(watched, row.name, "Duration", most_ms)


def _stream_lags(watched: Watched) -> Iterator[Source]:
    most_ms = (LATE_SECONDS + watched.settings.stream_window_seconds) * 1000
    for row in made_with(watched.settings):
        if row.streams:
            yield _of_function(watched, row.name, "IteratorAge", most_ms)


def _of_queue(name: str, queue: sqs.Queue, metric: str, threshold: float) -> Source:
    return Source(name, "AWS/SQS", metric, {"QueueName": queue.queue_name}, threshold)


def _queue_lags(watched: Watched) -> Iterator[Source]:
    for name, queue in watched.queues.items():
        most = LATE_SECONDS if name in ORDERED else LATE_IN_BACKGROUND_SECONDS
        yield _of_queue(name, queue, "ApproximateAgeOfOldestMessage", most)


def _dead_letters(watched: Watched) -> Iterator[Source]:
    for name, queue in watched.dead_letters.items():
        yield _of_queue(name, queue, "ApproximateNumberOfMessagesVisible", 1)


def _apis(watched: Watched) -> Iterator[Source]:
    """Yield the APIs' failures.

    A WebSocket's ``IntegrationError`` is not used, because it also counts every handshake that
    ``connect`` refuses.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-logging.html
    """
    for of, api, metric in (
        ("http", watched.http, "5xx"),
        ("websocket", watched.websocket, "ExecutionError"),
    ):
        yield Source(of, "AWS/ApiGateway", metric, {"ApiId": api.api_id})


def _tables(watched: Watched) -> Iterator[Source]:
    """Yield the refused writes of every table and index.

    The metric of a table leaves out its indexes, although a full index refuses the table's writes.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
    """
    for row in tables_made_with(watched.settings):
        dimensions = {"TableName": watched.tables[row.name].table_name}
        indexes = [{"GlobalSecondaryIndexName": index.name} for index in row.indexes]
        for index in ({}, *indexes):
            of = "-".join((row.name, *index.values())).replace("_", "-")
            every = dimensions | index
            yield Source(of, "AWS/DynamoDB", "WriteThrottleEvents", every, threshold=10)


def _of_timer(name: str) -> Callable[[Watched], Iterator[Source]]:
    def sources(watched: Watched) -> Iterator[Source]:
        dimensions = {"StateMachineArn": watched.timers[name].state_machine_arn}
        for of in ("Failed", "TimedOut"):
            yield Source(of.lower(), "AWS/States", f"Executions{of}", dimensions)

    return sources


def _sweep(watched: Watched) -> Iterator[Source]:
    for row in made_with(watched.settings):
        if row.every_minute:
            yield _of_function(watched, row.name, "Invocations", 1)


KINDS = (
    Kind(
        "errors",
        "A function has logged an error, timed out or crashed.",
        "Find the line and follow its correlation id.",
        _errors,
    ),
    Kind(
        "throttles",
        "Lambda had no concurrency left in this account and region, and refused invocations.",
        "Find the functions that use it up; ask AWS for a higher quota.",
        _throttles,
    ),
    Kind(
        "near-timeout",
        f"A function that works in batches took {NEAR_TIMEOUT:.0%} of its timeout.",
        "Find out whether there is more work or slower work; give it more parts, memory or time.",
        _durations,
        statistic="Maximum",
    ),
    Kind(
        "stream-lag",
        "Changes wait in a table's stream: presence, counts and what admins see are late.",
        "Look for a batch that fails again and again.",
        _stream_lags,
        statistic="Maximum",
        period_minutes=1,
        periods=3,
    ),
    Kind(
        "queue-lag",
        "Messages wait in a queue for too long.",
        "Find out whether its function fails, is throttled or is too slow.",
        _queue_lags,
        statistic="Maximum",
        period_minutes=1,
        periods=3,
    ),
    Kind(
        "dead-letters",
        "Work has failed for good and waits in a dead-letter queue, for two weeks at most.",
        "Repair the cause, then redrive.",
        _dead_letters,
        statistic="Maximum",
        period_minutes=1,
    ),
    Kind(
        "api-errors",
        "An API could not get an answer from a function.",
        "Look into the access log for the reason.",
        _apis,
    ),
    Kind(
        "table-throttles",
        "DynamoDB refused writes to a table or an index; most were tried again and went through.",
        "Find out whether all writes go to one item, or traffic has more than doubled.",
        _tables,
    ),
    Kind(
        "ring-timer",
        "A ring timer has failed: the call rings on until the sweep ends it.",
        "Read the execution's error in the timer's log.",
        _of_timer("ring"),
    ),
    Kind(
        "balance-timer",
        "A balance timer has failed: the sweep ends the prepaid call instead, up to a minute late.",
        "Read the execution's error in the timer's log.",
        _of_timer("balance"),
    ),
    Kind(
        "sweep-missing",
        "The sweep has not run: connections that are gone stay, and clients are not pinged.",
        "Find out whether its rule is enabled and its function can be invoked.",
        _sweep,
        period_minutes=1,
        periods=5,
        absence=True,
    ),
)


def rows(watched: Watched) -> list[Alarm]:
    """Return all alarms of the stack."""
    return [Alarm(kind, source) for kind in KINDS for source in kind.sources(watched)]


def make_alarms(
    scope: Construct, watched: Watched, notify: cloudwatch.IAlarmAction | None
) -> list[cloudwatch.Alarm]:
    """Make the alarms of ``rows``. ``notify`` is called when an alarm begins and ends."""
    group = Construct(scope, "Alarms")
    _count_errors(group, watched)
    made = [_make(group, watched.settings, row) for row in rows(watched)]
    if notify:
        for alarm in made:
            alarm.add_alarm_action(notify)
            alarm.add_ok_action(notify)
    return made


def _make(scope: Construct, settings: StackSettings, row: Alarm) -> cloudwatch.Alarm:
    kind, operators = row.kind, cloudwatch.ComparisonOperator
    missing = cloudwatch.TreatMissingData
    return cloudwatch.Alarm(
        scope,
        row.name,
        alarm_name=settings.name(row.name),
        alarm_description=f"{kind.means} {kind.do} {MANUAL}#{kind.name}",
        metric=row.metric,
        threshold=row.source.threshold,
        evaluation_periods=kind.periods,
        comparison_operator=operators.LESS_THAN_THRESHOLD
        if kind.absence
        else operators.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treat_missing_data=missing.BREACHING if kind.absence else missing.NOT_BREACHING,
    )


def _count_errors(scope: Construct, watched: Watched) -> None:
    """Count the failures in the logs of all functions in one metric."""
    for name, function in watched.functions.items():
        logs.MetricFilter(
            scope,
            f"{name}-errors-logged",
            log_group=function.log_group,
            filter_pattern=logs.FilterPattern.any_term(*SIGNS_OF_ERRORS),
            metric_namespace=watched.settings.stack_name,
            metric_name=ERRORS_LOGGED,
            metric_value="1",
        )
