"""Builds what functions run in AWS, in a folder: wheels and our own modules, slim, compiled ahead.

Without Docker, since every package has a wheel for Lambda's platform. The same input makes the same
bytes, wherever and whenever it is built.
"""

from __future__ import annotations

import hashlib
import io
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
    """Which wheels fit. ``platform``: None for this machine's."""

    version: str
    platform: str | None


LAMBDA = Runtime("3.13", "aarch64-manylinux2014")
VERSION = LAMBDA.version

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

OUR_PACKAGES = ("functions", "shared")

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
    # Of an installed package what names it stays: it is what vulnerabilities are looked up by.
    "*.dist-info/[!M]*",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/*.min.*",
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
"""In a layer: what no function of ours imports. A test imports each of them without."""


def fingerprint(*parts: str) -> str:
    """Of what is built from ``parts`` in the way that is written here."""
    how = (Path(__file__).read_text(), str(find_python() is not None))
    return hashlib.sha256("\0".join((*how, *parts)).encode()).hexdigest()


def sources() -> Iterator[Path]:
    """Our own modules."""
    for package in OUR_PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def build_code(target: Path) -> None:
    """``functions/`` and ``shared/``, at the top of one zip that all functions share."""
    for source in sources():
        copy = target / source.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    compile_ahead(target, "/var/task")


def build_layer(target: Path, packages: Collection[str], runtime: Runtime = LAMBDA) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html"""
    folder = target / "python"
    install(folder, packages, runtime)
    for pattern in NOT_RUN:
        for path in list(folder.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    compile_ahead(target, "/opt")


def pinned(lock: str, packages: Collection[str]) -> Iterator[str]:
    """The lines of the lock that pin ``packages``, hashes included."""
    wanted = False
    for line in lock.splitlines():
        if line[:1].isalpha():
            wanted = line.partition("==")[0] in packages
        if wanted:
            yield line


def install(folder: Path, packages: Collection[str], runtime: Runtime) -> None:
    """Wheels for a runtime, whatever machine this is, with the hashes of the lock."""
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
    """The interpreter on this machine that is of Lambda's version, if there is one."""
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == VERSION:
        return sys.executable
    done = subprocess.run(  # noqa: S603
        [_uv(), "python", "find", "--no-python-downloads", "--no-project", VERSION],
        # The shims of pyenv are found first, and run no other version than this.
        env={**os.environ, "PYENV_VERSION": VERSION},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else None


def compile_ahead(target: Path, runs_at: str) -> None:
    """Compile ahead: a cold start cannot write what it compiled, and would do it every time.

    Unchecked, because the CDK's zip resets every date, by which a plain .pyc would look stale.
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
    """For people: unpacked and zipped."""
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
