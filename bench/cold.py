"""Cold start: a fresh process imports a function as it is deployed and serves its first event."""

from __future__ import annotations

import compileall
import json
import py_compile
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import rows
from bench.aws import TREE, Aws, canned
from bench.table import Table

RUNS = 7
FIRST = """
import json, sys, time
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("cryptography", "livekit", "aiohttp"):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Absent())  # they are in layers of their own
begin = time.process_time()
module, event = sys.argv[1], json.loads(sys.argv[2])
class Context:
    aws_request_id = "r"
    function_name = memory_limit_in_mb = invoked_function_arn = "f"
import importlib
handler = importlib.import_module(module).handler
imported = time.process_time()
handler(event, Context)
print(json.dumps([(imported - begin) * 1000, (time.process_time() - imported) * 1000]))
"""
BARE = """
import json, sys, time
begin = time.process_time()
import boto3
client = boto3.client("dynamodb")
imported = time.process_time()
client.get_item(TableName="t", Key={"key": {"S": "a"}})
print(json.dumps([(imported - begin) * 1000, (time.process_time() - imported) * 1000]))
"""


def firsts() -> dict[str, tuple[str, dict[str, Any]]]:
    """Function → its module and its first event."""
    status, connection, body = rows.EVENTS["call:initiate"]
    assert status is None
    handshake = {
        "requestContext": {"connectionId": "new=", "requestId": "r", "identity": {"sourceIp": "1"}},
        "queryStringParameters": {"EIO": "4", "transport": "websocket"},
        "headers": {},
    }
    message = {"namespace": "/user", "room": "/user", "event": "e", "payload": 1, "group": "g"}
    join = json.dumps({"token": rows.token("USER", "u1")})
    request = {
        "version": "2.0", "rawPath": "/health", "rawQueryString": "", "headers": {},
        "requestContext": {"requestId": "r", "http": {"method": "GET", "path": "/health"},
                           "stage": "$default"},
    }  # fmt: skip
    shim = "functions.socketio.main"
    return {
        "socketio, a ring": (shim, rows.frame(connection, body)),
        "socketio, a namespace joined": (shim, rows.frame("fresh=", f"40/user,{join}")),
        "socketio, a ping answered": (shim, rows.frame("cu=", "3")),
        "connect": ("functions.connect.main", handshake),
        "opener": ("functions.opener.main", {"connectionId": "cu="}),
        "disconnect": ("functions.disconnect.main", {"connectionId": "cu="}),
        "ring-timeout": (
            "functions.ring.main",
            {"person": "/telecaller#t1", "callId": rows.CALL},
        ),
        "broadcast, to 16": (
            "functions.broadcast.main",
            {"Records": [{"messageId": "1", "body": json.dumps(message)}]},
        ),
        "http, /health": ("functions.http.main", request),
    }


@contextmanager
def deployed() -> Iterator[str]:
    """``functions`` and ``shared`` of the measured tree, precompiled as the bundle is."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("functions", "shared"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(TREE / name, Path(folder) / name, ignore=ignored)
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        compileall.compile_dir(folder, quiet=1, invalidation_mode=mode)
        yield folder


def measure(aws: Aws, code: str, *arguments: str, **where: str) -> tuple[float, float]:
    """Milliseconds of processor time: imports, first event; medians."""
    runs = [aws.run(code, *arguments, **where) for _ in range(RUNS)]
    return statistics.median(a for a, _ in runs), statistics.median(b for _, b in runs)


def run() -> Table:
    table = Table(
        "Cold: processor time of the first event of a fresh process",
        ["function", "imports, ms", "first event, ms", "together", "ratio to boto3"],
        "boto3: `import boto3`, a DynamoDB client and one GetItem.",
    )
    data = rows.of_a_call(None) | {"members": 16}
    fresh = json.loads(json.dumps(data["rows"]["cu="]))
    fresh["sessions"] = {"M": {}}
    data["rows"]["fresh="] = fresh
    data["rows"]["cu="].pop("opened", None)
    with canned(data) as aws, deployed() as folder:
        where = {"folder": folder, "PYTHONPATH": folder}
        imports, first = measure(aws, BARE, **where)
        bare = imports + first
        table.add("boto3 alone", imports, first, bare, 1.0)
        for name, (module, event) in firsts().items():
            imports, first = measure(aws, FIRST, module, json.dumps(event), **where)
            table.add(name, imports, first, imports + first, (imports + first) / bare)
    return table


if __name__ == "__main__":
    print(run())
