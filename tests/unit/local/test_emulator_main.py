"""The wait for log lines is shortened in the pinned version of the emulator only."""

from __future__ import annotations

import pytest
from ministack.core.lambda_runtime import Worker  # type: ignore[import-untyped]

from local import emulator_main


def test_the_wait_for_log_lines_is_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Worker._drain_stderr_bounded,
        "__defaults__",
        before := Worker._drain_stderr_bounded.__defaults__,
    )
    emulator_main.shorten_log_wait()
    assert Worker._drain_stderr_bounded.__defaults__ == (0.002, 0.002, 0.25)
    assert before == (0.050, 0.005, 0.250)


def test_another_version_of_the_emulator_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Worker, "_drain_stderr_bounded", lambda self, patience=1: "")
    with pytest.raises(RuntimeError, match="another ministack"):
        emulator_main.shorten_log_wait()
