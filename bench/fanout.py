"""Fan-out: what a recipient of a broadcast costs, from 10 recipients to 100,000."""

from __future__ import annotations

import json

from bench import rows
from bench.aws import Aws, canned
from bench.table import Table

SIZES = (10, 1_000, 10_000, 100_000)
BOTO3_SIZE = 2_000
MESSAGE = {
    "namespace": "/user", "room": "/user", "event": "telecaller:presence-changed", "group": "g",
    "payload": {"telecallerId": "5" * 24, "presence": "ON_CALL", "telecaller": None},
}  # fmt: skip

OURS = """
import json, resource, sys, time
from functions.broadcast.main import handler
event = json.loads(sys.argv[1])
class Context: aws_request_id = "r"
small = {"Records": [{"messageId": "0", "body": json.dumps(
    {**json.loads(event["Records"][0]["body"]), "room": "/nobody"})}]}
handler(small, Context)
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
cpu, wall = time.process_time(), time.monotonic()
failed = handler(event, Context)["batchItemFailures"]
assert not failed, failed
print(json.dumps([time.process_time() - cpu, time.monotonic() - wall,
                  (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) / 1024]))
"""
BOTO3 = """
import json, os, sys, time
from concurrent.futures import ThreadPoolExecutor
import boto3
from botocore.config import Config
count = int(sys.argv[1])
client = boto3.client("apigatewaymanagementapi", endpoint_url=os.environ["CONNECTIONS_URL_FORMAT"],
                      config=Config(max_pool_connections=32))
def post(number):
    client.post_to_connection(ConnectionId=f"{number}:conn=", Data=b"x" * 150)
with ThreadPoolExecutor(32) as pool:
    list(pool.map(post, range(64)))
    cpu, wall = time.process_time(), time.monotonic()
    list(pool.map(post, range(count)))
    print(json.dumps([time.process_time() - cpu, time.monotonic() - wall]))
"""


def broadcast(aws: Aws) -> tuple[float, float, float]:
    """Processor seconds, seconds, and MB that it grew by."""
    event = {"Records": [{"messageId": "1", "body": json.dumps(MESSAGE)}]}
    cpu, wall, grown = aws.run(OURS, json.dumps(event))
    return cpu, wall, grown


def run() -> Table:
    table = Table(
        "Fan-out: one broadcast",
        ["to", "reached", "gone → disconnect", "throttled, then reached", "CPU µs each",
         "per CPU second", "ratio to boto3", "seconds", "MB more"],
        "One recipient in a hundred is gone (410), one is throttled (429) once.",
    )  # fmt: skip
    data = rows.of_a_call(None)
    with canned(data) as aws:
        cpu, wall = aws.run(BOTO3, str(BOTO3_SIZE))
        per_second = BOTO3_SIZE / cpu
        cells = (f"boto3, 32 threads: {BOTO3_SIZE:,}", BOTO3_SIZE, "-", "-", cpu / BOTO3_SIZE * 1e6)
        table.add(*cells, per_second, 1.0, wall, "-")
    for size in SIZES:
        with canned(data | {"members": size}) as aws:
            cpu, wall, grown = broadcast(aws)
            seen = aws.counters()
        gone = sum(1 for number in range(size) if number % 100 == 7)
        assert seen["delivered"] == size - gone, seen
        assert seen.get("Invoke", 0) == gone, seen
        ours = size / cpu
        counts = (seen["delivered"], seen.get("Invoke", 0), seen.get("throttled", 0))
        table.add(size, *counts, cpu / size * 1e6, ours, ours / per_second, wall, grown)
    return table


if __name__ == "__main__":
    print(run())
