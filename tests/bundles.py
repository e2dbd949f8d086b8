"""Functions as they are deployed: with only their bundles and the packages of Lambda's runtime."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from infra import build
from infra.build import LAYERS, PACKAGES, Runtime

RUNTIME = ("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3")
"""https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html"""


class Bundles:
    """All bundles, built in a folder for this machine.

    They are built with Lambda's version of Python, or with this one if the machine has no other.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        found = build.find_python()
        self.python = found or sys.executable
        version = build.LAMBDA.version if found else "{}.{}".format(*sys.version_info)
        here = Runtime(version, None)
        build.build_code(folder / "code")
        for name, packages in LAYERS.items():
            build.build_layer(folder / name, packages, here)
        build.install(folder / "runtime", RUNTIME, here)
        build.compile_ahead(folder / "runtime", "/var/runtime")

    def command(self, code: str, *arguments: str) -> list[str]:
        """Return a command that runs ``code`` without site packages and the working directory."""
        return [self.python, "-S", "-P", "-c", code, *arguments]

    def environment(self, layers: Iterable[str] = ()) -> dict[str, str]:
        """Return the path to a function's code, to the layer of all functions and to ``layers``."""
        return self._finding("code", *(f"{name}/python" for name in (PACKAGES, *layers)), "runtime")

    def runtime(self) -> dict[str, str]:
        """Return the path of a function that brings nothing to Lambda's runtime."""
        return self._finding("runtime")

    def _finding(self, *paths: str) -> dict[str, str]:
        return {"PYTHONPATH": os.pathsep.join(str(self._folder / path) for path in paths)}
