"""Cold start: a fresh process imports a function as it is deployed and serves its first event.

It runs from its bundle alone, compiled ahead and without published keys, with Lambda's version of
Python if this machine has one.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from bench.aws import Aws, canned
from bench.firsts import data, firsts
from bench.table import Table
from infra.build import KEYS
from infra.functions import FUNCTIONS
from shared.pipeline.deployment import FunctionSpec
from tests.bundles import Bundles

RUNS = 15
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

Pair = tuple[Times, Times]
"""The times of a function, and of a function that only uses boto3, one after the other."""


class Cold:
    """Measures cold starts from ``bundles`` against the canned AWS."""

    def __init__(self, aws: Aws, bundles: Bundles) -> None:
        self._aws = aws
        self._bundles = bundles

    def measure(self, row: FunctionSpec, event: object) -> list[Pair]:
        """Measure a function and, in turns with it, a function that only uses boto3."""
        layers = (name for name in row.layers if name != KEYS)
        command = self._bundles.command(FIRST, row.handler.rpartition(".")[0], json.dumps(event))
        environment = self._bundles.environment(layers)
        bare, without = self._bundles.command(BARE), self._bundles.runtime()
        return [(self._run(command, environment), self._run(bare, without)) for _ in range(RUNS)]

    def _run(self, command: list[str], environment: Mapping[str, str]) -> Times:
        imports, first = self._aws.run_command(
            command, {**environment, "LIVEKIT_URL": self._aws.url}
        )
        return imports, first


def run() -> Table:
    """Return the table of all functions. Raises ``KeyError`` if ``firsts`` lacks a function."""
    table = Table(
        "Cold: processor time of the first event of a fresh process",
        ["function", "imports, ms", "first event, ms", "together", "boto3 beside it",
         "ratio of the imports", "ratio"],
        f"Medians of {RUNS} runs. boto3: `import boto3`, a DynamoDB client and one GetItem. Its "
        "client counts as an import.",
    )  # fmt: skip
    events = firsts()
    with tempfile.TemporaryDirectory() as folder, canned(data()) as aws:
        cold = Cold(aws, Bundles(Path(folder)))
        for row in FUNCTIONS:
            for what, event in events[row.name].items():
                name = ", ".join(filter(None, (row.name, what)))
                table.add(name, *medians(cold.measure(row, event)))
    return table


def medians(pairs: list[Pair]) -> list[float]:
    """Return the medians of a row's columns.

    The speed of a shared machine changes within seconds. So a ratio is the median of the ratios of
    pairs, which ran one after the other.
    """
    rows = [
        (*ours, sum(ours), sum(bare), ours[0] / bare[0], sum(ours) / sum(bare))
        for ours, bare in pairs
    ]
    return [median(column) for column in zip(*rows, strict=True)]


if __name__ == "__main__":
    print(run())
