"""Runs ``python -m local`` as a subprocess, and reads its state and its logs."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import msgspec

from local.accounts import save as save_account
from local.emulator import aws_environment
from shared.aws import clients
from shared.aws.tables import forget_clients
from shared.identity.accounts import Account
from shared.settings import Settings, settings
from tests.e2e.clients import SECONDS
from tests.e2e.people import SECRET

ROOT = Path(__file__).parents[2]
START_SECONDS = 180
STOP_SECONDS = 30
RING_SECONDS = 6
UNAUTHENTICATED_SECONDS = 8
GRACE_SECONDS = 1
SPLIT_ABOVE = 5
POLL_SECONDS = 1.5
FRONTEND = "https://admin.example.com"
"""The only allowed origin beside the stack's own."""


@dataclass(frozen=True)
class Answer:
    """The answer to an HTTP request. The body is decoded if it is JSON."""

    status: int
    headers: Message
    body: Any


class Stack:
    """A running stack.

    terminal: the lines that it has printed so far.
    """

    def __init__(
        self,
        port: int,
        process: subprocess.Popen[str],
        logs: Path,
        terminal: list[str],
        root: Path = ROOT,
    ) -> None:
        self.process = process
        self.terminal = terminal
        self.logs = logs
        self.root = root
        self.work = root / ".local" / str(port)
        self.facts: dict[str, Any] = json.loads((root / ".local" / f"{port}.json").read_text())
        self.url: str = self.facts["url"]
        environment = aws_environment({}, self.facts["emulator"])
        self.environment: dict[str, str] = self.facts["environment"] | environment
        self.dynamodb = self.client("dynamodb")

    def client(self, service: str, path: str = "") -> Any:
        """Return an SDK client of a service of the stack's emulator, below a path."""
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.facts["emulator"] + path,
            region_name=self.environment["AWS_REGION"],
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
        )

    def connections_of(self, namespace: str, person_id: str) -> int:
        """Return how many connections the stack has stored for a person."""
        answer = self.dynamodb.get_item(
            TableName=self.facts["outputs"]["PeopleTable"],
            Key={"person": {"S": f"{namespace}#{person_id}"}},
            ConsistentRead=True,
        )
        return len(answer.get("Item", {}).get("connections", {}).get("SS", ()))

    def wait_connections(self, namespace: str, person_id: str, count: int = 1) -> None:
        """Wait until a person can be reached on ``count`` connections.

        A client receives the answer to its CONNECT packet a moment earlier.
        """
        deadline = time.monotonic() + SECONDS
        while self.connections_of(namespace, person_id) != count:
            assert time.monotonic() < deadline, f"{person_id} has not {count} connections"
            time.sleep(0.01)

    def save(self, account: Account) -> None:
        """Change an account in the table, without an event."""
        with self._in_environment():
            save_account(account)

    @contextmanager
    def _in_environment(self) -> Iterator[None]:
        """Use the environment of the stack's functions while the block runs."""
        before = dict(os.environ)
        os.environ.update(self.environment)
        _forget()
        clients.session().register_component("data_loader", _definitions())
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
            _forget()

    @contextmanager
    def direct_access(self) -> Iterator[None]:
        """Let the code in the block read and write rows as the stack's functions do."""
        with self._in_environment():
            yield

    def get(self, path: str, **headers: str) -> Answer:
        """Make a GET request."""
        return self.request("GET", path, headers)

    def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        """Make an HTTP request. An answer with an error status is returned, too."""
        request = urllib.request.Request(self.url + path, body, dict(headers), method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=SECONDS) as answer:
                return _answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error.headers, error.read())

    def logged(self, function: str, **fields: object) -> list[dict[str, Any]]:
        """Return the structured log lines of a function that have these fields, in order."""
        file = self.logs / f"switchboard-dev-{function}.log"
        texts = file.read_text(errors="replace").splitlines() if file.exists() else []
        words = [json.dumps(one) for one in fields.values() if isinstance(one, str)]
        lines = [
            json.loads(text)
            for text in texts
            if text.startswith("{") and text.endswith("}") and all(word in text for word in words)
        ]
        return [line for line in lines if fields.items() <= line.items()]

    def wait_logged(self, function: str, **fields: object) -> dict[str, Any]:
        """Wait for a log line of a function with these fields, and return the first one."""
        deadline = time.monotonic() + SECONDS
        while not (found := self.logged(function, **fields)):
            assert time.monotonic() < deadline, f"{function} has logged no {fields}"
            time.sleep(0.05)
        return found[0]

    def shown(self) -> list[str]:
        """Return the failures in the terminal, each a block of lines."""
        blocks: list[str] = []
        for line in list(self.terminal):
            if line.startswith("!! "):
                blocks.append(line)
            elif blocks:
                blocks[-1] += line
        return blocks

    def logged_errors(self) -> list[str]:
        """Return the errors and tracebacks that the functions and the emulator have logged."""
        files = [*sorted(self.logs.glob("*.log")), self.work / "emulator.log"]
        marks = ('"level":"ERROR"', "Traceback (", "[ERROR]", '"status": "error"', " ERROR [")
        return [
            f"{file.name}: {line[:2000]}"
            for file in files
            for line in file.read_text(errors="replace").splitlines()
            if any(mark in line for mark in marks)
        ]

    def errors_since(self, before: list[str]) -> list[str]:
        """Return the ``logged_errors`` that are not in ``before``."""
        return [one for one in self.logged_errors() if one not in before]


