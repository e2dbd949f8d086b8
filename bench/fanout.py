"""Fan-out: what a recipient of a broadcast costs, from 10 recipients to 100,000.

Beside it stands the usual way to do the same: query the room with boto3 and post from a pool of 32
threads.
"""

from __future__ import annotations

from collections.abc import Iterable

from bench import rows
from bench.aws import Aws, canned
from bench.server import BUSY, GONE, SHARDS
from bench.table import Table

ALL = ""
"""The room of all connections of the namespace."""

ROOMS = (
    ("channel", 10, 100),
    ("channel", 1_000, 20),
    (ALL, 10, 100),
    (ALL, 1_000, 20),
    (ALL, 10_000, 1),
    (ALL, 100_000, 1),
)
"""Room, recipients, repetitions: a smaller broadcast needs more of them for a stable figure."""

OURS = """
from functions.broadcast.main import handler
class Context: aws_request_id = "r"
def broadcast(room):
    message = {"namespace": "/user", "room": room, "event": "telecaller:presence-changed",
               "payload": {"telecallerId": "5" * 24, "presence": "ON_CALL", "telecaller": None},
               "group": "g"}
    bodies = [json.dumps(message)]
    while bodies:
        event = {"Records": [{"messageId": "1", "body": bodies.pop()}]}
        yield lambda: handler(event, Context)["batchItemFailures"]
        bodies = bodies or get("/sent")
"""
BOTO3 = """
from concurrent.futures import ThreadPoolExecutor
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
options = {"config": Config(max_pool_connections=32)}
dynamodb, functions = boto3.client("dynamodb", **options), boto3.client("lambda", **options)
gateway = boto3.client("apigatewaymanagementapi", endpoint_url=os.environ["CONNECTIONS_URL_FORMAT"],
                       **options)
pool = ThreadPoolExecutor(32)
def post(member):
    id_ = member["connectionId"]["S"]
    try:
        gateway.post_to_connection(ConnectionId=id_, Data=b"x" * 150)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 410:
            raise
        functions.invoke(FunctionName="disconnect", InvocationType="Event",
                         Payload=json.dumps({"connectionId": id_}))
def query(shard):
    pages = dynamodb.get_paginator("query").paginate(
        TableName="rooms", KeyConditionExpression="room = :room", ConsistentRead=True,
        ExpressionAttributeValues={":room": {"S": shard}})
    for page in pages:
        yield page["Items"]
def send(room):
    if room:
        queries = [query(f"0#/user#{room}")]
    else:
        queries = [query(f"{number}#/user") for number in range(SHARDS)]
    for first, more in zip(pool.map(next, queries), queries):
        list(pool.map(post, first))
        for page in more:
            list(pool.map(post, page))
def broadcast(room):
    yield lambda: send(room)
""".replace("SHARDS", str(SHARDS))
MEASURE = r"""
import json, os, re, sys, time, urllib.request
from pathlib import Path
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
def get(path):
    with opener.open(os.environ["AWS_ENDPOINT_URL"] + path) as answer:
        return json.load(answer)
def most_memory():
    return int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
%s
room, times = sys.argv[1], int(sys.argv[2])
for invocation in broadcast("warm"):
    invocation()
get("/counters")
base = most_memory()
cpu = longest = 0.0
for _ in range(times):
    for invocation in broadcast(room):
        cpu_begin, begin = time.process_time(), time.monotonic()
        assert not invocation()
        cpu += time.process_time() - cpu_begin
        longest = max(longest, time.monotonic() - begin)
grown = most_memory() - base
print(json.dumps([cpu / times, longest, grown, get("/counters")]))
"""


def measure(aws: Aws, code: str, room: str, size: int, times: int) -> list[float]:
    """Return a broadcast's processor seconds, longest invocation's seconds, and growth in MB."""
    cpu, longest, grown, seen = aws.run(MEASURE.replace("%s", code), room, str(times))
    gone = sum(1 for number in range(size) if number % 100 == GONE)
    busy = sum(1 for number in range(size) if number % 100 == BUSY)
    assert seen["reached"] == size - gone, seen
    assert seen["delivered"] == times * (size - gone), seen
    assert seen.get("Invoke", 0) == times * gone, seen
    assert seen.get("throttled", 0) == times * busy, seen
    return [cpu, longest, grown]


def run(rooms: Iterable[tuple[str, int, int]] = ROOMS) -> Table:
    table = Table(
        "Fan-out: one broadcast",
        ["room", "to", "CPU µs each", "boto3's", "per CPU second", "boto3's", "ratio",
         "longest invocation, s", "boto3's", "MB more", "boto3's"],
        "One recipient in a hundred is gone (410) and handed on, one is throttled (429) once.",
    )  # fmt: skip
    data = rows.of_a_call(None)
    budget = {"key": {"S": "broadcasts"}, "freeAt": {"N": "0"}}
    data["rows"]["broadcasts"] = budget  # it is always free
    for room, size, times in rooms:
        with canned(data | {"members": size}) as aws:
            by_boto3 = measure(aws, BOTO3, room, size, times)
            ours = measure(aws, OURS, room, size, times)
        cells: list[object] = []
        for one in (ours, by_boto3):
            one[0:1] = [one[0] / size * 1e6, size / one[0]]
        for pair in list(zip(ours, by_boto3, strict=True)):
            cells += pair
        cells.insert(4, by_boto3[0] / ours[0])
        table.add(room or "`/user`", size, *cells)
    return table


if __name__ == "__main__":
    print(run())
