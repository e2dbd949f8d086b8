"""How the emulator's Lambda workers start and run: forked from a warm parent, and side by side.

ministack starts a new Python interpreter for every worker, which imports the libraries for a
quarter of a second, and compiles our modules for as long again. It lets all frames of WebSockets
that a function receives wait for one another, where AWS runs them at once. For asynchronous
invocations it starts as many processes as there are at the same time: a hundred clients that leave
would be a hundred. And it ends the workers of a function whose configuration is changed, where AWS
lets them finish what they do.
"""

from __future__ import annotations

import compileall
import hashlib
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, ClassVar

from ministack.core import lambda_runtime  # type: ignore[import-untyped]
from ministack.services import lambda_svc  # type: ignore[import-untyped]

from local.pinned import expect
from local.warm_parent import send

PARENT = Path(__file__).with_name("warm_parent.py")

AT_ONCE = 4
"""How many frames a function serves at the same time. More would make each other slow on a machine
with few cores."""

ASYNCHRONOUS_AT_ONCE = 12
"""The same for asynchronous invocations. Those of ``disconnect`` mostly wait for half a second."""

_asynchronous = ContextVar("asynchronous", default=False)
_module = ContextVar("module", default="")
"""The module with the handler of the worker that is started."""


def install() -> None:
    """Start the warm parent, and patch the emulator so that it is used.

    Raises ``RuntimeError`` if ministack's private parts are not as expected.
    """
    expect(lambda_runtime.get_or_create_worker, "func_name", "config", "code_zip", "qualifier")
    expect(lambda_svc.invoke_async_with_retry, "func", "event")
    expect(lambda_svc._execute_function_warm, "func", "event", "request_id")
    code = SharedCode(Path(tempfile.gettempdir()) / "code")
    expect(lambda_runtime.Worker._spawn, "self")
    lambda_runtime.Worker._spawn = naming_module(lambda_runtime.Worker._spawn)
    lambda_runtime.subprocess = ForkingSubprocess(WarmParent())
    lambda_runtime.zipfile = SharingZipfile(code)
    lambda_runtime.get_or_create_worker = LeasedWorker
    lambda_runtime.kill_workers = ending_idle(lambda_runtime.kill_workers)
    lambda_svc.invoke_async_with_retry = marked(lambda_svc.invoke_async_with_retry)
    lambda_svc._execute_function_warm = in_turn(lambda_svc._execute_function_warm)