@cache
def _definitions() -> Any:
    """Return the loader of a session, so that the SDK's definitions are read once."""
    return clients.session().get_component("data_loader")


def _forget() -> None:
    settings.cache_clear()
    clients.session.cache_clear()
    forget_clients()


def _answer(status: int, headers: Message, body: bytes) -> Answer:
    is_json = body and headers.get("Content-Type", "").startswith("application/json")
    return Answer(status, headers, json.loads(body) if is_json else body.decode())


def unlimited() -> dict[str, str]:
    """Return settings with the highest value of every limit. The limits have their own tests."""
    kind = msgspec.inspect.type_info(Settings)
    assert isinstance(kind, msgspec.inspect.StructType)
    return {
        field.name.upper(): str(min(1000, getattr(field.type, "le", None) or 1000))
        for field in kind.fields
        if field.name.startswith("limit_")
    }


def free_port() -> int:
    """Return a port that no process uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    accounts_file: Path, logs: Path, root: Path = ROOT, /, **environment: str
) -> Iterator[Stack]:
    """Run the stack of the sources in ``root`` while the block runs, then stop it with ``stop``."""
    port = free_port()
    variables = {
        **os.environ,
        **unlimited(),
        "PORT": str(port),
        "ACCOUNTS": str(accounts_file),
        "JWT_SECRET": SECRET,
        "RING_TIMEOUT_SECONDS": str(RING_SECONDS),
        "UNAUTHENTICATED_SECONDS": str(UNAUTHENTICATED_SECONDS),
        "RECONNECT_GRACE_SECONDS": str(GRACE_SECONDS),
        "SPLIT_ABOVE": str(SPLIT_ABOVE),
        "POLL_SECONDS": str(POLL_SECONDS),
        "REPAIR_EVERY_MINUTES": "1440",  # a correction by coincidence would surprise a test
        "ALLOWED_ORIGINS": FRONTEND,
        "PYTHONPATH": str(Path(__file__).with_name("probe")),
        "E2E_LAMBDA_LOGS": str(logs),
        **environment,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "local"],
        cwd=root,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output: queue.Queue[str] = queue.Queue()
    terminal: list[str] = []
    reader = threading.Thread(target=_read, args=(process, output, terminal), daemon=True)
    reader.start()
    try:
        _until_ready(process, output)
        stack = Stack(port, process, logs, terminal, root)
        yield stack
        stop(stack)
    finally:
        process.kill()
        process.wait()
        reader.join(10)
        assert process.stdout is not None
        process.stdout.close()


def stop(stack: Stack) -> None:
    """Stop a stack with SIGTERM. Check that it ends well and leaves no process behind."""
    group = stack.facts["emulatorPid"]
    assert _has_members(group), "the emulator is not running"
    stack.process.send_signal(signal.SIGTERM)
    assert stack.process.wait(STOP_SECONDS) == 0
    deadline = time.monotonic() + STOP_SECONDS
    while _has_members(group):  # the processes are killed but not yet gone
        assert time.monotonic() < deadline, "the stack has left a process behind"
        time.sleep(0.05)
    assert not (stack.root / ".local" / f"{stack.url.rsplit(':', 1)[1]}.json").exists()


def _has_members(group: int) -> bool:
    """Return whether any process is left in a process group."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _read(process: subprocess.Popen[str], output: queue.Queue[str], terminal: list[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        terminal.append(line)
        output.put(line)
    output.put("")


def _until_ready(process: subprocess.Popen[str], output: queue.Queue[str]) -> None:
    lines: list[str] = []
    deadline = time.monotonic() + START_SECONDS
    while not (lines and lines[-1].startswith("Ready")):
        try:
            lines.append(output.get(timeout=max(0.0, deadline - time.monotonic())))
        except queue.Empty:
            raise AssertionError("the stack did not start:\n" + "".join(lines)) from None
        assert lines[-1], "the stack did not start:\n" + "".join(lines)
