"""The parent of the emulator's Lambda workers: it has imported the libraries and forks the workers.

A worker that is forked does not import the libraries again, which is most of a cold start. This
file is a program of its own. The parent imports nothing of the project, because every worker
imports the code that was deployed.

Workers with the same code and the same environment are forked from their *template*: a child of the
parent that has imported the code in this environment, and then forks workers as the parent does.

The parent reads requests from the socket that is its standard input. A request is its length in
``LENGTH_BYTES``, sent along with the four file descriptors of ``DESCRIPTORS``, and then the JSON
``{"script", "folder", "environment", "module"}``. ``module`` is what the template imports; if it is
empty, the worker has no template. To the pipe ``status`` the worker's process id is written on a
line, and when the worker has ended, its exit code on another.
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

CLIENTS = "shared.aws.clients"
"""The project's module that makes a process's AWS clients. A template makes the one for DynamoDB,
which takes as long as importing the code."""

OF_ONE_WORKER = {"AWS_LAMBDA_LOG_STREAM_NAME", "LAMBDA_TASK_ROOT"}
"""The variables in which workers of the same configuration differ."""

MOST_TEMPLATES = 40
"""How many templates are kept: those that were used last."""

Request = dict[str, Any]


def main() -> None:
    """Fork workers until the socket is closed. In a worker, run its script and return."""
    for name in PRELOADED:
        importlib.import_module(name)
    gc.freeze()
    parent = Parent(socket.socket(fileno=os.dup(0)), prepared=False)
    while (request := parent.serve()) is not None:
        control: socket.socket | None = request.pop("control", None)
        if control is None:
            sys.argv = [request["script"]]
            sys.path[0] = request["folder"]
            runpy.run_path(request["script"], run_name="__main__")
            return
        prepare(request)
        parent = Parent(control, prepared=True)


class Parent:
    """Forks a worker for each request: by itself, or through a template.

    prepared: whether this process is a template.
    """

    def __init__(self, control: socket.socket, *, prepared: bool) -> None:
        self._control = control
        self._prepared = prepared
        self._templates: dict[str, socket.socket] = {}
        self._statuses: dict[int, int | None] = {}  # of each child; a template has none
        self._ended, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> Request | None:
        """Serve requests until the socket is closed, then return None when all children have ended.

        In a worker, returns the request. In a new template, returns the first request, with the
        socket for all requests as ``control``.
        """
        sources = [self._control.fileno(), self._ended]
        while len(sources) > 1 or self._statuses:
            ready, _, _ = select.select(sources, [], [])
            if self._ended in ready:
                os.read(self._ended, 4096)
                self._report_ends()
            if self._control.fileno() not in ready:
                continue
            request, descriptors = receive(self._control)
            if request is None:
                sources.remove(self._control.fileno())
                self._end_templates(keep=0)
                continue
            fork = self._fork_through_template if request["module"] else self._fork
            if (mine := fork(request, descriptors)) is not None:
                return mine
        return None

    def _fork(self, request: Request, descriptors: list[int]) -> Request | None:
        """Fork a worker. Returns the request in the worker, and None in this process."""
        *streams, status = descriptors
        pid = os.fork()
        if not pid:
            self._leave()
            os.close(status)
            become(request, streams)
            if not self._prepared:
                settle(request)
            return request
        self._statuses[pid] = status
        tell(status, pid)
        for descriptor in streams:
            os.close(descriptor)
        return None

    def _fork_through_template(self, request: Request, descriptors: list[int]) -> Request | None:
        """Let a template fork a worker. Starts the template if there is none.

        Returns the request in a new template, and None in this process.
        """
        key = template_of(request)
        control = self._templates.pop(key, None)
        if control is None:
            control, theirs = socket.socketpair()
            pid = os.fork()
            if not pid:
                self._leave()
                for descriptor in (control.detach(), *descriptors):
                    os.close(descriptor)
                return request | {"control": theirs}
            theirs.close()
            self._statuses[pid] = None
        request = request | {"module": ""}
        try:
            send(control, request, descriptors)
        except BrokenPipeError:  # the code ends every process that imports it
            return self._fork(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        self._templates[key] = control
        self._end_templates(keep=MOST_TEMPLATES)
        return None

    def _end_templates(self, *, keep: int) -> None:
        """Let all but the last templates end when their workers have ended."""
        for key in list(self._templates)[: len(self._templates) - keep]:
            self._templates.pop(key).close()

    def _leave(self) -> None:
        """Close, in a child, what belongs to this process alone."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._control.close()
        self._end_templates(keep=0)
        statuses = [status for status in self._statuses.values() if status is not None]
        for descriptor in (self._ended, self._wake, *statuses):
            os.close(descriptor)

    def _report_ends(self) -> None:
        """Write the exit code of every worker that has ended. A signal's code is negative."""
        for pid in list(self._statuses):
            done, code = os.waitpid(pid, os.WNOHANG)
            if done and (status := self._statuses.pop(pid)) is not None:
                tell(status, os.waitstatus_to_exitcode(code))
                os.close(status)


