"""The canned AWS as a child process, and processes that measure themselves against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from infra.tables import ALL_TABLES
from local.emulator import aws_environment
from shared.settings import Settings

ROOT = Path(__file__).parents[1]
TREE = Path(os.environ.get("BENCH_TREE", ROOT))
"""The checkout whose functions are measured: another one shows how it was before."""


class Aws:
    """A running canned AWS.

    environment: the variables with which a process finds it.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        resources = {f.name.upper(): f.name for f in msgspec.structs.fields(Settings) if f.required}
        tables = {f"{row.name.upper()}_TABLE": f"{row.name}_table" for row in ALL_TABLES}
        self.environment = (
            aws_environment(os.environ, url)
            | resources
            | tables
            | {
                "CONNECTIONS_URL_FORMAT": f"{url}/dev",
                "PYTHONPATH": str(TREE),
                "LIVEKIT_URL": "ws://livekit",
                "POWERTOOLS_LOG_LEVEL": "ERROR",
            }
        )

    def counters(self) -> dict[str, int]:
        """Return the number of requests by operation since the last time."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.url}/counters") as answer:
            found: dict[str, int] = json.load(answer)
        return found

    def run(self, code: str, *arguments: str, **environment: str) -> Any:
        """Run ``code`` in a fresh interpreter; return the last line it prints, read as JSON."""
        return self.run_command([sys.executable, "-c", code, *arguments], environment)

    def run_command(self, command: list[str], environment: Mapping[str, str]) -> Any:
        """Do the same with a command that starts the interpreter in another way."""
        done = subprocess.run(
            command,
            env={**self.environment, **environment},
            cwd=TREE,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def canned(data: Mapping[str, Any]) -> Iterator[Aws]:
    """Run a canned AWS with the ``data`` that ``bench.server`` describes."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(data, file)
        file.flush()
        with serving("bench.server", file.name) as url:
            yield Aws(url)


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[str]:
    """Run a server that prints its port and ends with its standard input; yield its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()
