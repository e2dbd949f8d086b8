"""Real workers of the pinned emulator, and what they write to the log."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from ministack.core import lambda_runtime  # type: ignore[import-untyped]
from ministack.core.lambda_runtime import Worker  # type: ignore[import-untyped]

from local import worker_log
from local.failures import Failure, Failures

CID = "request-1"
EVENT = {
    "requestContext": {"eventType": "MESSAGE", "routeKey": "$default", "requestId": CID},
    "body": '42/user,["call:end",{}]',
}
FINE = (
    "import sys\ndef handler(event, context):\n    print('hello', file=sys.stderr)\n    return 1\n"
)

Invoke = Callable[..., list[Failure]]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Invoke]:
    """Return a function that runs a module's ``handler`` once and returns the failures."""
    for name in ("_read_stderr", "invoke"):
        monkeypatch.setattr(Worker, name, getattr(Worker, name))
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    monkeypatch.setattr(lambda_runtime, "_PYTHON_WORKER_SCRIPT", script)
    workers: list[Any] = []
    log = tmp_path / "functions.log"
    worker_log.install(log)

    def run(code: str, event: object = EVENT, seconds: int = 10) -> list[Failure]:
        worker = Worker("a-calls", config(seconds), packed(code))
        workers.append(worker)
        try:
            worker.invoke(event, "invocation-1")
        except RuntimeError:
            assert worker._proc is not None
        failures = Failures("a-")
        with log.open() as file:
            found = [failure for line in file for failure in failures.read(line)]
        return found + list(failures.settle())

    yield run
    for worker in workers:
        worker.kill()
        process = worker.log_process
        worker._stderr_thread.join()
        for stream in (process.stdin, process.stdout, process.stderr):
            with suppress(BrokenPipeError):
                stream.close()


def config(seconds: int) -> dict[str, Any]:
    return {
        "FunctionName": "a-calls",
        "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:a-calls",
        "Runtime": "python3.13",
        "Handler": "main.handler",
        "Timeout": seconds,
    }


def packed(code: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("main.py", code)
    return buffer.getvalue()


def handler(body: str) -> str:
    return f"import ctypes, os, sys, time\ndef handler(event, context):\n    {body}\n"


def test_the_output_of_a_function_is_logged(invoke: Invoke, tmp_path: Path) -> None:
    assert invoke(FINE) == []
    (line,) = (tmp_path / "functions.log").read_text().splitlines()
    source, text = line.split(" ", 1)
    assert source.startswith("a-calls[")
    assert text == "hello"


@pytest.mark.parametrize(
    ("body", "message", "trace"),
    [
        ("raise KeyError(1)", "1", "KeyError: 1"),
        ("os._exit(7)", "Worker process died (exit code 7)", "in handler"),
        ("sys.exit(3)", "Worker process died (exit code 3)", ""),
        ("ctypes.string_at(0)", "Worker process died (Segmentation fault)", "in handler"),
        ("time.sleep(60)", "Task timed out after 1.00 seconds", "in handler"),
    ],
)
def test_a_failed_invocation_is_reported_with_its_event_and_traceback(
    invoke: Invoke, body: str, message: str, trace: str
) -> None:
    (failure,) = invoke(handler(body), seconds=1 if "sleep" in body else 10)
    assert failure[:4] == ("calls", "call:end", CID, message)
    assert trace in failure.trace


@pytest.mark.parametrize(
    ("code", "message", "trace"),
    [
        ("import nowhere", "Worker init failed: No module named 'nowhere'", "ModuleNotFoundError"),
        ("def handler(", "Worker init failed:", "SyntaxError"),
        ("x = 1", "Worker init failed: module 'main' has no attribute 'handler'", "AttributeError"),
        ("import os; os._exit(4)", "Worker process exited immediately.", ""),
    ],
)
def test_a_function_that_does_not_start_is_reported(
    invoke: Invoke, code: str, message: str, trace: str
) -> None:
    (failure,) = invoke(code)
    assert failure[:3] == ("calls", "call:end", CID)
    assert failure.message.startswith(message)
    assert trace in failure.trace


@pytest.mark.parametrize("event", [None, 7, [], {}, {"Records": [None]}, {"requestContext": 1}])
def test_a_failure_with_an_event_of_any_shape_is_reported(invoke: Invoke, event: object) -> None:
    (failure,) = invoke(handler("raise KeyError(1)"), event)
    assert (failure.event, failure.correlation_id) == (None, "invocation-1")


@pytest.mark.parametrize(
    ("context", "body", "name"),
    [
        ({"eventType": "CONNECT", "routeKey": "$connect"}, "", "$connect"),
        ({"eventType": "MESSAGE", "routeKey": "$default"}, "40/user,", "CONNECT"),
        ({"eventType": "MESSAGE", "routeKey": "$default"}, "2", "$default"),
        ({"eventType": "MESSAGE", "routeKey": "$default"}, '42["a"]', "a"),
        ({"eventType": "MESSAGE", "routeKey": "call.end"}, '{"action":"call.end"}', "call:end"),
        ({"eventType": "MESSAGE", "routeKey": "$default"}, "{", "$default"),
        ({"routeKey": "GET /health"}, None, "GET /health"),
        ({}, None, None),
    ],
)
def test_an_event_is_logged_under_its_name(
    context: dict[str, str], body: str | None, name: str | None
) -> None:
    assert worker_log.event_name({"requestContext": context, "body": body}) == name


@pytest.mark.parametrize("change", ["_read_stderr", "invoke", "script"])
def test_another_version_of_the_emulator_is_refused(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if change == "script":
        monkeypatch.setattr(lambda_runtime, "_PYTHON_WORKER_SCRIPT", "run()")
    else:
        monkeypatch.setattr(Worker, change, lambda self, other: None)
    with pytest.raises(RuntimeError, match="another ministack"):
        worker_log.install(tmp_path / "functions.log")
    assert not (tmp_path / "functions.log").exists()
