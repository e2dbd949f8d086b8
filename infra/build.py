"""Builds the code that the functions run in AWS: wheels and our own modules, compiled ahead.

Docker is not needed, because every package has a wheel for Lambda's platform. The same input makes
the same bytes on every machine and at any time.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "local" / "requirements.lock"


class Runtime(NamedTuple):
    """The Python for which wheels are chosen.

    version: Python's version, as in ``3.13``.
    platform: the platform in uv's words, or None for this machine's.
    """

    version: str
    platform: str | None


LAMBDA = Runtime("3.13", "aarch64-manylinux2014")
VERSION = LAMBDA.version

PACKAGES, KEYS, LIVEKIT = "Packages", "Keys", "LiveKit"

LAYERS = {
    PACKAGES: (
        "aws-lambda-powertools",
        "botocore",
        "httptools",
        "jmespath",
        "msgspec",
        "pyjwt",
        "pynamodb",
        "python-dateutil",
        "six",
        "typing-extensions",
        "urllib3",
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
"""The packages of each layer. The lists are complete, because dependencies are not resolved.

botocore is also part of the runtime, in a version that AWS changes at any time. Ours and pynamodb's
code use its inner parts, so it comes along in the version that the tests ran with.

Only functions that check tokens against published keys get ``Keys``, and only the function that
deletes LiveKit rooms gets ``LiveKit``. To check HS256 and to mint a LiveKit token, the first layer
is enough, which is a tenth of all."""

OUR_PACKAGES = ("functions", "shared")

SERVICES = frozenset(
    {"dynamodb", "events", "lambda", "secretsmanager", "sns", "sqs", "stepfunctions"}
)
"""The services whose definitions a function may load. botocore has those of four hundred."""

ENDPOINTS = SERVICES | {"states"}
"""The names under which botocore lists the services' endpoints. Step Functions has its own."""

NOT_RUN = (
    "**/.lock",
    "**/*.c",
    "**/*.h",
    "**/*.pxd",
    "**/*.pyi",
    "**/*.pyx",
    "**/.hash",
    "**/test",
    "**/tests",
    "bin",
    # A package's METADATA stays, because scanners look up vulnerabilities by it.
    "*.dist-info/[!M]*",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/*.min.*",
    "botocore/data/*/*/examples-*",
    *(
        f"aws_lambda_powertools/utilities/{name}"
        for name in (
            "auth_alpha",
            "batch",
            "circuit_breaker",
            "data_masking",
            "feature_flags",
            "idempotency",
            "kafka",
            "parameters",
            "parser",
            "streaming",
            "validation",
        )
    ),
)
"""The files of a layer that no function imports. They are left out, and a test imports every
function without them."""


def fingerprint(*parts: str) -> str:
    """Return a hash of ``parts``, of this module, and of whether code can be compiled ahead.

    It names what is built from ``parts``.
    """
    how = (Path(__file__).read_text(), str(find_python() is not None))
    return hashlib.sha256("\0".join((*how, *parts)).encode()).hexdigest()


def sources() -> Iterator[Path]:
    """Yield the paths of our own modules."""
    for package in OUR_PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def build_code(target: Path) -> None:
    """Build the code that all functions share: ``functions/`` and ``shared/`` at the top level."""
    for source in sources():
        copy = target / source.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    compile_ahead(target, "/var/task")


def build_layer(target: Path, packages: Collection[str], runtime: Runtime = LAMBDA) -> None:
    """Build a layer of packages.

    https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html
    """
    folder = target / "python"
    install(folder, packages, runtime)
    for pattern in NOT_RUN:
        for path in list(folder.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    for path in folder.glob("botocore/data/*/"):
        if path.name not in SERVICES:
            shutil.rmtree(path)
    for path in folder.glob("botocore/data/endpoints.json"):
        _keep_endpoints(path)
    compile_ahead(target, "/opt")


def _keep_endpoints(path: Path) -> None:
    """Leave only our services in botocore's list of endpoints, which is a megabyte.

    Every process reads the list when it makes its first client.
    """
    listed = json.loads(path.read_text())
    for partition in listed["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in services if name in ENDPOINTS}
    path.unlink()  # it may be a link into uv's cache
    path.write_text(json.dumps(listed))


def pinned(lock: str, packages: Collection[str]) -> Iterator[str]:
    """Yield the lines of the lock file that pin ``packages``, hashes included."""
    wanted = False
    for line in lock.splitlines():
        if line[:1].isalpha():
            wanted = line.partition("==")[0] in packages
        if wanted:
            yield line


def install(folder: Path, packages: Collection[str], runtime: Runtime) -> None:
    """Install wheels for a runtime, on any machine, and check them against the lock's hashes."""
    platform = ["--python-platform", runtime.platform] if runtime.platform else []
    subprocess.run(  # noqa: S603
        [
            _uv(), "pip", "install", "--quiet", "--no-deps", "--require-hashes",
            *platform, "--python-version", runtime.version,
            "--only-binary", ":all:",
            "--target", str(folder),
            "--requirement", "-",
        ],
        input="\n".join(pinned(LOCK.read_text(), packages)),
        text=True,
        check=True,
    )  # fmt: skip


@cache
def find_python() -> str | None:
    """Return an interpreter of Lambda's Python version, or None if this machine has none."""
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == VERSION:
        return sys.executable
    done = subprocess.run(  # noqa: S603
        [_uv(), "python", "find", "--no-python-downloads", "--no-project", VERSION],
        # uv finds pyenv's shims first, and they run only the version in this variable.
        env={**os.environ, "PYENV_VERSION": VERSION},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else None


def compile_ahead(target: Path, runs_at: str) -> None:
    """Compile the modules ahead of their use, if this machine has Lambda's Python.

    A cold start cannot store what it has compiled, so it would compile the modules every time. The
    .pyc files are not checked against their sources by date, because the CDK's zip resets every
    date, and they would look stale.
    https://docs.python.org/3/reference/import.html#pyc-invalidation
    """
    python = find_python()
    if python is None:
        _warn_once()
        return
    subprocess.run(  # noqa: S603
        [
            python, "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash",
            "-s", str(target), "-p", runs_at, str(target),
        ],
        check=True,
    )  # fmt: skip


@cache
def _warn_once() -> None:
    print(
        f"Nothing is compiled ahead, and cold starts take longer: there is no Python {VERSION} "
        f"on this machine. `uv python install {VERSION}` installs one.",
        file=sys.stderr,
    )


def size(folder: Path) -> str:
    """Return the size of a folder in words, unpacked and zipped."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(folder))
    unpacked = sum(path.stat().st_size for path in files)
    return f"{unpacked / 1e6:.2f} MB, {len(zipped.getvalue()) / 1e6:.2f} MB zipped"


def _uv() -> str:
    own = Path(sys.executable).parent
    found = shutil.which("uv", path=os.pathsep.join([str(own), os.environ.get("PATH", "")]))
    if found is None:
        raise RuntimeError("uv is needed to build what is uploaded: run `make setup`.")
    return found
