"""The AWS emulator as a child process on a free port of the loopback interface."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from local.child import Child, Failed
from local.settings import FUNCTIONS_LOG, PUSHES_LOG

REGION = "us-east-1"
START_SECONDS = 30
WORKER_LOG = "SWITCHBOARD_WORKER_LOG"
"""The environment variable of ``local/emulator_main.py`` with the path of the file that receives
what the Lambda workers print."""

PUSH_LOG = "SWITCHBOARD_PUSH_LOG"
"""The environment variable with the path of the file that receives what is pushed to devices."""

CONNECTIONS_PATH = "/_aws/execute-api/{api}/{stage}"


def aws_environment(environment: Mapping[str, str], url: str) -> dict[str, str]:
    """Return ``environment`` with every AWS variable replaced, so that no request reaches a real
    AWS account."""
    kept = {name: value for name, value in environment.items() if not name.startswith("AWS_")}
    no_proxy = ",".join(filter(None, (kept.get("NO_PROXY"), "127.0.0.1,localhost")))
    return kept | {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }


class Emulator:
    """A running emulator.

    Its log and temporary files are in the folder ``work``. Every start begins them anew.
    """

    def __init__(self, child: Child, url: str) -> None:
        self._child = child
        self.url = url

    @classmethod
    async def start(cls, work: Path) -> Emulator:
        """Start an emulator and wait until it answers. Raises ``Failed`` if it does not."""
        temporary = work / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        port = _free_port()
        url = f"http://127.0.0.1:{port}"
        environment = aws_environment(os.environ, url) | {
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "S3_DATA_DIR": str(temporary / "s3"),
            "STATE_DIR": str(temporary / "state"),
            "TMPDIR": str(temporary),
            WORKER_LOG: str(work / FUNCTIONS_LOG),
            PUSH_LOG: str(work / PUSHES_LOG),
            # The emulator's Lambda workers inherit these two.
            "CONNECTIONS_URL_FORMAT": url + CONNECTIONS_PATH,
            "PYTHONUNBUFFERED": "1",
        }
        command = [sys.executable, "-m", "local.emulator_main"]
        emulator = cls(await Child.start(command, work / "emulator.log", environment), url)
        try:
            await emulator._answer()
        except BaseException:
            await emulator.stop()
            raise
        return emulator

    async def _answer(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        async with aiohttp.ClientSession() as session:
            while self._child.running and time.monotonic() < deadline:
                try:
                    async with session.get(f"{self.url}/_ministack/health") as response:
                        if response.ok:
                            return
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05)
        raise Failed(f"The emulator did not start:\n{self._child.tail()}")

    @property
    def pid(self) -> int:
        """The id of the emulator's process group."""
        return self._child.pid

    def api(self, api_id: str, stage: str) -> str:
        """Return the URL of a stage with the scheme ``http``. WebSockets use ``ws`` instead."""
        return self.url + CONNECTIONS_PATH.format(api=api_id, stage=stage)

    async def died(self) -> Failed:
        """Wait until the emulator ends by itself, and return the error to raise then."""
        code = await self._child.wait()
        return Failed(f"The emulator ended with exit code {code}; its log: {self._child.log}")

    async def stop(self) -> None:
        """Kill the emulator and all its Lambda workers."""
        await self._child.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
