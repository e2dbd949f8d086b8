"""The assets of the functions: our own code, and layers of the packages that it imports."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import build
from infra.build import KEYS, LAYERS, LIVEKIT, LOCK, PACKAGES, ROOT
from infra.settings import StackSettings

OUR_PYTHON_ONLY = [
    "/*",
    *(f"!/{name}/" for name in build.OUR_PACKAGES),
    "__pycache__/",
    "*.*",
    "!*.py",
    "/*.py",
]
"""The files to leave out, as in .gitignore: all but our packages, and in them all but modules."""


def function_code(settings: StackSettings) -> lambda_.Code:
    """Return our own code.

    For Lambda the modules are compiled. The emulator runs this machine's Python, so for it they are
    left as they are.
    """
    if settings.local:
        return lambda_.Code.from_asset(
            str(ROOT), exclude=OUR_PYTHON_ONLY, ignore_mode=cdk.IgnoreMode.GIT
        )
    texts = (f"{path.relative_to(ROOT)}\0{path.read_text()}" for path in build.sources())
    return _asset(ROOT, "the code", build.fingerprint(*texts), build.build_code)


def make_layers(scope: Construct, settings: StackSettings) -> dict[str, lambda_.LayerVersion]:
    """Make the layers that these settings need, by name.

    The emulator needs none, because it runs in an environment with all packages.
    """
    if settings.local:
        return {}
    wanted = (PACKAGES, KEYS, LIVEKIT) if settings.published_keys else (PACKAGES, LIVEKIT)
    return {name: _make_layer(scope, name) for name in wanted}


def _make_layer(scope: Construct, name: str) -> lambda_.LayerVersion:
    packages = LAYERS[name]
    pins = build.pinned(LOCK.read_text(), packages)
    return lambda_.LayerVersion(
        scope,
        name,
        code=_asset(
            LOCK.parent,
            f"layer {name}",
            build.fingerprint(*pins),
            partial(build.build_layer, packages=packages),
        ),
        compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
        compatible_architectures=[lambda_.Architecture.ARM_64],
    )


def _asset(source: Path, name: str, hash_: str, make: Callable[[Path], None]) -> lambda_.Code:
    return lambda_.Code.from_asset(
        str(source),
        asset_hash_type=cdk.AssetHashType.CUSTOM,
        asset_hash=hash_,
        bundling=cdk.BundlingOptions(
            image=cdk.DockerImage.from_registry("never-used"), local=_Bundling(name, make)
        ),
    )


@jsii.implements(cdk.ILocalBundling)
class _Bundling:
    """A build on this machine that prints the size of the result."""

    def __init__(self, name: str, make: Callable[[Path], None]) -> None:
        self._name = name
        self._make = make

    def try_bundle(self, output_dir: str, *_options: object, **_more: object) -> bool:
        """Build into a folder. Returns True, so that the CDK does not use Docker."""
        target = Path(output_dir)
        self._make(target)
        print(f"{self._name}: {build.size(target)}", file=sys.stderr)
        return True
