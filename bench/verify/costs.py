"""What a call costs, from the account's own metrics and list prices of us-east-1."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

from bench.verify.deployed import Deployed

MESSAGE, WRITE, READ = 1.00e-6, 0.625e-6, 0.125e-6
INVOCATION, GB_SECOND = 0.20e-6, 13.3334e-6
QUEUE_REQUEST, REQUESTS_PER_MESSAGE = 0.40e-6, 3
TIMER, TIMER_GB_SECOND, TIMER_GB = 1.00e-6, 16.67e-6, 0.0625
MB_PER_GB = 1024

DOCUMENTED = 86.0
DOCUMENTED_PER_USER = 2.0
"""Dollars for a million calls, and for each connected user beside (docs/operations.md)."""

MINUTE = 60


@dataclass(frozen=True)
class Used:
    """What a stack has used in a time.

    gb_seconds: of Lambda. timers, timer_ms: executions of the state machine and their billed time.
    reads, writes: units of the tables, without those of their indexes.
    """

    messages: float = 0
    invocations: float = 0
    gb_seconds: float = 0
    reads: float = 0
    writes: float = 0
    queued: float = 0
    timers: float = 0
    timer_ms: float = 0


def dollars(used: Used) -> dict[str, float]:
    """Return what was used in dollars, by service. Connection minutes, logs and traces are left
    out, because they do not depend on calls alone."""
    return {
        "API Gateway": used.messages * MESSAGE,
        "Lambda": used.invocations * INVOCATION + used.gb_seconds * GB_SECOND,
        "DynamoDB": used.reads * READ + used.writes * WRITE,
        "SQS": used.queued * REQUESTS_PER_MESSAGE * QUEUE_REQUEST,
        "Step Functions": used.timers * TIMER + used.timer_ms / 1000 * TIMER_GB * TIMER_GB_SECOND,
    }


def documented(users: int) -> float:
    """Return what docs/operations.md says for a million calls with so many users connected."""
    return DOCUMENTED + DOCUMENTED_PER_USER * users


async def used(stack: Deployed, began: float, ended: float) -> Used:
    """Return what the stack has used between two times in epoch seconds, by whole minutes."""
    names = {one["FunctionName"]: one["MemorySize"] / MB_PER_GB for one in stack.functions}
    api = {"ApiId": stack.outputs["WebSocketApiId"], "Stage": stack.outputs["WebSocketStage"]}
    machine = {"StateMachineArn": stack.settings.ring_state_machine_arn}
    values = stack.settings
    queues = [values.broadcast_queue_url, values.livekit_rooms_queue_url]
    wanted: list[tuple[str, str, dict[str, str], float]] = [
        ("messages", "AWS/ApiGateway MessageCount", api, 1),
        ("timers", "AWS/States ExecutionsStarted", machine, 1),
        ("timer_ms", "AWS/States ExpressExecutionBilledDuration", machine, 1),
    ]
    for name, memory in names.items():
        function = {"FunctionName": name}
        wanted.append(("invocations", "AWS/Lambda Invocations", function, 1))
        wanted.append(("gb_seconds", "AWS/Lambda Duration", function, memory / 1000))
    for table in values.tables.values():
        for part, unit in (("reads", "Read"), ("writes", "Write")):
            metric = f"AWS/DynamoDB Consumed{unit}CapacityUnits"
            wanted.append((part, metric, {"TableName": table}, 1))
    for queue in queues:
        of_queue = {"QueueName": queue.rpartition("/")[2]}
        wanted.append(("queued", "AWS/SQS NumberOfMessagesSent", of_queue, 1))
    sums = await _sums(stack, [(metric, of) for _, metric, of, _ in wanted], began, ended)
    parts = dict.fromkeys(Used.__dataclass_fields__, 0.0)
    for (part, _, _, factor), value in zip(wanted, sums, strict=True):
        parts[part] += factor * value
    return Used(**parts)


async def _sums(
    stack: Deployed, metrics: list[tuple[str, dict[str, str]]], began: float, ended: float
) -> list[float]:
    """Return the sum of each metric over the minutes of a time."""
    times = [
        dt.datetime.fromtimestamp(at * MINUTE, dt.UTC)
        for at in (math.floor(began / MINUTE), math.ceil(ended / MINUTE))
    ]
    queries: list[dict[str, Any]] = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": metric.split()[0],
                    "MetricName": metric.split()[1],
                    "Dimensions": [{"Name": name, "Value": value} for name, value in of.items()],
                },
                "Period": MINUTE,
                "Stat": "Sum",
            },
        }
        for number, (metric, of) in enumerate(metrics)
    ]
    answer = await stack.ask(
        "cloudwatch", "get_metric_data", MetricDataQueries=queries,
        StartTime=times[0], EndTime=times[1],
    )  # fmt: skip
    found = {one["Id"]: sum(one["Values"]) for one in answer["MetricDataResults"]}
    return [found.get(f"m{number}", 0.0) for number in range(len(metrics))]
