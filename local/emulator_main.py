"""The program of the emulator, with what it needs to behave as AWS does.

Its gateway is corrected, its pushes are noted, its Lambda workers are forked and logged, and what
costs it most of its time is left out:

- After every invocation, ministack holds the worker until 50 ms have passed without a log line.
  ``local/worker_log.py`` does not need these lines, and ministack collects later ones with the next
  invocation.
- For every request, ministack parses the policies of the caller's role, twice.
- It takes every expression apart anew, although an app has few of them.
- It copies every row that it reads or writes with ``copy.deepcopy``.
- Its tables are many small objects, and the garbage collector looks at all of them again and again.
- The thread that answers requests gives way to all others whenever it sends something, for 5 ms.
"""

from __future__ import annotations

import copy
import gc
import marshal
import os
import sys
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack import app  # type: ignore[import-untyped]
from ministack.core import iam_evaluator  # type: ignore[import-untyped]
from ministack.core.lambda_runtime import Worker  # type: ignore[import-untyped]
from ministack.services import dynamodb  # type: ignore[import-untyped]

from local import emulated_gateway, emulated_push, worker_log, workers
from local.emulator import PUSH_LOG, WORKER_LOG
from local.pinned import AnotherMinistack, expect

POLICIES = 512
"""How many parsed policies are kept."""

EXPRESSIONS = 1024
"""How many expressions of DynamoDB are kept with their tokens."""

ALLOCATIONS = 100_000
"""After how many new objects the garbage collector runs."""

GIVE_WAY_SECONDS = 0.0005
"""How long a thread may go on while another one waits."""


def wait_for_no_log() -> None:
    """Let an invocation end without a wait for further log lines."""
    expect(Worker._drain_stderr_bounded, "self", "first_line_wait", "idle_confirm", "hard_cap")
    Worker._drain_stderr_bounded = lambda self, **_: self._drain_stderr()


def parse_policies_once() -> None:
    """Let ministack keep what it has parsed of a policy's text."""
    parse = iam_evaluator.parse_policy_document
    expect(parse, "doc")
    kept = lru_cache(POLICIES)(parse)

    def parse_once(doc: Any) -> Any:
        return kept(doc) if isinstance(doc, str) else parse(doc)

    iam_evaluator.parse_policy_document = parse_once


def split_expressions_once() -> None:
    """Let ministack's DynamoDB keep the tokens of an expression."""
    split = dynamodb._tokenize
    expect(split, "expr")
    kept = lru_cache(EXPRESSIONS)(lambda expression: tuple(split(expression)))
    dynamodb._tokenize = lambda expression: list(kept(expression))


def copy_rows_quickly() -> None:
    """Let ministack's DynamoDB copy rows as JSON, which they are."""
    if getattr(dynamodb, "copy", None) is not copy:
        raise AnotherMinistack
    dynamodb.copy = SimpleNamespace(copy=copy.copy, deepcopy=copied)


def copied(value: Any) -> Any:
    """Return a copy of a value in which nothing is shared with it."""
    try:
        return marshal.loads(marshal.dumps(value))  # noqa: S302 - it has just been made
    except ValueError:  # not only JSON
        return copy.deepcopy(value)


if __name__ == "__main__":
    wait_for_no_log()
    parse_policies_once()
    split_expressions_once()
    copy_rows_quickly()
    workers.install()
    emulated_gateway.install()
    emulated_push.install(Path(os.environ.pop(PUSH_LOG)))
    worker_log.install(Path(os.environ.pop(WORKER_LOG)))
    gc.freeze()
    gc.set_threshold(ALLOCATIONS)
    sys.setswitchinterval(GIVE_WAY_SECONDS)
    app.main()
