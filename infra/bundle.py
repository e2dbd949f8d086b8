"""What is uploaded: our own code, and beside it a layer of the few packages it imports.

The layer is built without Docker, since every package has a wheel for Lambda's platform.
"""

from __future__ import annotations

import compileall
import hashlib
import os
import py_compile
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.settings import StackSettings

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "local" / "requirements.lock"
PYTHON = (3, 13)

LAYER_PACKAGES = (
    "aws-lambda-powertools",
    "jmespath",
    "msgspec",
    "pyjwt",
    "pynamodb",
    "typing-extensions",
)
"""Complete: nothing is resolved. boto3 and botocore are the runtime's own, and cryptography and
livekit-api, 25 MB of them, are not needed to check HS256 or to mint a LiveKit token."""

OUR_PYTHON_ONLY = ["/*", "!/functions/", "!/shared/", "__pycache__/", "*.*", "!*.py", "/*.py"]
"""As in .gitignore: everything but the two folders, and in them everything but modules."""


def function_code() -> lambda_.Code:
    """``functions/`` and ``shared/``, at the top of one zip that all functions share."""
    return lambda_.Code.from_asset(
        str(ROOT), exclude=OUR_PYTHON_ONLY, ignore_mode=cdk.IgnoreMode.GIT
    )


def make_layers(scope: Construct, settings: StackSettings) -> list[lambda_.LayerVersion]:
    """The packages, or nothing for the emulator, which runs in an environment that has them."""
    if settings.local:
        return []
    pins = "\n".join(pinned(LOCK.read_text()))
    code = lambda_.Code.from_asset(
        str(LOCK.parent),
        asset_hash_type=cdk.AssetHashType.CUSTOM,
        asset_hash=hashlib.sha256(
            f"{PYTHON} {sys.version_info[:2] == PYTHON} {pins}".encode()
        ).hexdigest(),
        bundling=cdk.BundlingOptions(
            image=cdk.DockerImage.from_registry("never-used"), local=_WheelLayer()
        ),
    )
    return [
        lambda_.LayerVersion(
            scope,
            "Packages",
            code=code,
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.ARM_64],
        )
    ]


def pinned(lock: str) -> Iterator[str]:
    """The lines of the lock that pin the layer's packages, hashes included."""
    wanted = False
    for line in lock.splitlines():
        if line[:1].isalpha():
            wanted = line.partition("==")[0] in LAYER_PACKAGES
        if wanted:
            yield line


@jsii.implements(cdk.ILocalBundling)
class _WheelLayer:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html"""

    def try_bundle(self, output_dir: str, *_options: object, **_more: object) -> bool:
        target = Path(output_dir) / "python"
        _install(target)
        _compile(target)
        return True


def _install(target: Path) -> None:
    """Wheels for Lambda's platform, whatever machine this is, with the hashes of the lock."""
    uv = shutil.which(
        "uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    )
    if uv is None:
        raise RuntimeError("uv is needed to build the layer: run `make setup`.")
    subprocess.run(  # noqa: S603
        [
            uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes",
            "--python-platform", "aarch64-manylinux2014",
            "--python-version", ".".join(map(str, PYTHON)),
            "--only-binary", ":all:",
            "--target", str(target),
            "--requirement", "-",
        ],
        input="\n".join(pinned(LOCK.read_text())),
        text=True,
        check=True,
    )  # fmt: skip


def _compile(target: Path) -> None:
    """Compile ahead: a cold start cannot write what it compiled, and would do it every time.

    Unchecked, because the CDK's zip resets every date, by which a plain .pyc would look stale.
    https://docs.python.org/3/reference/import.html#pyc-invalidation
    """
    if sys.version_info[:2] != PYTHON:
        print(
            "The layer is not precompiled (cold starts take longer): this is not Python 3.13.",
            file=sys.stderr,
        )
        return
    compileall.compile_dir(
        target, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
