"""One file with everything that the emulator's Lambda workers print, and how they fail.

ministack shows what a worker prints to whoever invokes the function and asks for it; nobody does
behind a WebSocket, and there of an invocation that fails nothing is left at all. Here each line is
in the file as soon as it is printed, behind the name of its function and the id of the process::

    switchboard-dev-socketio[4711] {"level":"INFO","message":"done",…}

An invocation that fails outside of the function's own code, or that the code does not handle, adds
a line in the form of the functions' own; ``local/failures.py`` reads both.
"""

from __future__ import annotations

import inspect
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

from shared.aws import log
from shared.protocol import engineio, native, socketio
from shared.protocol.errors import InvalidPacket, InvalidPayload

END_SECONDS = 1.0
"""How long to wait for a dead process's last line."""

PRELUDE = """\
import faulthandler, os, signal
faulthandler.enable()
faulthandler.register(signal.SIGTERM, chain=True)

def _exit(code, end=os._exit):
    faulthandler.dump_traceback(all_threads=False)
    end(code)

os._exit = _exit
"""
"""Of a worker: what ends it without an exception prints where it is then. SIGTERM is how ministack
ends one that takes too long."""

INIT_FAILED = """\
    except Exception as e:
        _real_stdout.write(json.dumps({"status": "error", "error": str(e)}) + "\\n")
"""
"""What becomes of an import that fails: the traceback is thrown away."""

INIT_FAILED_SHOWN = INIT_FAILED.replace("as e:\n", "as e:\n        traceback.print_exc()\n")

_logger = logging.getLogger("worker_log")


def install(path: Path) -> None:
    """Begin the file anew and have the emulator write to it.

    Raises ``RuntimeError`` where ministack's private parts are other ones.
    """
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    if (
        script.count(INIT_FAILED) != 1
        or _parameters("_read_stderr") != ["self"]
        or _parameters("invoke")[:3] != ["self", "event", "request_id"]
    ):
        raise RuntimeError("This is another ministack than the one that is pinned: make setup")
    lambda_runtime._PYTHON_WORKER_SCRIPT = PRELUDE + script.replace(INIT_FAILED, INIT_FAILED_SHOWN)
    path.write_bytes(b"")
    kept = WorkerLog(path)
    Worker._read_stderr = kept.read
    Worker.invoke = kept.watched(Worker.invoke)


def _parameters(method: str) -> list[str]:
    return list(inspect.signature(getattr(Worker, method)).parameters)


class WorkerLog:
    """The file, and what takes the place of two of a worker's methods."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def write(self, source: str, text: str) -> None:
        """Add a line. A full disk is no reason to fail."""
        try:
            with self._lock, self._path.open("a", encoding="utf-8") as file:
                file.write(f"{source} {text}\n")
        except OSError as error:
            _logger.warning("nothing is added to %s: %s", self._path, error)

    @property
    def read(self) -> Callable[[Any], None]:
        """``Worker._read_stderr``: a thread's whole life, from a process's start to its end."""

        def read_stderr(worker: Any) -> None:
            process, lines = worker._proc, worker._stderr_queue
            worker.log_process = process
            process.stderr.reconfigure(errors="backslashreplace")
            for line in process.stderr:
                self.write(_source(worker), line.rstrip("\n"))
                lines.put(line.rstrip("\n"))

        return read_stderr

    def watched(self, original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        """``Worker.invoke``, with a line for an invocation that fails."""

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
        """Add a line behind the process's last words: a worker that fails ends."""
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
    """How the process ended, where it ended by itself and not well; else nothing."""
    process, code = getattr(worker, "log_process", None), None
    with suppress(subprocess.TimeoutExpired):
        code = process and process.wait(END_SECONDS)
    if not code or code == -signal.SIGTERM:
        return ""
    return f" ({signal.strsignal(-code) if code < 0 else f'exit code {code}'})"


def _origin(event: Any, request_id: str) -> tuple[str, str | None]:
    """The correlation id and the name of an event; those of the invocation, its id and None,
    where the event is none that a function of this stack gets."""
    try:
        causes = log.causes(event, SimpleNamespace(aws_request_id=request_id))
        return causes[0], event_name(event)
    except (AttributeError, KeyError, TypeError):
        return request_id, None


def event_name(event: Mapping[str, Any]) -> str | None:
    """The event in a client's frame, else the route; None where a function is not behind any."""
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
