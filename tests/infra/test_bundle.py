"""The layers hold what the functions import, no more and no less."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable

import pytest

from infra.bundle import KEYS, LAYERS, LIVEKIT, LOCK, PACKAGES, pinned
from infra.functions import FUNCTIONS, Row

RUNTIME = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
"""https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html"""

IMPORT_ALL = """
import importlib, importlib.metadata, sys

layer, runtime, handlers = (text.split(",") for text in sys.argv[1:])
normal = lambda name: name.lower().replace("_", "-").replace(".", "-")
refused = {
    module
    for module, owners in importlib.metadata.packages_distributions().items()
    if not {normal(owner) for owner in owners} & set(layer) and module not in runtime
}
sys.modules.update(dict.fromkeys(refused))  # what is None there is neither found nor imported
for handler in handlers:
    module, _, function = handler.rpartition(".")
    assert callable(getattr(importlib.import_module(module), function)), handler
"""


@pytest.mark.parametrize("packages", LAYERS.values(), ids=LAYERS)
def test_every_package_is_pinned_with_its_hashes(packages: tuple[str, ...]) -> None:
    lines = list(pinned(LOCK.read_text(), packages))
    names = [line.partition("==")[0] for line in lines if not line.startswith(" ")]
    assert sorted(names) == sorted(packages)
    assert all("--hash=sha256:" in line for line in lines if line.startswith(" "))


def python(code: str, *lists: Iterable[str]) -> str:
    """What a fresh interpreter prints; fails when it fails."""
    command = [sys.executable, "-c", code, *(",".join(one) for one in lists)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_handler_imports_with_its_layers_and_the_runtime_alone() -> None:
    """Keys are not among them: they are there only where keys are published."""
    by_layers: dict[tuple[str, ...], list[Row]] = {}
    for row in FUNCTIONS:
        layers = (PACKAGES, *(name for name in row.layers if name != KEYS))
        by_layers.setdefault(layers, []).append(row)
    for layers, rows in by_layers.items():
        packages = [package for name in layers for package in LAYERS[name]]
        python(IMPORT_ALL, packages, RUNTIME, [row.handler for row in rows])


IMPORTED = """
import importlib, sys
importlib.import_module(sys.argv[1].rpartition(".")[0])
print(",".join(name for name in sys.argv[2].split(",") if name in sys.modules))
"""


@pytest.mark.parametrize("row", FUNCTIONS, ids=lambda row: row.name)
def test_heavy_layers_are_where_they_are_used_and_nowhere_else(row: Row) -> None:
    """Whoever may not read the secret checks no token, even where it imports what does."""
    users = {"livekit.api": LIVEKIT}
    if "read-secret" in row.may.split():
        users["shared.auth"] = KEYS
    imported = python(IMPORTED, [row.handler], users).strip()
    assert set(row.layers) == {users[name] for name in imported.split(",") if name}


def test_published_keys_can_be_read_with_their_layer() -> None:
    packages = [*LAYERS[PACKAGES], *LAYERS[KEYS]]
    code = IMPORT_ALL + "import jwt; assert jwt.algorithms.has_crypto"
    python(code, packages, RUNTIME, ["functions.connect.main.handler"])
