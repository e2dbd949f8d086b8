"""The dashboard: first the numbers of the business, then those of the technology.

It is made of the functions' metrics (``shared/aws/metrics.py``), the table of functions and the
rows of alarms, so it shows all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.alarms import Alarm, Watched
from shared.aws.metrics import Metric

WIDTH, HEIGHT, A_ROW = 6, 6, 4

BUSINESS = {
    "calls": ("Sum", (Metric.CALLS_STARTED, Metric.CALLS_ANSWERED, Metric.CALLS_MISSED)),
    "people online": ("Maximum", (Metric.USERS_ONLINE, Metric.TELECALLERS_ONLINE)),
    "how calls end": (
        "Sum",
        (
            Metric.CALLS_COMPLETED,
            Metric.CALLS_MISSED,
            Metric.CALLS_REJECTED,
            Metric.CALLS_CANCELLED,
        ),
    ),
    "coins and seconds": ("Sum", (Metric.CALL_COINS, Metric.CALL_SECONDS)),
    "bookings": ("Sum", tuple(one for one in Metric if one.name.startswith("BOOKINGS_"))),
    "chat": ("Sum", (Metric.MESSAGES_SENT,)),
    "connections": ("Maximum", (Metric.CONNECTIONS,)),
    "coming and going": ("Sum", (Metric.CONNECTIONS_OPENED, Metric.CONNECTIONS_CLOSED)),
}
"""Graphs by title: the statistic and the metrics, in the order in which they are shown."""

POSTS = (
    Metric.BROADCAST_RECIPIENTS,
    Metric.POSTS_GONE,
    Metric.POSTS_THROTTLED,
    Metric.POSTS_GIVEN_UP,
    Metric.RING_TIMERS_FAILED,
)


def make_dashboard(
    scope: Construct, watched: Watched, rows: Iterable[Alarm], alarms: list[cloudwatch.Alarm]
) -> None:
    """Make the dashboard of the stack."""
    stack = watched.settings.stack_name
    business = [
        _graph(title, [_own(stack, one, statistic) for one in metrics])
        for title, (statistic, metrics) in BUSINESS.items()
    ]
    business[1:1] = [_graph("calls missed, % of those started", [_share_missed(stack)])]
    kinds = [_of_kind(name, list(same)) for name, same in groupby(rows, lambda row: row.kind.name)]
    functions = [
        _graph(
            title, [_of_function(watched, name, metric, statistic) for name in watched.functions]
        )
        for title, metric, statistic in (
            ("errors", "Errors", "Sum"),
            ("throttles", "Throttles", "Sum"),
            ("latency, half are faster", "Duration", "p50"),
            ("latency, one in a hundred is slower", "Duration", "p99"),
        )
    ]
    posts = _graph("posts", [_own(stack, one, "Sum") for one in POSTS])
    technical = [*functions, posts, _reads_throttled(watched), *kinds]
    dashboard = cloudwatch.Dashboard(
        scope,
        "Dashboard",
        dashboard_name=stack,
        default_interval=cdk.Duration.hours(12),
    )
    for widgets in (*_in_rows(business), *_in_rows(technical)):
        dashboard.add_widgets(*widgets)
    dashboard.add_widgets(
        cloudwatch.AlarmStatusWidget(title="alarms", alarms=alarms, width=A_ROW * WIDTH)
    )


def _in_rows(widgets: list[cloudwatch.GraphWidget]) -> list[list[cloudwatch.GraphWidget]]:
    return [widgets[first : first + A_ROW] for first in range(0, len(widgets), A_ROW)]


def _graph(
    title: str, metrics: Iterable[cloudwatch.IMetric], thresholds: Iterable[float] = ()
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=list(metrics),
        left_annotations=[cloudwatch.HorizontalAnnotation(value=one) for one in thresholds],
        left_y_axis=cloudwatch.YAxisProps(min=0),
        width=WIDTH,
        height=HEIGHT,
    )


def _of_kind(name: str, same: list[Alarm]) -> cloudwatch.GraphWidget:
    thresholds = sorted({row.source.threshold for row in same})
    metrics = [row.metric.with_(label=row.source.of) for row in same]
    return _graph(f"alarm: {name}", metrics, thresholds)


def _own(stack: str, metric: Metric, statistic: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(namespace=stack, metric_name=metric.value, statistic=statistic)


def _share_missed(stack: str) -> cloudwatch.MathExpression:
    """Return the share of missed calls, in percent. It has no value if no call was started."""
    return cloudwatch.MathExpression(
        expression="100 * missed / started",
        label="missed",
        using_metrics={
            "missed": _own(stack, Metric.CALLS_MISSED, "Sum"),
            "started": _own(stack, Metric.CALLS_STARTED, "Sum"),
        },
        period=cdk.Duration.minutes(15),
    )


def _of_function(watched: Watched, name: str, metric: str, statistic: str) -> cloudwatch.Metric:
    return watched.functions[name].metric(metric, statistic=statistic, label=name)


def _reads_throttled(watched: Watched) -> cloudwatch.GraphWidget:
    """Return the graph of throttled reads. Throttled writes have alarms, and so a graph already."""
    metrics = [
        table.metric("ReadThrottleEvents", statistic="Sum", label=name)
        for name, table in watched.tables.items()
    ]
    return _graph("reads throttled", metrics)
