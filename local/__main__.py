"""``python -m local``: starts the whole stack, prints its URL, and runs until Ctrl-C.

``local/settings.py`` describes the environment variables. Exit codes: 0 after Ctrl-C or SIGTERM,
1 if something has failed, 2 for a wrong setting or a port that is taken (nothing was started).

While the stack runs, the file ``.local/<port>.json`` tells other programs how to reach it::

    {"url", "emulator", "emulatorPid", "environment": {…},
     "outputs": {"WebSocketApiId", "HttpApiId", "SecretArn", "AccountsTable", …}}

``environment`` is the environment of the stack's functions, including the names of the tables.

The line on standard output that begins with ``Ready`` has the URL. Every failure of a function is
printed too, as a block that begins with ``!!``. Everything that the functions log is in
``.local/<port>/functions.log``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from infra import site
from infra.settings import SettingError
from local import accounts, banner, deploy, edge, pages, stack
from local.child import Failed
from local.emulator import Emulator, aws_environment
from local.follow import follow
from local.settings import FUNCTIONS_LOG, WORK, Settings, from_environment
from shared.identity.accounts import Account

WRONG_SETTING = 2


def say(line: str) -> None:
    """Print a line at once, even if standard output is a pipe."""
    print(line, flush=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Print what the block does, and afterwards how many seconds it took."""
    say(f"==> {what}")
    begin = time.monotonic()
    yield
    say(f"    {time.monotonic() - begin:.1f} s")


def main() -> int:
    """Run the stack until it is stopped. Returns the exit code."""
    try:
        settings = from_environment(os.environ)
        known = accounts.read(settings.accounts)
        listener = edge.listen(settings.port)
    except SettingError as error:
        print(error, file=sys.stderr)
        return WRONG_SETTING
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        print(
            f"Port {os.environ.get('PORT') or 8000}: {reason}. Choose another: PORT=8001 make run",
            file=sys.stderr,
        )
        return WRONG_SETTING
    try:
        asyncio.run(until_stopped(settings, known, listener))
    except Failed as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return 0


async def until_stopped(settings: Settings, known: list[Account], listener: socket.socket) -> None:
    """Run the stack until SIGINT or SIGTERM, which stop it in good order at any moment."""
    running = asyncio.create_task(run(settings, known, listener))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running
    say("Stopped.")


async def run(settings: Settings, known: list[Account], listener: socket.socket) -> None:
    """Start the emulator and serve the stack until cancelled. Raises ``Failed``."""
    begin = time.monotonic()
    settings.work.mkdir(parents=True, exist_ok=True)
    async with emulator(settings) as emulated, failures_shown(settings):
        up = asyncio.create_task(serve(settings, known, listener, emulated, begin))
        died = asyncio.create_task(emulated.died())
        try:
            await asyncio.wait({up, died}, return_when=asyncio.FIRST_COMPLETED)
            if up.done():
                up.result()
            raise died.result()
        finally:
            up.cancel()
            died.cancel()
            await asyncio.gather(up, died, return_exceptions=True)


@asynccontextmanager
async def emulator(settings: Settings) -> AsyncIterator[Emulator]:
    """Run the AWS emulator while the block runs."""
    with step("Starting the AWS emulator"):
        started = await Emulator.start(settings.work)
    try:
        yield started
    finally:
        await started.stop()


@asynccontextmanager
async def failures_shown(settings: Settings) -> AsyncIterator[None]:
    """Print every failure of a function at once while the block runs."""
    prefix = f"{deploy.stack_name(settings.context)}-"
    task = asyncio.create_task(follow(settings.work / FUNCTIONS_LOG, prefix, say))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def serve(
    settings: Settings,
    known: list[Account],
    listener: socket.socket,
    emulated: Emulator,
    begin: float,
) -> None:
    """Deploy the stack, load the accounts, warm up the functions, and serve until cancelled."""
    os.environ.update(aws_environment(os.environ, emulated.url))
    with step("Deploying the stack to it (about a minute after a change)"):
        outputs = await deploy.deploy(settings.context, settings.work)
        stack.check_outputs(outputs)
    target = stack.target(emulated, outputs)
    with step(f"Loading {len(known)} accounts and warming up"):
        stack.put_secrets(outputs["SecretArn"], settings.secrets)
        stack.make_applications(settings.context)
        environment = await asyncio.to_thread(fill, deploy.stack_name(settings.context), known)
    facts = {
        "url": settings.url,
        "emulator": emulated.url,
        "emulatorPid": emulated.pid,
        "outputs": outputs,
        "environment": environment,
    }
    site.assemble()
    async with edge.serve(target, listener, pages.Pages(settings, known)):
        with state_file(WORK / f"{settings.port}.json", facts):
            say(banner.render(settings, known))
            say(f"Ready in {time.monotonic() - begin:.1f} s: {settings.url} (Ctrl-C stops it)")
            await asyncio.Event().wait()


def fill(name: str, known: list[Account]) -> dict[str, str]:
    """Load the accounts and start the workers. Returns the environment of the functions."""
    functions = stack.functions(name)
    environment = stack.function_environment(functions)
    accounts.load(known, environment)
    stack.warm(functions)
    return environment


@contextmanager
def state_file(path: Path, facts: dict[str, Any]) -> Iterator[None]:
    """Keep the facts in a file while the block runs. Readers never see a part of the file."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(facts, indent=2) + "\n")
    fresh.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