def template_of(request: Request) -> str:
    """Return what requests have in common that use the same template."""
    environment = {
        name: value for name, value in request["environment"].items() if name not in OF_ONE_WORKER
    }
    code = os.path.realpath(request["folder"])
    return json.dumps([code, request["module"], environment], sort_keys=True)


def send(control: socket.socket, request: Request, descriptors: list[int]) -> None:
    """Send a request. Raises ``OSError`` if the process at the other end has ended."""
    body = json.dumps(request).encode()
    socket.send_fds(control, [len(body).to_bytes(LENGTH_BYTES, "big")], descriptors)
    control.sendall(body)


def receive(control: socket.socket) -> tuple[Request | None, list[int]]:
    """Return a request and its file descriptors. Returns None if the socket is closed."""
    length, descriptors, _, _ = socket.recv_fds(control, LENGTH_BYTES, len(DESCRIPTORS))
    if not length:
        return None, []
    with control.makefile("rb", buffering=0) as stream:
        body, size = b"", int.from_bytes(length, "big")
        while len(body) < size:
            body += stream.read(size - len(body)) or b""
    return json.loads(body), descriptors


def prepare(request: Request) -> None:
    """Make this process a template: its environment, its folder, and the code that it imports.

    What cannot be imported is left to the workers, which try it again and print why.
    """
    null = os.open(os.devnull, os.O_RDONLY)
    folder = os.path.realpath(request["folder"])  # not the first worker's link to it
    become(request | {"folder": folder}, [null])
    settle(request)
    sys.path[0] = folder
    printed, sys.stdout = sys.stdout, sys.stderr  # as in a worker's script
    with suppress(Exception, SystemExit):
        importlib.import_module(request["module"])
        sys.modules[CLIENTS].client("dynamodb")
    sys.stdout = printed
    gc.freeze()


def become(request: Request, streams: list[int]) -> None:
    """Make this process a worker: its standard streams, its environment and its folder."""
    sys.stdout.flush()
    for standard, descriptor in enumerate(streams):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])


def settle(request: Request) -> None:
    """Open the standard streams anew, as an interpreter does that starts.

    The environment may name a ``sitecustomize``.
    https://docs.python.org/3/library/site.html#module-sitecustomize
    """
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False, buffering=1)
    sys.path[1:1] = filter(None, request["environment"].get("PYTHONPATH", "").split(os.pathsep))
    with suppress(ModuleNotFoundError):
        importlib.import_module("sitecustomize")


def tell(descriptor: int, number: int) -> None:
    """Write a number on a line. The emulator may have ended, and reads nothing then."""
    with suppress(BrokenPipeError):
        os.write(descriptor, b"%d\n" % number)


if __name__ == "__main__":
    main()
