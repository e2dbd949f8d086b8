"""Processor time of an event in a warm function, against the same requests made with boto3."""

from __future__ import annotations

import json
from typing import Any

from bench import rows
from bench.aws import Aws, canned
from bench.table import Table

ROUNDS = 300

OURS = """
import json, sys, time
from functions.socketio.main import handler
event, rounds = json.loads(sys.argv[1]), int(sys.argv[2])
class Context: aws_request_id = "r"
for _ in range(20): handler(event, Context)
begin = time.process_time()
for n in range(rounds):
    event["requestContext"]["messageId"] = str(n)
    handler(event, Context)
print(json.dumps((time.process_time() - begin) / rounds * 1000))
"""
BOTO3 = """
import json, os, sys, time
import boto3
requests, rounds = json.loads(sys.argv[1]), int(sys.argv[2])
gateway = boto3.client("apigatewaymanagementapi", endpoint_url=os.environ["CONNECTIONS_URL_FORMAT"])
dynamodb, sqs = boto3.client("dynamodb"), boto3.client("sqs")
timers, functions = boto3.client("stepfunctions"), boto3.client("lambda")
key = {"key": {"S": "a"}}
update = {"TableName": "t", "Key": key, "UpdateExpression": "SET a = :a",
          "ExpressionAttributeValues": {":a": {"S": "x" * 100}}}
makers = {
    "GetItem": lambda: dynamodb.get_item(TableName="t", Key=key, ConsistentRead=True),
    "UpdateItem": lambda: dynamodb.update_item(**update),
    "TransactWriteItems": lambda: dynamodb.transact_write_items(
        TransactItems=[{"Update": update}] * 2),
    "@connections POST": lambda: gateway.post_to_connection(ConnectionId="a=", Data=b"x" * 200),
    "StartExecution": lambda: timers.start_execution(stateMachineArn="a", input="{}"),
    "SendMessage": lambda: sqs.send_message(QueueUrl="http://q", MessageBody="x"),
}
calls = [makers[name] for name, count in requests.items() for _ in range(count)]
for call in calls: call()
begin = time.process_time()
for _ in range(rounds):
    for call in calls: call()
print(json.dumps((time.process_time() - begin) / rounds * 1000))
"""


def measure(aws: Aws, event: dict[str, Any]) -> tuple[float, float, dict[str, int]]:
    """Return our milliseconds, those of boto3, and the requests that one event makes."""
    aws.run(OURS, json.dumps(event), "1")
    before = aws.counters()
    ours = min(aws.run(OURS, json.dumps(event), str(ROUNDS)) for _ in range(2))
    total = ROUNDS + 20
    counted = {name: round(count / total / 2) for name, count in aws.counters().items()}
    requests = {name: count for name, count in counted.items() if count and name != "delivered"}
    assert before
    by_boto3 = min(aws.run(BOTO3, json.dumps(requests), str(ROUNDS // 3)) for _ in range(2))
    return ours, by_boto3, requests


def run() -> Table:
    table = Table(
        "Warm: processor time of an event",
        ["event", "requests", "ms", "the same requests with boto3, ms", "ratio"],
    )
    for name, (status, connection, body) in rows.EVENTS.items():
        with canned(rows.of_a_call(status)) as aws:
            ours, by_boto3, requests = measure(aws, rows.frame(connection, body))
        table.add(name, sum(requests.values()), ours, by_boto3, ours / by_boto3)
    return table


if __name__ == "__main__":
    print(run())
