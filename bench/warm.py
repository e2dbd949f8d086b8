"""Processor time of an event in a warm function, against the same requests made with boto3.

What the event asks of AWS is recorded, and asked again with boto3 and nothing else: the same
parameters, one request after another.
"""

from __future__ import annotations

import json
from typing import Any

from bench import rows
from bench.aws import Aws, canned
from bench.table import Table

ROUNDS = 150
TIMES = 8
"""How often each side is measured, alternately. The quickest time counts."""

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
RECORDER = """
import json, sys
from botocore.client import BaseClient
from functions.socketio.main import handler
event = json.loads(sys.argv[1])
class Context: aws_request_id = "r"
for _ in range(20): handler(event, Context)
made, call = [], BaseClient._make_api_call
def recorded(client, operation, parameters):
    made.append([client.meta.service_model.service_name, operation, parameters])
    return call(client, operation, parameters)
BaseClient._make_api_call = recorded
event["requestContext"]["messageId"] = "recorded"
handler(event, Context)
print(json.dumps(made, default=bytes.decode))
"""
BOTO3 = """
import json, os, sys, time
from functools import partial
import boto3
from botocore import xform_name
made, posts, rounds = json.loads(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
gateway = boto3.client("apigatewaymanagementapi", endpoint_url=os.environ["CONNECTIONS_URL_FORMAT"])
clients = {service: boto3.client(service) for service, _, _ in made}
calls = [partial(getattr(clients[service], xform_name(operation)), **parameters)
         for service, operation, parameters in made]
calls += [partial(gateway.post_to_connection, ConnectionId="a=", Data=b"x" * 200)] * posts
for call in calls: call()
begin = time.process_time()
for _ in range(rounds):
    for call in calls: call()
print(json.dumps((time.process_time() - begin) / rounds * 1000))
"""
POST = "@connections POST"


def measure(aws: Aws, event: dict[str, Any]) -> tuple[float, float, int]:
    """Return our milliseconds, those of boto3, and the number of requests that one event makes."""
    made = aws.run(RECORDER, json.dumps(event))
    posts = aws.counters().get(POST, 0) // 21
    again = [json.dumps(made), str(posts), str(ROUNDS)]
    ours, by_boto3 = [], []
    for _ in range(TIMES):
        ours.append(aws.run(OURS, json.dumps(event), str(ROUNDS)))
        by_boto3.append(aws.run(BOTO3, *again))
    return min(ours), min(by_boto3), len(made) + posts


def run() -> Table:
    table = Table(
        "Warm: processor time of an event",
        ["event", "requests", "ms", "the same requests with boto3, ms", "ratio"],
    )
    for name, (status, connection, body) in rows.EVENTS.items():
        with canned(rows.of_a_call(status)) as aws:
            ours, by_boto3, requests = measure(aws, rows.frame(connection, body))
        table.add(name, requests, ours, by_boto3, ours / by_boto3)
    return table


if __name__ == "__main__":
    print(run())
