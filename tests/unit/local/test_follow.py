"""A log that grows, and the failures that are reported from it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from local import follow as module
from local.follow import follow

TRACE = "Traceback (most recent call last):\nKeyError: 1"


def failed(message: str) -> str:
    return "a-calls[1] " + json.dumps({"level": "ERROR", "message": message}) + "\n"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(module, "MOST_CHARACTERS", 10)


async def until(reported: list[str], count: int) -> None:
    async with asyncio.timeout(5):
        while len(reported) < count:  # noqa: ASYNC110 - the list has no event to wait for
            await asyncio.sleep(0.01)


async def test_a_failure_is_reported_as_soon_as_it_is_logged(tmp_path: Path) -> None:
    log, reported = tmp_path / "functions.log", list[str]()
    log.write_text(failed("first") + failed("second")[:20])
    task = asyncio.create_task(follow(log, "a-", reported.append))
    await until(reported, 1)
    with log.open("a") as file:
        file.write(failed("second")[20:])
    await until(reported, 2)
    with log.open("a") as file:
        file.write("".join(f"a-calls[1] {line}\n" for line in TRACE.splitlines()))
    await until(reported, 3)
    assert reported[:2] == ["!! calls\n   first", "!! calls\n   second"]
    assert reported[2] == "!! calls\n   Traceback (most recent call last):\n   KeyError: 1"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_failures_left_at_the_end_are_reported(tmp_path: Path) -> None:
    log, reported = tmp_path / "functions.log", list[str]()
    log.touch()
    task = asyncio.create_task(follow(log, "a-", reported.append))
    await asyncio.sleep(0)
    log.write_text('a-calls[1] {"level":"INFO"}\n' * 20 + failed("last"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert reported == ["!! calls\n   last"]


async def test_a_log_that_cannot_be_read_raises_no_error(tmp_path: Path) -> None:
    reported = list[str]()
    await follow(tmp_path / "none", "", reported.append)
    assert reported[0].startswith("Failures are shown no longer (FileNotFoundError(")
