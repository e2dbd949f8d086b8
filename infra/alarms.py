"""The alarms: one table of kinds, each with an alarm for whatever there is of it in the stack.

The dashboard shows the same rows (``infra/dashboard.py``), docs/operations.md has a section for
every kind, and what both need to know about a metric is said here only.

One metric each, no metric math: that is paid for by the metric all the same ($0.10 a month), and
says less about who is in trouble. What would be dearest, an alarm per function and kind of trouble,
is not needed: whatever ends badly in a function is a line of its log, so all functions share
``errors``, which counts such lines; throttling is about what all functions of an account have in
common; and how long a function takes grows unseen only where nobody waits for it.
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

from infra.functions import FUNCTIONS
from infra.gateway import Gateway
from infra.queues import ORDERED
from infra.settings import StackSettings

MANUAL = "docs/operations.md"
ERRORS_LOGGED = "ErrorsLogged"
SIGNS_OF_ERRORS = ("ERROR", "Task timed out", "Runtime exited")
"""In a log: the level of a line of ours, an exception that nobody has caught, and how Lambda says
that a function was stopped or has crashed."""

NEAR_TIMEOUT = 0.8
LATE_SECONDS = 60
LATE_IN_BACKGROUND_SECONDS = 900


@dataclass(frozen=True)
class Watched:
    """What there is to watch."""

    settings: StackSettings
    functions: Mapping[str, lambda_.Function]
    queues: Mapping[str, sqs.Queue]
    dead_letters: Mapping[str, sqs.Queue]
    tables: Mapping[str, dynamodb.Table]
    websocket: Gateway
    http: Gateway
    ring: sfn.StateMachine


@dataclass(frozen=True)
class Source:
    """A metric of one thing, and from which value on it is too much."""

    of: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    threshold: float = 1


@dataclass(frozen=True)
class Kind:
    """A row of the table. It is raised when the metric has reached the threshold in each of
    ``periods``; ``means`` and ``do`` are what the mail says.

    ``absence``: the trouble is that the metric is lower than the threshold, or not there.
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
    """A kind and one source of it. ``name`` is physical without the stack's."""

    kind: Kind
    source: Source

    @property
    def name(self) -> str:
        return f"{self.kind.name}-{self.source.of}"

    @property
    def metric(self) -> cloudwatch.Metric:
        """Without a label, which would make metric math of the alarm."""
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
    for row in FUNCTIONS:
        if row.takes or row.streams or row.every_minute:
            most_ms = NEAR_TIMEOUT * row.timeout_seconds * 1000
            yield _of_function(watched, row.name, "Duration", most_ms)


def _stream_lags(watched: Watched) -> Iterator[Source]:
    most_ms = (LATE_SECONDS + watched.settings.stream_window_seconds) * 1000
    for row in FUNCTIONS:
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
    """Not a WebSocket's ``IntegrationError``: it counts every handshake that ``connect`` refuses.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-logging.html
    """
    for of, api, metric in (
        ("http", watched.http, "5xx"),
        ("websocket", watched.websocket, "ExecutionError"),
    ):
        yield Source(of, "AWS/ApiGateway", metric, {"ApiId": api.api_id})


def _tables(watched: Watched) -> Iterator[Source]:
    for name, table in watched.tables.items():
        dimensions = {"TableName": table.table_name}
        of = name.replace("_", "-")
        yield Source(of, "AWS/DynamoDB", "WriteThrottleEvents", dimensions, threshold=10)


def _ring(watched: Watched) -> Iterator[Source]:
    dimensions = {"StateMachineArn": watched.ring.state_machine_arn}
    for of in ("Failed", "TimedOut"):
        yield Source(of.lower(), "AWS/States", f"Executions{of}", dimensions)


def _sweep(watched: Watched) -> Iterator[Source]:
    for row in FUNCTIONS:
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
        "Look at who uses it up; ask AWS for a higher quota.",
        _throttles,
    ),
    Kind(
        "near-timeout",
        f"A function that works in batches took {NEAR_TIMEOUT:.0%} of its timeout.",
        "See whether there is more work or slower work; give it more parts, memory or time.",
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
        "Look whether its function fails, is throttled or is too slow.",
        _queue_lags,
        statistic="Maximum",
        period_minutes=1,
        periods=3,
    ),
    Kind(
        "dead-letters",
        "Work has failed for good and waits in a dead-letter queue, for two weeks at most.",
        "Mend the reason, then redrive.",
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
        "DynamoDB refused writes to a table; most were tried again and went through.",
        "See whether one item is written by everybody, or traffic has more than doubled.",
        _tables,
    ),
    Kind(
        "ring-timer",
        "A ring timer has failed: the call rings on until the sweep ends it.",
        "Read the execution's error in the timer's log.",
        _ring,
    ),
    Kind(
        "sweep-missing",
        "The sweep has not run: connections that are gone stay, and nobody is pinged.",
        "See whether its rule is enabled and its function can be invoked.",
        _sweep,
        period_minutes=1,
        periods=5,
        absence=True,
    ),
)


def rows(watched: Watched) -> list[Alarm]:
    return [Alarm(kind, source) for kind in KINDS for source in kind.sources(watched)]


def make_alarms(
    scope: Construct, watched: Watched, tell: cloudwatch.IAlarmAction | None
) -> list[cloudwatch.Alarm]:
    """The alarms of ``rows``; ``tell`` hears when one begins and when it is over."""
    group = Construct(scope, "Alarms")
    _count_errors(group, watched)
    made = [_make(group, watched.settings, row) for row in rows(watched)]
    if tell:
        for alarm in made:
            alarm.add_alarm_action(tell)
            alarm.add_ok_action(tell)
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
    """One metric for the logs of all functions."""
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
