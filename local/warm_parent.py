"""The parent of the emulator's Lambda workers: it has imported the libraries and forks the workers.

A worker that is forked does not import the libraries again, which is most of a cold start. This
file is a program of its own. It imports nothing of the project, because every worker imports the
code that was deployed.

The program reads requests from the socket that is its standard input. A request is its length in
``LENGTH_BYTES``, sent along with the four file descriptors of ``DESCRIPTORS``, and then the JSON
``{"script", "folder", "environment"}``. To the pipe ``status`` the program writes the worker's
process id on a line, and when the worker has ended, its exit code on another.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

PRELOADED = (
    "aws_lambda_powertools.event_handler",
    "aws_lambda_powertools.logging",
    "aws_lambda_powertools.metrics",
    "botocore.handlers",
    "botocore.session",
    "jwt",
    "msgspec",
    "pynamodb.models",
)
DESCRIPTORS = ("stdin", "stdout", "stderr", "status")
LENGTH_BYTES = 4


def main() -> None:
    """Fork workers until the socket is closed. In a worker, run its script and return."""
    for name in PRELOADED:
        importlib.import_module(name)
    gc.freeze()
    request = serve(socket.socket(fileno=os.dup(0)))
    if request is not None:
        sys.argv = [request["script"]]
        sys.path[0] = request["folder"]
        runpy.run_path(request["script"], run_name="__main__")


def serve(control: socket.socket) -> dict[str, Any] | None:
    """Fork a worker for each request.

    Returns None if the socket is closed. In a worker, returns the request.
    """
    statuses: dict[int, int] = {}
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([control.fileno(), ended], [], [])
        if ended in ready:
            os.read(ended, 4096)
            report_ends(statuses)
        if control.fileno() not in ready:
            continue
        request, descriptors = receive(control)
        if request is None:
            return None
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            control.close()
            for descriptor in (ended, wake, descriptors.pop(), *statuses.values()):
                os.close(descriptor)
            become(request, descriptors)
            return request
        statuses[pid] = descriptors.pop()
        for descriptor in descriptors:
            os.close(descriptor)
        tell(statuses[pid], pid)


def receive(control: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """Return a request and its file descriptors. Returns None if the socket is closed."""
    length, descriptors, _, _ = socket.recv_fds(control, LENGTH_BYTES, len(DESCRIPTORS))
    if not length:
        return None, []
    with control.makefile("rb", buffering=0) as stream:
        body, size = b"", int.from_bytes(length, "big")
        while len(body) < size:
            body += stream.read(size - len(body)) or b""
    return json.loads(body), descriptors


def become(request: dict[str, Any], descriptors: list[int]) -> None:
    """Make this process the worker: its standard streams, its environment and its folder.

    The environment may name a ``sitecustomize``, as for an interpreter that starts.
    https://docs.python.org/3/library/site.html#module-sitecustomize
    """
    sys.stdout.flush()
    for standard, descriptor in enumerate(descriptors):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False, buffering=1)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.path[1:1] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    with suppress(ModuleNotFoundError):
        importlib.import_module("sitecustomize")


def report_ends(statuses: dict[int, int]) -> None:
    """Write the exit code of every worker that has ended. A signal's code is negative."""
    for pid in list(statuses):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            descriptor = statuses.pop(pid)
            tell(descriptor, os.waitstatus_to_exitcode(status))
            os.close(descriptor)


def tell(descriptor: int, number: int) -> None:
    """Write a number on a line. The emulator may have ended, and reads nothing then."""
    with suppress(BrokenPipeError):
        os.write(descriptor, b"%d\n" % number)


if __name__ == "__main__":
    main()
