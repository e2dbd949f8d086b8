"""Imports point one way: infra, functions, shared, and down through the wings of shared."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.products import REGISTRY
from local.settings import ROOT

WINGS = ("pipeline", "calling", "identity", "realtime", "aws")
"""From the top down. ``protocol`` stands apart: it imports nothing of ours but itself."""

BESIDE = {"settings", "ports", "errors", "ids", "times", "wrong_values"}
FOLDERS = ("infra", "functions", "shared")
PRODUCTS = sorted({product.name for product in REGISTRY.products})
PLUMBING = {"native", "products"}


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, also for type checking only."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{one.name}" for one in node.names)


def allowed_in_shared(module: str, other: str) -> bool:
    """Whether a module of ``shared`` may import another."""
    mine, theirs = module.split(".")[1], other.split(".")[1]
    if mine == "protocol":
        return theirs == "protocol"
    if theirs in BESIDE or theirs in {"protocol", mine}:
        return True
    return mine in WINGS and theirs in WINGS and WINGS.index(mine) < WINGS.index(theirs)


@pytest.mark.parametrize("path", modules("shared"), ids=name)
def test_the_wings_of_shared_import_downwards(path: Path) -> None:
    ours = [one for one in imported(path) if one.split(".")[0] in (*FOLDERS, "local", "web")]
    wrong = [
        one
        for one in ours
        if not one.startswith("shared.") or not allowed_in_shared(name(path), one)
    ]
    assert wrong == []


@pytest.mark.parametrize("path", modules("functions"), ids=name)
def test_functions_import_shared_and_no_other_product(path: Path) -> None:
    folder = path.relative_to(ROOT / "functions").parts[0].removesuffix(".py")
    ours = [one for one in imported(path) if one.split(".")[0] in (*FOLDERS, "local", "web")]
    assert [one for one in ours if one.split(".")[0] not in ("functions", "shared")] == []
    if folder in PRODUCTS:
        others = {one.split(".")[1] for one in ours if one.startswith("functions.")}
        entry = {"products"} if path.name == "main.py" else set()  # a Lambda serves all products
        assert others <= {folder} | entry


def test_each_wing_says_what_is_in_it() -> None:
    """The page of a wing names every module, so that a newcomer finds the file to open."""
    for wing in (*WINGS, "protocol"):
        page = ast.get_docstring(ast.parse((ROOT / "shared" / wing / "__init__.py").read_text()))
        files = {path.stem for path in (ROOT / "shared" / wing).glob("*.py")} - {"__init__"}
        assert {one for one in files if f"``{one}``" not in (page or "")} == set(), wing


def test_no_circle_of_imports() -> None:
    """A module can be read after those that it imports, also for type checking only."""
    paths = {name(path): path for folder in FOLDERS for path in modules(folder)}
    above: dict[str, set[str]] = {
        module: {
            found
            for one in imported(path)
            for found in (one, one.rpartition(".")[0])
            if found in paths and found != module
        }
        for module, path in paths.items()
    }
    while read := {module for module, others in above.items() if not others & above.keys()}:
        above = {module: others for module, others in above.items() if module not in read}
    assert sorted(above) == []