def marked(invoke: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Return a replacement of ``invoke_async_with_retry`` that marks the thread that it starts."""

    def invoke_marked(func: Any, event: Any) -> None:
        token = _asynchronous.set(True)
        try:
            invoke(func, event)
        finally:
            _asynchronous.reset(token)

    return invoke_marked


def naming_module(spawn: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return a replacement of ``Worker._spawn`` that lets ``Popen`` know the handler's module."""

    def spawn_named(worker: Any) -> None:
        handler = worker.config.get("Handler", "")
        token = _module.set(handler.rpartition(".")[0].replace("/", "."))
        try:
            spawn(worker)
        finally:
            _module.reset(token)

    return spawn_named


def in_turn(execute: Callable[[Any, Any, str], Any]) -> Callable[[Any, Any, str], Any]:
    """Return a replacement of ``_execute_function_warm`` that lets asynchronous invocations of a
    function wait for one another if they are many."""
    slots: dict[str, threading.Semaphore] = {}

    def execute_in_turn(func: Any, event: Any, request_id: str) -> Any:
        if not _asynchronous.get():
            return execute(func, event, request_id)
        name = (func.get("config") or func).get("FunctionName", "")
        with slots.setdefault(name, threading.Semaphore(ASYNCHRONOUS_AT_ONCE)):
            return execute(func, event, request_id)

    return execute_in_turn


def ending_idle(kill: Callable[[list[Any]], None]) -> Callable[[list[Any]], None]:
    """Return a replacement of ``kill_workers`` that ends a worker after its current invocation."""

    def end_later(worker: Any) -> None:
        with worker._lock:
            kill([worker])

    def kill_workers(workers: list[Any]) -> None:
        busy = [worker for worker in workers if worker._lock.locked()]
        kill([worker for worker in workers if worker not in busy])
        for worker in busy:
            threading.Thread(target=end_later, args=[worker], daemon=True).start()

    return kill_workers


class LeasedWorker:
    """A worker that serves one frame of a WebSocket and no other at the same time."""

    _slots: ClassVar[dict[str, threading.Semaphore]] = {}

    def __init__(
        self, func_name: str, config: Any, code_zip: bytes, qualifier: str = "$LATEST"
    ) -> None:
        self._function = (func_name, config, code_zip, qualifier)
        slots = threading.Semaphore(AT_ONCE)
        self._slot = self._slots.setdefault(f"{func_name}:{qualifier}", slots)

    def invoke(self, event: Any, request_id: str) -> dict[str, Any]:
        """Wait for a worker, run one invocation on it, and give it back."""
        with self._slot:
            worker, _ = lambda_runtime.acquire_worker(*self._function)
            try:
                result: dict[str, Any] = worker.invoke(event, request_id)
                return result
            finally:
                lambda_runtime.release_worker(worker)


class ForkingSubprocess:
    """The module ``subprocess`` for ministack, but a Python process is forked."""

    def __init__(self, parent: WarmParent) -> None:
        self._parent = parent

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    def Popen(self, command: list[str], **options: Any) -> Any:  # noqa: N802 - subprocess's name
        """Start a process. Its three standard streams are pipes."""
        if command[0] != sys.executable:
            popen: Any = subprocess.Popen
            return popen(command, **options)
        return self._parent.fork(command[1], options["cwd"], options["env"], _module.get())


class SharingZipfile:
    """The module ``zipfile`` for ministack, but an archive is unpacked once for all workers."""

    def __init__(self, code: SharedCode) -> None:
        self._code = code

    def __getattr__(self, name: str) -> Any:
        return getattr(zipfile, name)

    def ZipFile(self, archive: str) -> SharedArchive:  # noqa: N802 - zipfile's name
        """Open an archive to read it."""
        return SharedArchive(archive, self._code)


class SharedArchive(zipfile.ZipFile):
    """An archive that is unpacked once for all workers."""

    def __init__(self, path: str, code: SharedCode) -> None:
        super().__init__(path)
        self._code = code

    def extractall(self, path: Any = None, *_: Any) -> None:
        """Replace an empty folder by a link to the folder in which the archive is unpacked."""
        folder = Path(path)
        shared = self._code.folder(Path(str(self.filename)), super().extractall)
        folder.rmdir()
        folder.symlink_to(shared)


class SharedCode:
    """The code of the workers, unpacked and compiled once for all workers that run it.

    root: the folder of all codes, each in a folder named by the hash of its archive.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()

    def folder(self, archive: Path, unpack: Callable[[Path], None]) -> Path:
        """Return the folder with the content of an archive. Unpacks it if this is the first."""
        shared = self._root / hashlib.sha256(archive.read_bytes()).hexdigest()
        with self._lock:
            if not shared.exists():
                self._root.mkdir(parents=True, exist_ok=True)
                fresh = Path(tempfile.mkdtemp(dir=self._root))
                unpack(fresh)
                compileall.compile_dir(fresh, quiet=2)
                fresh.rename(shared)
        return shared


class WarmParent:
    """The process of ``local/warm_parent.py``. It ends with this process."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        self._lock = threading.Lock()
        own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [sys.executable, str(PARENT)]
        with theirs:
            self._process = subprocess.Popen(command, stdin=theirs.fileno(), env=own)

    def close(self) -> None:
        """End the parent. Workers end when their standard input is closed. Idempotent."""
        self._control.close()
        self._process.wait()

    def fork(
        self, script: str, folder: str, environment: dict[str, str], module: str = ""
    ) -> ForkedProcess:
        """Start a worker that runs a Python script and will import ``module``, if any.

        Raises ``OSError`` if the parent has ended.
        """
        pipes = [os.pipe() for _ in range(4)]
        (stdin, to_stdin), (from_stdout, stdout), (from_stderr, stderr), (status, to_status) = pipes
        request = {
            "script": script,
            "folder": folder,
            "environment": environment,
            "module": module,
        }
        theirs = [stdin, stdout, stderr, to_status]
        try:
            with self._lock:
                send(self._control, request, theirs)
        except OSError as error:
            raise OSError(
                "The parent of the Lambda workers has ended: start the emulator again"
            ) from error
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        return ForkedProcess(to_stdin, from_stdout, from_stderr, status)


class ForkedProcess:
    """A forked worker, with those members of ``subprocess.Popen`` that ministack uses."""

    def __init__(self, stdin: int, stdout: int, stderr: int, status: int) -> None:
        self.stdin = os.fdopen(stdin, "w", buffering=1, encoding="utf-8")
        self.stdout = os.fdopen(stdout, encoding="utf-8")
        self.stderr = os.fdopen(stderr, encoding="utf-8")
        self._status = os.fdopen(status, "rb", buffering=0)
        self._lock = threading.Lock()
        self.returncode: int | None = None
        self.pid = int(self._status.readline())

    def poll(self) -> int | None:
        """Return the exit code, or None while the process runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the process ends, and return its exit code.

        Raises ``subprocess.TimeoutExpired`` if it still runs after ``timeout`` seconds.
        """
        with self._lock:
            if self.returncode is None:
                poll = select.poll()
                poll.register(self._status, select.POLLIN)
                if not poll.poll(None if timeout is None else timeout * 1000):
                    raise subprocess.TimeoutExpired("a Lambda worker", timeout or 0)
                # Without a code, the parent has been killed, and its workers with it.
                self.returncode = int(self._status.readline() or -signal.SIGKILL)
                self._status.close()
            return self.returncode

    def terminate(self) -> None:
        """Send SIGTERM, unless the process has ended."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL, unless the process has ended."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)
