"""The program of the emulator, with what it needs to behave as AWS does.

Its gateway is corrected, its Lambda workers are forked and logged, and one wait is shortened.

After every invocation, ministack holds the worker until 50 ms have passed without a log line. Thus
a function that logs nothing would serve only 20 events per second. Here the wait is 2 ms. ministack
collects a line that comes later with the next invocation; ``local/worker_log.py`` does not wait for
any line.
"""

from __future__ import annotations

import inspect
import os
from pathlib import Path

from ministack import app  # type: ignore[import-untyped]
from ministack.core.lambda_runtime import Worker  # type: ignore[import-untyped]

from local import emulated_gateway, worker_log, workers
from local.emulator import WORKER_LOG

DRAIN_SECONDS = {"first_line_wait": 0.002, "idle_confirm": 0.002, "hard_cap": 0.25}


def shorten_log_wait() -> None:
    """Shorten the waits that are the defaults of a private method of ministack.

    Raises ``RuntimeError`` if the method has other parameters than expected.
    """
    drain = Worker._drain_stderr_bounded
    if list(inspect.signature(drain).parameters)[1:] != list(DRAIN_SECONDS):
        raise RuntimeError("This is another ministack than the one that is pinned: make setup")
    drain.__defaults__ = tuple(DRAIN_SECONDS.values())


if __name__ == "__main__":
    shorten_log_wait()
    workers.install()
    emulated_gateway.install()
    worker_log.install(Path(os.environ.pop(WORKER_LOG)))
    app.main()
