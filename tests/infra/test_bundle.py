"""The bundles hold what the functions import, and are the same wherever they are built."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import botocore
import pytest

from infra import build
from infra.build import KEYS, LAYERS, LIVEKIT, LOCK, PACKAGES, pinned
from infra.functions import FUNCTIONS
from shared.aws import clients
from shared.pipeline.deployment import FunctionSpec
from tests.bundles import Bundles

ARM_64 = 183
"""``e_machine`` of an ELF file, at its byte 18."""

UNCHECKED_HASH = 0b01
"""The flags of a .pyc: https://docs.python.org/3/reference/import.html#pyc-invalidation"""


@pytest.mark.parametrize("packages", LAYERS.values(), ids=LAYERS)
def test_every_package_is_pinned_with_its_hashes(packages: tuple[str, ...]) -> None:
    lines = list(pinned(LOCK.read_text(), packages))
    names = [line.partition("==")[0] for line in lines if not line.startswith(" ")]
    assert sorted(names) == sorted(packages)
    assert all("--hash=sha256:" in line for line in lines if line.startswith(" "))


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def build_one(name: str, folder: Path) -> dict[str, bytes]:
    if name in LAYERS:
        build.build_layer(folder, LAYERS[name])
    else:
        build.build_code(folder)
    return contents(folder)


@pytest.fixture(scope="module")
def built(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """Return what is in a bundle, which is built once for all tests of it."""
    return build_one(request.param, tmp_path_factory.mktemp("here"))


@pytest.mark.parametrize("built", ["code", *LAYERS], indirect=True)
def test_a_bundle_is_the_same_wherever_it_is_built(
    built: dict[str, bytes], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    name = request.node.callspec.params["built"]
    assert built == build_one(name, tmp_path / "in" / "another" / "folder")
    for path, content in built.items():
        assert str(tmp_path.parent).encode() not in content, path
        if path.endswith(".so"):
            assert content[18] == ARM_64, path


@pytest.mark.skipif(build.find_python() is None, reason="there is no Python of Lambda's version")
@pytest.mark.parametrize("built", ["code", *LAYERS], indirect=True)
def test_every_module_is_compiled_ahead(built: dict[str, bytes]) -> None:
    """The interpreter must not compare dates: the CDK's zip has none."""
    tag = build.LAMBDA.version.replace(".", "")
    for path in (Path(path) for path in built if path.endswith(".py")):
        compiled = path.parent / "__pycache__" / f"{path.stem}.cpython-{tag}.pyc"
        assert built[str(compiled)][4] == UNCHECKED_HASH


@pytest.mark.parametrize("built", [PACKAGES], indirect=True)
def test_the_layer_of_all_functions_is_small(built: dict[str, bytes]) -> None:
    """With all files of its packages the layer would be four times as large."""
    assert sum(map(len, built.values())) < 12_000_000
    assert "aws_lambda_powertools-3" in str(built.keys()), (
        "scanners look up vulnerabilities by this name"
    )


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    return Bundles(tmp_path_factory.mktemp("bundles"))


def run(
    bundles: Bundles, row: FunctionSpec, code: str, *layers: str, services: Iterable[str] = ()
) -> str:
    """Run code with a function's bundle. Returns what it prints."""
    done = subprocess.run(
        bundles.command(code, *row.handler.rsplit(".", 1), *services),
        env={
            "PATH": os.environ["PATH"],
            "AWS_DEFAULT_REGION": "us-east-1",
            **bundles.environment(layers),
        },
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


HEAVY = {"livekit.api": LIVEKIT, "shared.identity.tokens": KEYS}
"""The modules that use a layer which not all functions have."""

IMPORTS = """
import importlib, sys
assert callable(getattr(importlib.import_module(sys.argv[1]), sys.argv[2]))
"""


@pytest.mark.parametrize("row", FUNCTIONS, ids=lambda row: row.name)
def test_every_handler_imports_from_its_bundle_alone(bundles: Bundles, row: FunctionSpec) -> None:
    """A function has a heavy layer exactly if it uses it.

    The layer of keys is left out: only a stack with published keys has it. A function that may not
    read the secret checks no token, even if it imports that code.
    """
    layers = [name for name in row.layers if name != KEYS]
    found = run(bundles, row, IMPORTS + f"print(*{set(HEAVY)} & sys.modules.keys())", *layers)
    used = {HEAVY[name] for name in found.split()}
    if "read-secret" not in row.access.may.split():
        used -= {KEYS}
    assert set(row.layers) == used


def test_published_keys_can_be_read_with_their_layer(bundles: Bundles) -> None:
    (connect,) = (row for row in FUNCTIONS if row.name == "connect")
    run(bundles, connect, IMPORTS + "import jwt; assert jwt.algorithms.has_crypto", KEYS)


SDK = """
import importlib, sys
from shared.aws import clients
import botocore
for service in sys.argv[3:]:
    clients.client(service)
clients.session().get_credentials()
print(botocore.__version__, botocore.__file__)
"""

ENDPOINTS = """
import itertools, sys
from botocore.config import Config
from shared.aws import clients
regions = ("eu-south-2", "cn-north-1", "us-gov-west-1")
for service, region, fips in itertools.product(sys.argv[3:], regions, (False, True)):
    config = Config(region_name=region, use_fips_endpoint=fips)
    print(clients.make(service, config).meta.endpoint_url)
"""


def test_functions_bring_the_sdk_that_they_were_tested_with(bundles: Bundles) -> None:
    """The runtime has one too, of whichever version AWS has put there."""
    (row, *_) = FUNCTIONS
    version, path = run(bundles, row, SDK, services=build.SERVICES).split()
    assert version == botocore.__version__
    assert f"/{PACKAGES}/" in path
    named = re.findall(r'Literal\["(\w+)"\]', Path(clients.__file__).read_text())
    assert set(named) == build.SERVICES


def test_the_shortened_list_of_endpoints_leads_to_the_same_ones(bundles: Bundles) -> None:
    (row, *_) = FUNCTIONS
    services = sorted(build.SERVICES)
    found = run(bundles, row, ENDPOINTS, services=services).split()
    code = [sys.executable, "-c", ENDPOINTS, "module", "name", *services]
    whole = subprocess.run(code, cwd=build.ROOT, capture_output=True, text=True, check=True)
    assert found == whole.stdout.split()
