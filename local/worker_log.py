"""Writes one file with everything that the emulator's Lambda workers print, and how they fail.

ministack returns what a worker prints only to a caller of the function who asks for it. Behind a
WebSocket no caller asks, and an invocation that fails leaves no trace at all. Therefore each line
is written to the file as soon as it is printed, after the name of its function and the id of the
process::

    switchboard-dev-socketio[4711] {"level":"INFO","message":"done",…}

If an invocation fails outside of the function's own code, or raises an exception that the code does
not handle, a line is added in the same form as the functions' own lines. ``local/failures.py``
reads both.
"""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack.core import lambda_runtime  # type: ignore[import-untyped]
from ministack.core.lambda_runtime import Worker  # type: ignore[import-untyped]

from local.pinned import AnotherMinistack, expect
from shared.aws import log
from shared.protocol import engineio, native, socketio
from shared.protocol.errors import InvalidPacket, InvalidPayload

END_SECONDS = 5.0
"""How long to wait for the last line of a process that has ended."""

PRELUDE = """\
import faulthandler, os, signal
faulthandler.enable()
faulthandler.register(signal.SIGTERM, chain=True)

def _exit(code, end=os._exit):
    faulthandler.dump_traceback(all_threads=False)
    end(code)

os._exit = _exit
"""
"""The first lines of a worker's script. If the worker ends without an exception, they print where
it was. ministack ends a worker that takes too long with SIGTERM."""

INIT_FAILED = """\
    except Exception as e:
        _real_stdout.write(json.dumps({"status": "error", "error": str(e)}) + "\\n")
"""
"""How ministack's script handles an import that fails. It does not print the traceback."""

INIT_FAILED_SHOWN = INIT_FAILED.replace("as e:\n", "as e:\n        traceback.print_exc()\n")

_logger = logging.getLogger("worker_log")


def install(path: Path) -> None:
    """Begin the file anew, and patch the emulator so that it writes to it.

    Raises ``RuntimeError`` if ministack's private parts are not as expected.
    """
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    if script.count(INIT_FAILED) != 1:
        raise AnotherMinistack
    expect(Worker._read_stderr, "self")
    expect(Worker.invoke, "self", "event", "request_id", more=True)
    lambda_runtime._PYTHON_WORKER_SCRIPT = PRELUDE + script.replace(INIT_FAILED, INIT_FAILED_SHOWN)
    path.write_bytes(b"")
    kept = WorkerLog(path)
    Worker._read_stderr = kept.read
    Worker.invoke = kept.watched(Worker.invoke)


class WorkerLog:
    """The file, and the functions that replace two methods of ministack's ``Worker``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def write(self, source: str, text: str) -> None:
        """Add a line. If that fails, for example because the disk is full, log a warning."""
        try:
            with self._lock, self._path.open("a", encoding="utf-8") as file:
                file.write(f"{source} {text}\n")
        except OSError as error:
            _logger.warning("cannot write to %s: %s", self._path, error)

    @property
    def read(self) -> Callable[[Any], None]:
        """The replacement of ``Worker._read_stderr``.

        A thread runs it from the start of a worker's process to its end.
        """

        def read_stderr(worker: Any) -> None:
            process, lines = worker._proc, worker._stderr_queue
            worker.log_process = process
            process.stderr.reconfigure(errors="backslashreplace")
            for line in process.stderr:
                self.write(_source(worker), line.rstrip("\n"))
                lines.put(line.rstrip("\n"))

        return read_stderr

    def watched(self, original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        """Return a replacement of ``Worker.invoke`` that adds a line if an invocation fails."""

        def invoke(worker: Any, event: Any, request_id: str, **options: Any) -> dict[str, Any]:
            try:
                result = original(worker, event, request_id, **options)
            except Exception as error:
                self._failed(worker, event, request_id, {"error": str(error)})
                raise
            if result.get("status") == "error":
                self._failed(worker, event, request_id, result)
            return result

        return invoke

    def _failed(self, worker: Any, event: Any, request_id: str, result: dict[str, Any]) -> None:
        """Add a line about a failed invocation.

        The worker's process ends after it has failed. The line is added after its last line.
        """
        if worker._stderr_thread is not None:
            worker._stderr_thread.join(END_SECONDS)
        correlation_id, name = _origin(event, request_id)
        line = {
            "level": "ERROR",
            "message": f"{result.get('error')}{_exit_code(worker)}",
            "correlation_id": correlation_id,
            "event_name": name,
            "exception": result.get("trace"),
        }
        self.write(_source(worker), json.dumps(line))


def _source(worker: Any) -> str:
    process = getattr(worker, "log_process", None)
    return f"{worker.func_name}[{process.pid if process else '-'}]"


def _exit_code(worker: Any) -> str:
    """Return how a process ended, in parentheses.

    Returns an empty text if it still runs, ended well, or was ended by ministack.
    """
    process, code = getattr(worker, "log_process", None), None
    with suppress(subprocess.TimeoutExpired):
        code = process and process.wait(END_SECONDS)
    if not code or code == -signal.SIGTERM:
        return ""
    return f" ({signal.strsignal(-code) if code < 0 else f'exit code {code}'})"


def _origin(event: Any, request_id: str) -> tuple[str, str | None]:
    """Return the correlation id and the name of an event.

    Returns the id of the invocation and None if no function of this stack receives events of this
    form.
    """
    try:
        causes = log.causes(event, SimpleNamespace(aws_request_id=request_id))
        return causes[0], event_name(event)
    except (AttributeError, KeyError, TypeError):
        return request_id, None


def event_name(event: Mapping[str, Any]) -> str | None:
    """Return the name of the event in a client's frame, or else the route.

    Returns None if the function is not behind a route.
    """
    context = event.get("requestContext") or {}
    route: str | None = context.get("routeKey")
    if context.get("eventType") != "MESSAGE":
        return route
    frame = event.get("body") or ""
    try:
        if frame.lstrip().startswith("{"):
            return native.decode(frame).event
        packet = socketio.decode(engineio.decode(frame).data)
    except InvalidPayload as error:
        return error.event or route
    except InvalidPacket:
        return route
    if packet.type is socketio.PacketType.EVENT and isinstance(packet.data, list):
        return str(packet.data[0])
    return packet.type.name
