"""The ordinary CDK CLI, pointed at the emulator.

The synth takes most of a start, so its result is kept under a name that hashes everything it
depends on; the next start with the same sources and settings deploys what is there.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from local.child import Failed, run
from local.emulator import REGION
from local.settings import ROOT, STAGE, WORK

STACK = f"switchboard-{STAGE}"
ENVIRONMENT = f"aws://000000000000/{REGION}"
SOURCES = ("infra", "functions", "shared", "cdk.json", "pyproject.toml", "local/requirements.lock")
KEPT_SYNTHS = 4
CDK = str(ROOT / "local" / "node_modules" / ".bin" / "cdk")


async def deploy(context: Mapping[str, str], work: Path) -> dict[str, str]:
    """Deploy the app to the emulator of ``os.environ``; the stack's outputs. Raises ``Failed``."""
    environment = cli_environment()
    bootstrap = [CDK, "bootstrap", ENVIRONMENT, "--no-notices"]
    assembly, _ = await asyncio.gather(
        synth(context, work, environment),
        # In a folder without a cdk.json, or it would run the app once more.
        run("cdk bootstrap", bootstrap, work / "bootstrap.log", environment, folder=work),
    )
    outputs = work / "outputs.json"
    command = [CDK, "deploy", STACK, "--no-notices", "--app", str(assembly)]
    options = ["--require-approval", "never", "--progress", "events"]
    await run(
        "cdk deploy",
        [*command, *options, "--outputs-file", str(outputs)],
        work / "deploy.log",
        environment,
    )
    found: dict[str, str] = json.loads(outputs.read_bytes()).get(STACK, {})
    return found


def cli_environment() -> dict[str, str]:
    """The CLI runs the app with the Python of this virtual environment, silent about Node 20."""
    return os.environ | {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))),
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
        "NODE_NO_WARNINGS": "1",
        "PYTHONPATH": str(ROOT),
        "CDK_DISABLE_VERSION_CHECK": "1",
    }


async def synth(context: Mapping[str, str], work: Path, environment: Mapping[str, str]) -> Path:
    """The cloud assembly for these settings, from the last start that had the same if any."""
    kept = WORK / f"cdk.out-{fingerprint(context)}"
    if kept.is_dir():
        kept.touch()
        return kept
    settings = [part for name, value in context.items() for part in ("-c", f"{name}={value}")]
    with tempfile.TemporaryDirectory(dir=work) as folder:
        made = Path(folder) / "cdk.out"
        command = [CDK, "synth", STACK, "--quiet", "--no-notices", "--output", str(made)]
        await run("cdk synth", [*command, *settings], work / "synth.log", environment)
        try:
            made.rename(kept)
        except OSError as error:
            if not kept.is_dir():  # else another stack was quicker with the same
                raise Failed(f"Could not keep the synth in {kept}: {error}") from error
    _prune()
    return kept


def _prune() -> None:
    synths = sorted(WORK.glob("cdk.out-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in synths[KEPT_SYNTHS:]:
        shutil.rmtree(old, ignore_errors=True)


def fingerprint(context: Mapping[str, str], root: Path = ROOT) -> str:
    """A hash of everything a synth depends on: sources, locked versions and settings."""
    digest = hashlib.sha256(json.dumps(context, sort_keys=True).encode())
    for path in _files(root):
        content = path.read_bytes()
        digest.update(f"\0{path.relative_to(root)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _files(root: Path) -> Iterator[Path]:
    for source in SOURCES:
        top = root / source
        found = sorted(top.rglob("*")) if top.is_dir() else [top]
        yield from (path for path in found if path.is_file() and "__pycache__" not in path.parts)
