"""The types agree. This is a test so that it runs beside the others: it keeps one core busy."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

from local.settings import ROOT

PROJECT = ROOT / "pyproject.toml"
CDK_IMPORT = re.compile(r"^from aws_cdk import (aws_\w+)", re.MULTILINE)


def test_the_types_agree() -> None:
    """``pyproject.toml`` lists what is checked."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"run .venv/bin/mypy and correct:\n{done.stdout}{done.stderr}"


def test_the_definitions_of_all_services_in_use_are_read() -> None:
    """A service that ``pyproject.toml`` does not name would have no types."""
    overrides = tomllib.loads(PROJECT.read_text())["tool"]["mypy"]["overrides"]
    (read,) = (set(one["module"]) for one in overrides if one["follow_imports"] == "normal")
    used = {
        f"aws_cdk.{name}"
        for path in (ROOT / "infra").rglob("*.py")
        for name in CDK_IMPORT.findall(path.read_text())
    }
    assert used <= read
    assert used, "no import was found"
