"""The program of the emulator, with what it needs to behave as AWS does.

Its gateway is corrected, its pushes are noted, its Lambda workers are forked and logged, and what
costs it most of its time is left out:

- After every invocation, ministack holds the worker until 50 ms have passed without a log line.
  ``local/worker_log.py`` does not need these lines, and ministack collects later ones with the next
  invocation.
- For every request, ministack parses the policies of the caller's role, and looks for the caller
  twice, in a transaction once more for each item.
- It takes every expression apart anew, although an app has few of them, and looks at the same
  numbers, patterns and conditions again and again.
- It answers SDKs with headers for browsers, which AWS does not.
- It copies every row that it reads or writes with ``copy.deepcopy``.
- Its tables are many small objects, and the garbage collector looks at all of them again and again.
- The thread that answers requests gives way to all others whenever it sends something, for 5 ms.
- Its server parses HTTP in Python.
"""

from __future__ import annotations

import copy
import gc
import marshal
import os
import resource
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import uvicorn
from ministack import app  # type: ignore[import-untyped]
from ministack.core import iam_evaluator, responses  # type: ignore[import-untyped]
from ministack.core.lambda_runtime import Worker  # type: ignore[import-untyped]
from ministack.services import dynamodb  # type: ignore[import-untyped]
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from local import emulated_gateway, emulated_push, worker_log, workers
from local.emulator import PUSH_LOG, WORKER_LOG
from local.pinned import AnotherMinistack, expect

KEPT = 4096
"""How many results of a function are kept."""

PURE = (
    (iam_evaluator, "parse_policy_document", ("doc",)),
    (iam_evaluator, "fnmatch_iam", ("value", "pattern")),
    (iam_evaluator, "fnmatch_iam_cs", ("value", "pattern")),
    (responses, "expected_success_content_type", ("service", "emitted_ct")),
    (dynamodb, "_condition_syntax_error", ("expr", "slot")),
    (dynamodb, "_ddb_canonicalize_number", ("s",)),
    (dynamodb, "_number_error", ("text",)),
    (dynamodb, "_number_size_bytes", ("text",)),
)
"""Functions with their parameters, whose results depend on nothing else."""

FOR_BROWSERS = (
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Headers",
    "Access-Control-Expose-Headers",
)
"""Headers that AWS's services do not send to an SDK."""

ALLOCATIONS = 100_000
"""After how many new objects the garbage collector runs."""

GIVE_WAY_SECONDS = 0.0005
"""How long a thread may go on while another one waits."""

KEEP_ALIVE_SECONDS = 75
"""After how long an idle HTTP connection is closed."""


def wait_for_no_log() -> None:
    """Let an invocation end without a wait for further log lines."""
    expect(Worker._drain_stderr_bounded, "self", "first_line_wait", "idle_confirm", "hard_cap")
    Worker._drain_stderr_bounded = lambda self, **_: self._drain_stderr()


def work_out_once() -> None:
    """Let ministack keep what it has worked out of texts."""
    for module, name, parameters in PURE:
        function = getattr(module, name)
        expect(function, *parameters)
        setattr(module, name, remembered(function))


def remembered(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that keeps its results for arguments that are all texts."""
    kept = lru_cache(KEPT)(function)

    def remembering(*arguments: Any) -> Any:
        if all(isinstance(argument, str) for argument in arguments):
            return kept(*arguments)
        return function(*arguments)

    return remembering


def find_caller_once() -> None:
    """Let ministack find out once for each signed request who makes it, and what they may do."""
    find = iam_evaluator.resolve_principal
    expect(find, "access_key_id", "account_id", "credential")
    last: tuple[Any, ...] = (None, None, None)

    def find_once(access_key: str, account: str, credential: Any = None) -> Any:
        nonlocal last
        request, asked = iam_evaluator._signed_request.get(), (access_key, account)
        if request is None or last[0] is not request or last[1] != asked:
            last = (request, asked, find(access_key, account, credential))
        return last[2]

    iam_evaluator.resolve_principal = find_once


def answer_as_to_an_sdk() -> None:
    """Let ministack leave out headers that only browsers read, unless a browser asks."""
    dispatch = app._dispatch_service_request
    expect(dispatch, "method", "path", "headers", "body", "query_params", "request_id")

    async def dispatch_and_leave_out(method: str, path: str, headers: Any, *others: Any) -> Any:
        answer = await dispatch(method, path, headers, *others)
        for name in FOR_BROWSERS if "origin" not in headers else ():
            answer[1].pop(name, None)
        return answer

    app._dispatch_service_request = dispatch_and_leave_out


def split_expressions_once() -> None:
    """Let ministack's DynamoDB keep the tokens of an expression."""
    split = dynamodb._tokenize
    expect(split, "expr")
    kept = lru_cache(KEPT)(lambda expression: tuple(split(expression)))
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


class ReadingOn(WebSocketsSansIOProtocol):
    """Reads on while a frame is handled, as API Gateway does.

    Otherwise the close frame of a client that waits for no answer to it would be lost.
    """

    def send_receive_event_to_app(self) -> None:
        """Hand on a frame without a pause of reading."""
        self.read_paused = True
        super().send_receive_event_to_app()
        self.read_paused = False


def serve() -> None:
    """Answer requests until the process ends, with a server that parses HTTP in C."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvicorn.run(
        app.app,
        host=os.environ["BIND_HOST"],
        port=int(os.environ["GATEWAY_PORT"]),
        loop="uvloop",
        http="httptools",
        ws=ReadingOn,
        ws_ping_interval=None,  # API Gateway sends none
        ws_per_message_deflate=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,  # ministack adds it
    )


if __name__ == "__main__":
    wait_for_no_log()
    work_out_once()
    find_caller_once()
    answer_as_to_an_sdk()
    split_expressions_once()
    copy_rows_quickly()
    workers.install()
    emulated_gateway.install()
    emulated_push.install(Path(os.environ.pop(PUSH_LOG)))
    worker_log.install(Path(os.environ.pop(WORKER_LOG)))
    gc.freeze()
    gc.set_threshold(ALLOCATIONS)
    sys.setswitchinterval(GIVE_WAY_SECONDS)
    serve()
