"""Cold start: a fresh process imports a function as it is deployed and serves its first event.

As deployed: from its bundle alone, compiled ahead, without published keys; with Lambda's Python
where this machine has one.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.aws import Aws, canned
from bench.firsts import data, firsts
from bench.table import Table
from infra.build import KEYS
from infra.functions import FUNCTIONS
from shared.pipeline.deployment import FunctionSpec
from tests.bundles import Bundles

RUNS = 7
FIRST = """
import json, sys, time
begin = time.process_time()
module, event = sys.argv[1], json.loads(sys.argv[2])
class Context:
    aws_request_id = "r"
    function_name = memory_limit_in_mb = invoked_function_arn = "f"
import importlib
handler = importlib.import_module(module).handler
imported = time.process_time()
answer = handler(event, Context) or {}
done = time.process_time()
failed = answer.get("batchItemFailures") or answer.get("statusCode", 200) >= 400
assert not failed, answer
print(json.dumps([(imported - begin) * 1000, (done - imported) * 1000]))
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


Times = tuple[float, float]
"""Milliseconds of processor time: imports, first event."""


class Cold:
    def __init__(self, aws: Aws, bundles: Bundles) -> None:
        self._aws = aws
        self._bundles = bundles

    def measure(self, row: FunctionSpec, event: object) -> tuple[Times, Times]:
        """Of a function, and of one that only uses boto3, in turns beside it. The quickest of each,
        because whatever else the machine does only adds."""
        layers = (name for name in row.layers if name != KEYS)
        command = self._bundles.command(FIRST, row.handler.rpartition(".")[0], json.dumps(event))
        environment = self._bundles.environment(layers)
        bare = self._bundles.command(BARE)
        ours, theirs = list[Times](), list[Times]()
        for _ in range(RUNS):
            ours.append(self._run(command, environment))
            theirs.append(self._run(bare, environment))
        return min(ours, key=sum), min(theirs, key=sum)

    def _run(self, command: list[str], environment: Mapping[str, str]) -> Times:
        imports, first = self._aws.run_command(
            command, {**environment, "LIVEKIT_URL": self._aws.url}
        )
        return imports, first


def run() -> Table:
    """Raises ``KeyError`` for a function for which ``firsts`` has no event."""
    table = Table(
        "Cold: processor time of the first event of a fresh process",
        ["function", "imports, ms", "first event, ms", "together", "boto3 beside it", "ratio"],
        "boto3: `import boto3`, a DynamoDB client and one GetItem.",
    )
    events = firsts()
    with tempfile.TemporaryDirectory() as folder, canned(data()) as aws:
        cold = Cold(aws, Bundles(Path(folder)))
        for row in FUNCTIONS:
            for what, event in events[row.name].items():
                ours, theirs = cold.measure(row, event)
                name = ", ".join(filter(None, (row.name, what)))
                table.add(name, *ours, sum(ours), sum(theirs), sum(ours) / sum(theirs))
    return table


if __name__ == "__main__":
    print(run())
