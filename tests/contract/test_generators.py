"""Generators of code read the AsyncAPI document: every model has a name, and no two have one."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from local.settings import ROOT

pytestmark = pytest.mark.xdist_group("generators")  # which are installed once

FOLDER = Path(__file__).with_name("generators")
DOCUMENT = ROOT / "docs" / "contract" / "asyncapi.json"
MADE_UP = re.compile("anonymous|reserved", re.IGNORECASE)
LANGUAGES = ("TypeScript", "Kotlin", "Dart", "Swift")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def made() -> dict[str, list[dict[str, str]]]:
    """Return the models in each language. The generators are installed once."""
    if not (FOLDER / "node_modules" / ".package-lock.json").exists():
        installed = run(
            "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"
        )
        if installed.returncode:
            pytest.skip(f"The generators cannot be installed from here: {installed.stderr[-300:]}")
    generated = run("node", "generate.cjs", str(DOCUMENT))
    assert generated.returncode == 0, generated.stderr
    found: dict[str, list[dict[str, str]]] = json.loads(generated.stdout)
    return found


def structs() -> set[str]:
    """Return the names of the components with fields."""
    schemas: dict[str, Any] = json.loads(DOCUMENT.read_text())["components"]["schemas"]
    return {name for name, schema in schemas.items() if schema.get("properties")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_model_has_a_name_of_its_own(
    made: dict[str, list[dict[str, str]]], language: str
) -> None:
    names = Counter(model["name"] for model in made[language])
    assert [name for name in names if MADE_UP.search(name)] == []
    assert [name for name, count in names.items() if count > 1] == []
    assert structs() - names.keys() == set()
    assert len(structs()) > 60
