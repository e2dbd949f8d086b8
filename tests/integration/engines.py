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
from functools import cache
from pathlib import Path
from typing import Any, cast

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local import guard
from local.emulator import PUSH_LOG, REGION, WORKER_LOG, aws_environment
from local.settings import ROOT
from shared.aws import clients

NAMES = ("emulator", "dynoxide")
START_SECONDS = 60
DYNOXIDE = ROOT / "local/node_modules/@dynoxide/linux-x64/dynoxide"


class Engine:
    """A running engine and one SDK session, whose loaded definitions make clients cheap."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url
        self.session = boto3.session.Session(
            aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION
        )
        self.admin = self.session.client(
            "dynamodb",
            endpoint_url=url,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=20),
        )
        self.made = cache(lambda service: clients.make(service, clients.CONFIG))
        """Returns the functions' client of a service. It is kept: making one costs as much as ten
        requests."""


class Tables:
    """The tables of one test. Each is created when its name is asked for: most tests use a few.

    They stay when the test is over: the engine ends with the run, and more tables slow none down.

    names: the physical name of each table, by the name with which it is declared.
    """

    def __init__(self, engine: Engine, prefix: str, definitions: Sequence[dict[str, Any]]) -> None:
        self._admin = engine.admin
        self._definitions = {row["TableName"]: row for row in definitions}
        self._created: set[str] = set()
        self._lock = threading.Lock()
        self.names = {name: f"{prefix}-{name}" for name in self._definitions}

    def open(self, name: str) -> str:
        """Create a table unless it is there, and return its physical name. Idempotent."""
        with self._lock:
            if name not in self._created:
                definition = self._definitions[name] | {"TableName": self.names[name]}
                self._admin.create_table(**definition)
                self._created.add(name)
        return self.names[name]


@contextmanager
def before_send(handler: Callable[..., AWSResponse | None]) -> Iterator[None]:
    """Call ``handler`` before each request. What it returns replaces the engine's answer."""
    events = clients.client("dynamodb").meta.events
    typed = cast("Callable[..., None]", handler)  # the stubs know of no answer
    events.register("before-send.dynamodb", typed)
    try:
        yield
    finally:
        events.unregister("before-send.dynamodb", typed)


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
            engine.admin.list_tables()
        except (BotoCoreError, ClientError):
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{engine.name} did not start:\n{log.read_text(errors='replace')}")
