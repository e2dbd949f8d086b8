"""A log that grows, and what is said of it."""

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


async def until(said: list[str], count: int) -> None:
    async with asyncio.timeout(5):
        while len(said) < count:  # noqa: ASYNC110 - what is waited for knows of no event
            await asyncio.sleep(0.01)


async def test_what_is_added_is_said_as_it_comes(tmp_path: Path) -> None:
    log, said = tmp_path / "functions.log", list[str]()
    log.write_text(failed("first") + failed("second")[:20])
    task = asyncio.create_task(follow(log, "a-", said.append))
    await until(said, 1)
    with log.open("a") as file:
        file.write(failed("second")[20:])
    await until(said, 2)
    with log.open("a") as file:
        file.write("".join(f"a-calls[1] {line}\n" for line in TRACE.splitlines()))
    await until(said, 3)
    assert said[:2] == ["!! calls\n   first", "!! calls\n   second"]
    assert said[2] == "!! calls\n   Traceback (most recent call last):\n   KeyError: 1"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_is_there_at_the_end_is_said(tmp_path: Path) -> None:
    log, said = tmp_path / "functions.log", list[str]()
    log.touch()
    task = asyncio.create_task(follow(log, "a-", said.append))
    await asyncio.sleep(0)
    log.write_text('a-calls[1] {"level":"INFO"}\n' * 20 + failed("last"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert said == ["!! calls\n   last"]


async def test_a_log_that_cannot_be_read_stops_nothing(tmp_path: Path) -> None:
    said = list[str]()
    await follow(tmp_path / "none", "", said.append)
    assert said[0].startswith("Failures are shown no longer (FileNotFoundError(")
