"""DynamoDB engines as child processes."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from local import guard
from local.emulator import PUSH_LOG, WORKER_LOG, aws_environment
from local.settings import ROOT
from shared.aws import clients
from tests.direct import Direct

NAMES = ("emulator", "dynoxide")
START_SECONDS = 60
DYNOXIDE = ROOT / "local/node_modules/@dynoxide/linux-x64/dynoxide"


class Engine:
    """A running engine.

    The functions' client of DynamoDB sends its requests without the SDK's work around them, which
    is most of what a request costs. ``by_sdk`` sends them as the functions do.

    after: what is called after each request, with the operation.
    """

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url
        self.after: list[Callable[[str], object]] = []
        self.call = self._send = Direct(url).call
        self._client: Any = None

    def client(self, service: str) -> Any:
        """Return the functions' client of a service. That of DynamoDB is kept."""
        if service != "dynamodb":
            return clients.make(service, clients.CONFIG)
        if self._client is None:
            self._client = clients.make(service, clients.CONFIG)
            self._by_sdk = self._client._make_api_call
            self._client._make_api_call = self._request
        return self._client

    @contextmanager
    def by_sdk(self, before_send: Callable[..., AWSResponse | None]) -> Iterator[None]:
        """Let the SDK send requests, and call ``before_send`` before each.

        What it returns replaces the engine's answer.
        """
        events = self.client("dynamodb").meta.events
        events.register("before-send.dynamodb", before_send)
        before, self._send = self._send, self._by_sdk
        try:
            yield
        finally:
            self._send = before
            events.unregister("before-send.dynamodb", before_send)

    def _request(self, operation: str, params: dict[str, Any]) -> Any:
        answer = self._send(operation, params)
        for take in self.after:
            take(operation)
        return answer


class Tables:
    """The tables of one test. Each is created when its name is asked for: most tests use a few.

    They stay when the test is over: the engine ends with the run, and more tables slow none down.

    names: the physical name of each table, by the name with which it is declared.
    """

    def __init__(self, engine: Engine, prefix: str, definitions: Sequence[dict[str, Any]]) -> None:
        self._engine = engine
        self._definitions = {row["TableName"]: row for row in definitions}
        self._created: set[str] = set()
        self._lock = threading.Lock()
        self.names = {name: f"{prefix}-{name}" for name in self._definitions}

    def open(self, name: str) -> str:
        """Create a table unless it is there, and return its physical name. Idempotent."""
        with self._lock:
            if name not in self._created:
                definition = self._definitions[name] | {"TableName": self.names[name]}
                self._engine.call("CreateTable", definition)
                self._created.add(name)
        return self.names[name]


def missing() -> str | None:
    """Return why the second engine cannot run here. Returns None if it can."""
    if DYNOXIDE.exists():
        return None
    return f"no dynoxide for {platform.system()} on {platform.machine()}: {DYNOXIDE} is not there"


@contextmanager
def running(name: str, work: Path) -> Iterator[Engine]:
    """Start ``emulator`` or ``dynoxide`` on a free port, with its files in ``work``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    url = f"http://127.0.0.1:{port}"
    environment = aws_environment(os.environ, url) | {
        "AUTH": "false",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": port,
        "IOT_MTLS_ENABLED": "0",
        "PYTHONPATH": str(ROOT),
        "SFTP_ENABLED": "0",
        "S3_DATA_DIR": str(work / "s3"),
        "STATE_DIR": str(work / "state"),
        "TMPDIR": str(work),
        PUSH_LOG: str(work / "pushes"),
        WORKER_LOG: str(work / "workers"),
    }
    command: Sequence[str] = (
        [sys.executable, "-m", "local.emulator_main"]
        if name == "emulator"
        else [str(DYNOXIDE), "serve", "--host", "127.0.0.1", "--port", port]
    )
    log = work / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-I", str(guard.__file__), *command],
            cwd=work,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        assert process.stdin
        try:
            engine = Engine(name, url)
            _wait(engine, process, log)
            yield engine
        finally:
            # The guard ends itself and the engine when its input closes.
            process.stdin.close()
            process.wait()


def _wait(engine: Engine, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            engine.call("ListTables", {})
        except (OSError, ClientError):
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{engine.name} did not start:\n{log.read_text(errors='replace')}")
