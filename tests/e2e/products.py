"""A stack with further products: a copy of the repository that contains their folders, deployed.

A product is a folder with the product's name. Its module ``handlers`` has the ``Product``, also
under this name. The folder becomes ``functions/<name>`` in the copy, so the modules of a larger
product import each other as ``functions.<name>.<module>``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.stack import ROOT, Stack, running

PRODUCTS = ROOT / "tests" / "products"
COPIED = ("functions", "shared", "infra", "local", "web", "cdk.json", "pyproject.toml", "Makefile")
LINKED = (".venv", "local/node_modules")
NOT_COPIED = shutil.ignore_patterns("__pycache__", "node_modules", ".local")

CANCELS = 3
"""The limit of ``call:cancel``, which is also that of an event of the product ``protocol``."""

SESSION_DATA_BYTES = 200
UNAUTHENTICATED_SECONDS = 5

IMPORTS_END = "from shared.pipeline.registry import Registry\n"
LIST_ENDS = "])"


def copy_with(product_folders: Iterable[Path], copy: Path) -> Path:
    """Copy the repository to ``copy``, add the products, and write the documents of all products.

    Returns ``copy``.
    """
    copy.mkdir(parents=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=NOT_COPIED)
        else:
            shutil.copyfile(source, copy / name)
    for name in LINKED:
        (copy / name).symlink_to((ROOT / name).resolve())
    for folder in product_folders:
        _add(folder, copy)
    _write_documents(copy)
    return copy


def _add(folder: Path, copy: Path) -> None:
    name = folder.name
    shutil.copytree(folder, copy / "functions" / name, ignore=NOT_COPIED)
    file = copy / "functions" / "products.py"
    text = file.read_text()
    assert IMPORTS_END in text
    assert text.count(LIST_ENDS) == 1
    text = text.replace(IMPORTS_END, f"from functions.{name}.handlers import {name}\n{IMPORTS_END}")
    file.write_text(text.replace(LIST_ENDS, f", {name}{LIST_ENDS}"))


def _write_documents(copy: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "web.contract"],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@contextmanager
def deploy_all(work: Path, **environment: str) -> Iterator[Stack]:
    """Run a stack with all products of ``tests/products`` beside the repository's own.

    work: a folder. The copy of the repository is in ``work/repository``.
    environment: settings, as for ``make run``.
    """
    folders = sorted(file.parent for file in PRODUCTS.glob("*/handlers.py"))
    copy, logs = copy_with(folders, work / "repository"), work / "logs"
    logs.mkdir()
    settings = {
        "LIMIT_CALL_CANCEL_PER_MINUTE": str(CANCELS),
        "SESSION_DATA_BYTES": str(SESSION_DATA_BYTES),
        "UNAUTHENTICATED_SECONDS": str(UNAUTHENTICATED_SECONDS),
        **environment,
    }
    file = Path(settings.pop("ACCOUNTS"))
    with running(file, logs, copy, **settings) as stack:
        yield stack
