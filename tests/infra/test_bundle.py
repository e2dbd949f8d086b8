"""The layer holds what the functions import, no more and no less."""

from __future__ import annotations

import subprocess
import sys

from infra.bundle import LAYER_PACKAGES, LOCK, pinned
from infra.functions import FUNCTIONS

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

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in refused:
            raise ModuleNotFoundError(f"{name} is not in the layer", name=name)

sys.meta_path.insert(0, Refuse())
for handler in handlers:
    module, _, function = handler.rpartition(".")
    assert callable(getattr(importlib.import_module(module), function)), handler
"""


def test_every_package_is_pinned_with_its_hashes() -> None:
    lines = list(pinned(LOCK.read_text()))
    names = [line.partition("==")[0] for line in lines if not line.startswith(" ")]
    assert sorted(names) == sorted(LAYER_PACKAGES)
    assert all("--hash=sha256:" in line for line in lines if line.startswith(" "))


def test_every_handler_imports_with_the_layer_and_the_runtime_alone() -> None:
    lists = [LAYER_PACKAGES, RUNTIME, [row.handler for row in FUNCTIONS]]
    command = [sys.executable, "-c", IMPORT_ALL, *(",".join(one) for one in lists)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
