"""The types agree. This is a test so that it runs beside the others: it keeps one core busy."""

from __future__ import annotations

import subprocess
import sys

from local.settings import ROOT


def test_the_types_agree() -> None:
    """``pyproject.toml`` lists what is checked."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"run .venv/bin/mypy and correct:\n{done.stdout}{done.stderr}"
