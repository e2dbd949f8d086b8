"""Writes down every request that a Lambda worker makes of AWS, a JSON object a line.

Nothing of the product knows: the modules are wrapped as they are imported. DynamoDB is asked what
each request costs.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4


class Watch:
    """``invocation``: the one that runs now; a worker runs one at a time."""

    def __init__(self, path: Path, function: str) -> None:
        self._path = path
        self._function = function
        self._invocation = ""

    def write(self, kind: str, begin: float, **facts: object) -> None:
        line = {
            "function": self._function,
            "invocation": self._invocation,
            "kind": kind,
            "begin": begin,
            "end": time.time(),
            **facts,
        }
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def entry(self, module: Any) -> None:
        """Every invocation but those that only warm up."""
        original = module.entry

        def entry(function: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
            handler = original(function)

            def watched(event: Any, context: Any) -> Any:
                if event.get("warm"):
                    return handler(event, context)
                self._invocation, begin = uuid4().hex, time.time()
                try:
                    return handler(event, context)
                finally:
                    self.write("invocation", begin, body=event.get("body"))

            return watched

        module.entry = entry

    def client(self, module: Any) -> None:
        """Every request of the SDK's clients, pynamodb's among them."""
        original = module.BaseClient._make_api_call

        def make_api_call(client: Any, operation: str, request: dict[str, Any]) -> Any:
            begin, units, outcome = time.time(), {"read": 0.0, "write": 0.0}, "ok"
            service = client.meta.service_model.service_name
            if service == "dynamodb":
                request = {**request, "ReturnConsumedCapacity": "TOTAL"}
            try:
                answer = original(client, operation, request)
                units = consumed(operation, answer)
            except Exception as error:
                outcome = repr(error)[:200]
                raise
            else:
                return answer
            finally:
                facts = {
                    "operation": operation,
                    "units": units,
                    "outcome": outcome,
                    "uses": list(uses(service, operation, request)),
                }
                self.write(service, begin, **facts)

        module.BaseClient._make_api_call = make_api_call

    def http_pool(self, module: Any) -> None:
        """Every request to ``@connections``."""
        original = module.HttpPool.send

        def send(pool: Any, items: Any, request: Callable[[Any], Any]) -> Iterator[Any]:
            sent: dict[Any, tuple[float, Any]] = {}

            def keep(item: Any) -> Any:
                sent[item] = time.time(), request(item)
                return sent[item][1]

            for item, outcome in original(pool, items, keep):
                begin, (method, _, body, _) = sent[item]
                facts = {"operation": method, "bytes": len(body), "frame": body.decode()}
                self.write("@connections", begin, uses=[(method, "@connections")], **facts)
                yield item, outcome

        module.HttpPool.send = send


def uses(service: str, operation: str, request: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What has to be granted for a request: actions, each with what it is done to. A transaction is
    granted by its parts."""
    if operation == "TransactWriteItems":
        for part in request["TransactItems"]:
            ((name, one),) = part.items()
            yield f"{name}Item", one["TableName"]
    elif operation == "BatchGetItem":
        yield from ((operation, table) for table in request["RequestItems"])
    elif service == "dynamodb":
        yield operation, "/".join(filter(None, (request["TableName"], request.get("IndexName"))))
    else:
        target = request.get("QueueUrl") or request.get("FunctionName")
        yield operation, target or f"{service} {operation}"


def consumed(operation: str, answer: Any) -> dict[str, float]:
    """Units as AWS bills them, from what the engine says."""
    found = answer.get("ConsumedCapacity") or []
    total = sum(one["CapacityUnits"] for one in (found if isinstance(found, list) else [found]))
    reads = operation in {"GetItem", "BatchGetItem", "Query", "Scan"}
    return {"read": total if reads else 0.0, "write": 0.0 if reads else total}


class Finder:
    """Wraps modules as they are imported."""

    def __init__(self, wraps: dict[str, Callable[[Any], None]]) -> None:
        self._wraps = wraps

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        wrap = self._wraps.pop(name, None)
        if wrap is None:
            return None
        spec = importlib.util.find_spec(name)
        assert spec
        assert spec.loader
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            wrap(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def install(path: Path, function: str) -> None:
    watch = Watch(path, function)
    finder = Finder(
        {
            "shared.aws.lambda_entry": watch.entry,
            "botocore.client": watch.client,
            "shared.aws.http_pool": watch.http_pool,
        }
    )
    sys.meta_path.insert(0, finder)
