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
from infra.bundle import KEYS
from infra.functions import FUNCTIONS, Row
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


class Cold:
    def __init__(self, aws: Aws, bundles: Bundles) -> None:
        self._aws = aws
        self._bundles = bundles

    def bare(self) -> tuple[float, float]:
        """Milliseconds of processor time of a function that only uses boto3: imports, first event.
        Least of several, because whatever else the machine does only adds."""
        return self._measure(self._bundles.command(BARE), self._bundles.environment())

    def function(self, row: Row, event: object) -> tuple[float, float]:
        layers = (name for name in row.layers if name != KEYS)
        command = self._bundles.command(FIRST, row.handler.rpartition(".")[0], json.dumps(event))
        return self._measure(command, self._bundles.environment(layers))

    def _measure(self, command: list[str], environment: Mapping[str, str]) -> tuple[float, float]:
        where = {**environment, "LIVEKIT_URL": self._aws.url}
        runs = [self._aws.run_command(command, where) for _ in range(RUNS)]
        return min(a for a, _ in runs), min(b for _, b in runs)


def run() -> Table:
    """Raises ``KeyError`` for a function for which ``firsts`` has no event."""
    table = Table(
        "Cold: processor time of the first event of a fresh process",
        ["function", "imports, ms", "first event, ms", "together", "ratio to boto3"],
        "boto3: `import boto3`, a DynamoDB client and one GetItem.",
    )
    events = firsts()
    with tempfile.TemporaryDirectory() as folder, canned(data()) as aws:
        cold = Cold(aws, Bundles(Path(folder)))
        imports, first = cold.bare()
        bare = imports + first
        table.add("boto3 alone", imports, first, bare, 1.0)
        for row in FUNCTIONS:
            for what, event in events[row.name].items():
                imports, first = cold.function(row, event)
                name = ", ".join(filter(None, (row.name, what)))
                table.add(name, imports, first, imports + first, (imports + first) / bare)
    return table


if __name__ == "__main__":
    print(run())
