"""Metrics, written as lines of the log in CloudWatch's embedded metric format, without a request.

The numbers of an invocation are added up and written as one line when it ends. They have no
dimensions, because AWS charges for every combination of name and dimensions. The namespace of the
metrics is the stack's name.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from threading import Lock

from aws_lambda_powertools import Metrics

from shared.settings import settings


class Metric(StrEnum):
    """The names of the metrics in CloudWatch. The code that counts a metric says when it does."""

    CALLS_STARTED = "CallsStarted"
    CALLS_ANSWERED = "CallsAnswered"
    CALLS_MISSED = "CallsMissed"
    CALLS_REJECTED = "CallsRejected"
    CALLS_CANCELLED = "CallsCancelled"
    CALLS_COMPLETED = "CallsCompleted"
    CALL_SECONDS = "CallSeconds"
    CALL_COINS = "CallCoins"
    USERS_ONLINE = "UsersOnline"
    TELECALLERS_ONLINE = "TelecallersOnline"
    CONNECTIONS = "Connections"
    CONNECTIONS_OPENED = "ConnectionsOpened"
    CONNECTIONS_CLOSED = "ConnectionsClosed"
    MESSAGES_SENT = "MessagesSent"
    BOOKINGS_PENDING = "BookingsPending"
    BOOKINGS_PARTNER_ASSIGNED = "BookingsPartnerAssigned"
    BOOKINGS_PARTNER_ACCEPTED = "BookingsPartnerAccepted"
    BOOKINGS_ON_THE_WAY = "BookingsOnTheWay"
    BOOKINGS_ARRIVED = "BookingsArrived"
    BOOKINGS_IN_PROGRESS = "BookingsInProgress"
    BOOKINGS_COMPLETED = "BookingsCompleted"
    BOOKINGS_CANCELLED = "BookingsCancelled"
    BROADCAST_RECIPIENTS = "BroadcastRecipients"
    POSTS_GONE = "PostsGone"
    POSTS_THROTTLED = "PostsThrottled"
    POSTS_GIVEN_UP = "PostsGivenUp"
    RING_TIMERS_FAILED = "RingTimersFailed"


_counted: Counter[Metric] = Counter()
_lock = Lock()


def count(metric: Metric, number: int = 1) -> None:
    """Add to a metric of this invocation. May be called from any thread."""
    with _lock:
        _counted[metric] += number


def count_all(numbers: Mapping[Metric, int]) -> None:
    """Add to several metrics. Zeros are written too, so that a gauge at zero is not missing."""
    with _lock:
        _counted.update(numbers)


def flush() -> None:
    """Write the metrics that have been counted, if any, and start again at zero."""
    with _lock:
        numbers = dict(_counted)
        _counted.clear()
    if not numbers:
        return
    line = Metrics(namespace=settings().metrics_namespace)
    for metric, number in numbers.items():
        unit = "Seconds" if metric is Metric.CALL_SECONDS else "Count"
        line.add_metric(metric, unit, number)
    line.flush_metrics()


def discard() -> None:
    """Forget what has been counted, without writing it."""
    with _lock:
        _counted.clear()
