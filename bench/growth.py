"""Growth: what a call costs with few and with many users connected, on a real engine's tables."""

from __future__ import annotations

import json
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from bench import rows
from bench.aws import Aws, canned
from bench.server import SHARDS
from bench.table import Table
from infra.tables import ALL_TABLES as TABLES
from tests.integration import engines
from tests.table_definition import table_definition

SIZES = (10, 1_000, 50_000)
ROUNDS, CYCLES = 4, 11
"""The sizes take turns, so that other work of the machine affects all of them. A user may call 50
times a minute at most."""

CALLS = """
import json, sys, time
from collections import Counter
from botocore.client import BaseClient
requests, units = Counter(), Counter()
original = BaseClient._make_api_call
def counted(client, operation, request):
    if client.meta.service_model.service_name != "dynamodb":
        return original(client, operation, request)
    answer = original(client, operation, {**request, "ReturnConsumedCapacity": "TOTAL"})
    found = answer.get("ConsumedCapacity") or []
    requests[operation] += 1
    for one in found if isinstance(found, list) else [found]:
        units[operation in ("GetItem", "Query", "BatchGetItem")] += one["CapacityUnits"]
    return answer
BaseClient._make_api_call = counted
from functions.socketio.main import handler
from functions.calls import rows
class Context: aws_request_id = "r"
number = 0
def send(connection, body):
    global number
    number += 1
    handler({"requestContext": {"connectionId": connection, "messageId": str(number),
             "requestId": "r", "requestTimeEpoch": int(time.time() * 1000)}, "body": body}, Context)
def call():
    send("cu=", '42/user,["call:initiate",{"telecallerId":"t1","callType":"AUDIO"}]')
    id_ = rows.get("/telecaller", "t1").current_call.id
    send("ct=", f'42/telecaller,["call:accept",{{"callId":"{id_}"}}]')
    send("cu=", f'42/user,["call:end",{{"callId":"{id_}"}}]')
    assert rows.get("/user", "u1").current_call is None
def counts():
    send("ca=", '42/admin,["presence:request-counts"]')
def measure(work, cycles):
    work(); requests.clear(); units.clear()
    times = []
    for _ in range(cycles):
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        times.append((time.process_time() - cpu, time.perf_counter() - wall))
    least = [min(column) * 1000 for column in zip(*times)]
    return [sum(requests.values()) / cycles, units[True] / cycles, units[False] / cycles, *least]
cycles = int(sys.argv[1])
print(json.dumps([measure(call, cycles), measure(counts, 10 * cycles)]))
"""


class Measured(NamedTuple):
    """The cost of one piece of work: means of requests and units, the least of the times."""

    requests: float
    read_units: float
    write_units: float
    cpu_ms: float
    ms: float


def least(rounds: Iterable[Measured]) -> Measured:
    """Return the first round with the least times of all rounds."""
    rounds = list(rounds)
    return rounds[0]._replace(
        cpu_ms=min(one.cpu_ms for one in rounds), ms=min(one.ms for one in rounds)
    )


def crowd(size: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield table and row of everything that ``size`` connected users have."""
    template = rows.of_a_call(None)["rows"]
    for number in range(size):
        name, connection = f"crowd{number}", f"crowd{number}="
        person = {**template["/user#u1"], "person": {"S": f"/user#{name}"}}
        yield "people", person | {"connections": {"SS": [f"s:{connection}"]}}
        yield "connections", template["cu="] | {"connectionId": {"S": connection}}
        yield (
            "rooms",
            {
                "room": {"S": f"{zlib.crc32(connection.encode()) % SHARDS}#/user"},
                "connectionId": {"S": connection},
                "wire": {"S": "s"},
                "expiresAt": {"N": "9999999999"},
            },
        )


def fill(engine: engines.Engine, items: Iterator[tuple[str, dict[str, Any]]]) -> None:
    def write(batch: list[tuple[str, dict[str, Any]]]) -> None:
        request: dict[str, Any] = {}
        for table, item in batch:
            request.setdefault(table, []).append({"PutRequest": {"Item": item}})
        answer = engine.call("BatchWriteItem", {"RequestItems": request})
        assert not answer.get("UnprocessedItems")

    with ThreadPoolExecutor(4) as pool:
        batches = iter(lambda: list(islice(items, 25)), [])
        for _ in pool.map(write, batches):
            pass


def people_of_the_call() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield table and row of the two people of the call and of an admin's connection."""
    data = rows.of_a_call(None)["rows"]
    admin = json.loads(json.dumps(data["cu="]).replace("/user", "/admin").replace("USER", "ADMIN"))
    yield "connections", admin | {"connectionId": {"S": "ca="}}
    for key, item in data.items():
        table = "connections" if key.endswith("=") else "people" if "#" in key else "accounts"
        yield table, item


@contextmanager
def filled(size: int) -> Iterator[engines.Engine]:
    """Run an engine with the rows of ``size`` users and of the people of the call."""
    with (
        tempfile.TemporaryDirectory() as folder,
        engines.running("dynoxide", Path(folder)) as engine,
    ):
        for row in TABLES:
            engine.call("CreateTable", table_definition(row))
        fill(engine, crowd(size))
        fill(engine, people_of_the_call())
        yield engine


def measure(aws: Aws, engine: engines.Engine) -> tuple[Measured, Measured]:
    """Return the cost of a call and of an admin's counts."""
    tables = {f"{row.name.upper()}_TABLE": row.name for row in TABLES}
    limits = {f"LIMIT_CALL_{name}_PER_MINUTE": "1000" for name in ("ACCEPT", "END")}
    environment = {
        **tables,
        **limits,
        "LIMIT_CALL_INITIATE_PER_MINUTE": "50",
        "ROOM_SHARDS": str(SHARDS),
        "AWS_ENDPOINT_URL_DYNAMODB": engine.url,
    }
    call, counts = aws.run(CALLS, str(CYCLES), **environment)
    return Measured(*call), Measured(*counts)


def run(sizes: tuple[int, ...] = SIZES) -> Table:
    table = Table(
        "Growth: a call, and an admin's counts, with so many users connected",
        ["users", "requests", "read units", "write units", "CPU ms", "ratio", "ms", "ratio",
         "counts: requests", "counts: read units", "counts: CPU ms", "ratio"],
        "Requests to DynamoDB; the checks between the events are counted with them (2 reads). "
        "Times are the least of all cycles, ratios to the first row.",
    )  # fmt: skip
    with canned(rows.of_a_call(None)) as aws, ExitStack() as stack:
        running = [stack.enter_context(filled(size)) for size in sizes]
        rounds = [[measure(aws, engine) for engine in running] for _ in range(ROUNDS)]
    found = [
        tuple(map(least, zip(*measured, strict=True))) for measured in zip(*rounds, strict=True)
    ]
    (first, first_counts), *_ = found
    for size, (call, counts) in zip(sizes, found, strict=True):
        table.add(
            size, call.requests, call.read_units, call.write_units,
            call.cpu_ms, call.cpu_ms / first.cpu_ms, call.ms, call.ms / first.ms,
            counts.requests, counts.read_units,
            counts.cpu_ms, counts.cpu_ms / first_counts.cpu_ms,
        )  # fmt: skip
    return table


if __name__ == "__main__":
    print(run(tuple(map(int, sys.argv[1:])) or SIZES))
