"""Records every request of a Lambda worker to AWS, one JSON object per line.

The product's code does not know of it: its modules are wrapped when they are imported. DynamoDB
returns the cost of each request.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import json
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import sqs_rules  # type: ignore[import-not-found] # beside this file, on the same path


class Watch:
    """The recorder of one worker, and the wrappers around its modules.

    A worker runs one invocation at a time. ``_invocation`` is the id of the current one.

    Every request has a ``depth``: how many requests of its invocation are one after another up to
    it. It follows from the code alone, and not from how fast anything was: calls that
    ``parallel.together`` runs at the same time begin at the same depth, and what comes after them
    is deeper than all of them. ``_now.depth`` is the depth of the thread's last request.
    """

    def __init__(self, path: Path, function: str) -> None:
        self._path = path
        self._function = function
        self._invocation = ""
        self._now = threading.local()

    @property
    def _depth(self) -> int:
        return getattr(self._now, "depth", 0)

    @_depth.setter
    def _depth(self, depth: int) -> None:
        self._now.depth = depth

    def write(self, kind: str, begin: float, **facts: object) -> None:
        """Add a record that begins at ``begin``, in epoch seconds, and ends now."""
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
        """Record every invocation, except those that only warm the worker up."""
        original = module.entry

        def entry(function: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
            handler = original(function)

            def watched(event: Any, context: Any) -> Any:
                if event.get("warm"):
                    return handler(event, context)
                self._invocation, begin, self._depth = uuid4().hex, time.time(), 0
                try:
                    return handler(event, context)
                finally:
                    self.write("invocation", begin, body=event.get("body"))

            return watched

        module.entry = entry

    def client(self, module: Any) -> None:
        """Record every request of the SDK's clients, including those of pynamodb.

        Messages that SQS would refuse are refused.
        """
        sqs_rules.install(module)
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
                # The secret is cached for minutes, so that most invocations do not wait for it.
                self._depth += service != "secretsmanager"
                used = list(uses(service, operation, request))
                facts = {"operation": operation, "units": units, "outcome": outcome, "uses": used}
                self.write(service, begin, depth=self._depth, **facts)

        module.BaseClient._make_api_call = make_api_call

    def bulk_queries(self, module: Any) -> None:
        """Record every query that is made without the SDK's client. They are made at once."""
        original = module.send

        def send(queries: Sequence[dict[str, Any]]) -> list[Any]:
            begin, depth = time.time(), self._depth + 1
            counted = {"ReturnConsumedCapacity": "TOTAL"}
            outcomes: list[Any] = original([query | counted for query in queries])
            for query, outcome in zip(queries, outcomes, strict=True):
                answered = getattr(outcome, "status", None) == HTTPStatus.OK
                answer = json.loads(outcome.body) if answered else {}
                units, used = consumed("Query", answer), list(uses("dynamodb", "Query", query))
                result = "ok" if answered else repr(outcome)[:200]
                facts = {"operation": "Query", "units": units, "outcome": result, "uses": used}
                self.write("dynamodb", begin, depth=depth, **facts)
            self._depth = depth
            return outcomes

        module.send = send

    def gateway(self, module: Any) -> None:
        """Record every request to ``@connections``."""
        original = module.HttpPool.send

        def send(pool: Any, items: Any, request: Callable[[Any], Any]) -> Iterator[Any]:
            sent: dict[Any, tuple[float, Any]] = {}
            depth = self._depth + 1

            def keep(item: Any) -> Any:
                sent[item] = time.time(), request(item)
                return sent[item][1]

            for item, outcome in original(pool, items, keep):
                begin, (method, _, body, _) = sent[item]
                facts = {"operation": method, "bytes": len(body), "frame": body.decode()}
                uses = [(method, "@connections")]
                self.write("@connections", begin, depth=depth, uses=uses, **facts)
                self._depth = max(self._depth, depth)
                yield item, outcome

        module.HttpPool = type("Watched", (module.HttpPool,), {"send": send})

    def parallel(self, module: Any) -> None:
        """Let calls that run at the same time begin at the same depth."""
        original = module.together

        def together(calls: Iterable[Callable[[], Any]]) -> list[Any]:
            begin, ends = self._depth, [self._depth]

            def run(call: Callable[[], Any]) -> Any:
                self._depth = begin
                try:
                    return call()
                finally:
                    ends.append(self._depth)

            try:
                found: list[Any] = original([partial(run, call) for call in calls])
            finally:
                self._depth = max(ends)
            return found

        module.together = together


def uses(service: str, operation: str, request: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the rights that a request needs, as actions with their resources.

    A transaction needs the rights of its parts.
    """
    if operation == "TransactWriteItems":
        for part in request["TransactItems"]:
            ((name, one),) = part.items()
            yield f"{name}Item", one["TableName"]
    elif operation == "BatchGetItem":
        yield from ((operation, table) for table in request["RequestItems"])
    elif service == "dynamodb":
        yield operation, "/".join(filter(None, (request["TableName"], request.get("IndexName"))))
    elif operation != "ChangeMessageVisibility":  # the right to read the queue includes it
        target = request.get("QueueUrl") or request.get("FunctionName")
        any_queue = operation == "GetQueueAttributes"
        yield operation, f"{service} {operation}" if any_queue or not target else target


def consumed(operation: str, answer: Any) -> dict[str, float]:
    """Return the capacity units of a request as AWS bills them."""
    found = answer.get("ConsumedCapacity") or []
    total = sum(one["CapacityUnits"] for one in (found if isinstance(found, list) else [found]))
    reads = operation in {"GetItem", "BatchGetItem", "Query", "Scan"}
    return {"read": total if reads else 0.0, "write": 0.0 if reads else total}


class Finder:
    """A finder that wraps modules when they are imported."""

    def __init__(self, wraps: dict[str, Callable[[Any], None]]) -> None:
        self._wraps = wraps

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return a spec that wraps the module. Returns None for all other modules."""
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
    """Record the requests of this worker in the file at ``path``."""
    watch = Watch(path, function)
    finder = Finder(
        {
            "shared.aws.lambda_entry": watch.entry,
            "shared.aws.bulk_queries": watch.bulk_queries,
            "shared.aws.gateway": watch.gateway,
            "shared.aws.parallel": watch.parallel,
        }
    )
    sys.meta_path.insert(0, finder)
    # The emulator forks its workers from a process that has imported botocore.
    watch.client(importlib.import_module("botocore.client"))
