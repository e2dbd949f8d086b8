"""What is uploaded: our own code, and beside it layers of the few packages it imports.

They are built without Docker, since every package has a wheel for Lambda's platform.
"""

from __future__ import annotations

import compileall
import hashlib
import os
import py_compile
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.settings import StackSettings

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "local" / "requirements.lock"
PYTHON = (3, 13)
PLATFORM = "aarch64-manylinux2014"

PACKAGES, KEYS, LIVEKIT = "Packages", "Keys", "LiveKit"

LAYERS = {
    PACKAGES: (
        "aws-lambda-powertools",
        "jmespath",
        "msgspec",
        "pyjwt",
        "pynamodb",
        "typing-extensions",
    ),
    KEYS: ("cffi", "cryptography", "pycparser"),
    LIVEKIT: (
        "aiohappyeyeballs",
        "aiohttp",
        "aiosignal",
        "attrs",
        "frozenlist",
        "idna",
        "livekit-api",
        "livekit-protocol",
        "multidict",
        "propcache",
        "protobuf",
        "yarl",
    ),
}
"""Complete: nothing is resolved. boto3 and botocore are the runtime's own. Only those who check
tokens against published keys get what that takes, and only the one who deletes rooms LiveKit's
library: to check HS256 and to mint a LiveKit token the first layer, a tenth of all, is enough."""

OUR_PYTHON_ONLY = ["/*", "!/functions/", "!/shared/", "__pycache__/", "*.*", "!*.py", "/*.py"]
"""As in .gitignore: everything but the two folders, and in them everything but modules."""


def function_code() -> lambda_.Code:
    """``functions/`` and ``shared/``, at the top of one zip that all functions share."""
    return lambda_.Code.from_asset(
        str(ROOT), exclude=OUR_PYTHON_ONLY, ignore_mode=cdk.IgnoreMode.GIT
    )


def make_layers(scope: Construct, settings: StackSettings) -> dict[str, lambda_.LayerVersion]:
    """The layers that these settings need, or none for the emulator, which runs in an environment
    that has all packages."""
    if settings.local:
        return {}
    wanted = (PACKAGES, KEYS, LIVEKIT) if settings.published_keys else (PACKAGES, LIVEKIT)
    return {name: _make(scope, name) for name in wanted}


def _make(scope: Construct, name: str) -> lambda_.LayerVersion:
    pins = "\n".join(pinned(LOCK.read_text(), LAYERS[name]))
    code = lambda_.Code.from_asset(
        str(LOCK.parent),
        asset_hash_type=cdk.AssetHashType.CUSTOM,
        asset_hash=hashlib.sha256(
            f"{PLATFORM} {PYTHON} {sys.version_info[:2] == PYTHON} {pins}".encode()
        ).hexdigest(),
        bundling=cdk.BundlingOptions(
            image=cdk.DockerImage.from_registry("never-used"), local=_WheelLayer(pins)
        ),
    )
    return lambda_.LayerVersion(
        scope,
        name,
        code=code,
        compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
        compatible_architectures=[lambda_.Architecture.ARM_64],
    )


def pinned(lock: str, packages: Collection[str]) -> Iterator[str]:
    """The lines of the lock that pin ``packages``, hashes included."""
    wanted = False
    for line in lock.splitlines():
        if line[:1].isalpha():
            wanted = line.partition("==")[0] in packages
        if wanted:
            yield line


@jsii.implements(cdk.ILocalBundling)
class _WheelLayer:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html"""

    def __init__(self, pins: str) -> None:
        self._pins = pins

    def try_bundle(self, output_dir: str, *_options: object, **_more: object) -> bool:
        target = Path(output_dir) / "python"
        _install(target, self._pins)
        _compile(target)
        return True


def _install(target: Path, pins: str) -> None:
    """Wheels for Lambda's platform, whatever machine this is, with the hashes of the lock."""
    uv = shutil.which(
        "uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    )
    if uv is None:
        raise RuntimeError("uv is needed to build the layer: run `make setup`.")
    subprocess.run(  # noqa: S603
        [
            uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes",
            "--python-platform", PLATFORM,
            "--python-version", ".".join(map(str, PYTHON)),
            "--only-binary", ":all:",
            "--target", str(target),
            "--requirement", "-",
        ],
        input=pins,
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
