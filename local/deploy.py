"""Deploys the stack to the emulator with the ordinary CDK CLI.

The synth takes most of the time of a start. Its result is kept under a name that is a hash of
everything it depends on, so the next start with the same sources and settings can use it again.

``cdk bootstrap`` is left out: of all that it makes, the CLI needs the bucket for the functions'
code alone, because it deploys with its own credentials here.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import boto3

from infra.settings import from_context
from local.child import Failed, run
from local.emulator import REGION
from local.settings import ROOT, WORK

CODE_BUCKET = f"cdk-hnb659fds-assets-000000000000-{REGION}"
"""The name that the CDK gives to its bucket if an app does not choose another one."""
SOURCES = ("infra", "functions", "shared", "cdk.json", "pyproject.toml", "local/requirements.lock")
KEPT_SYNTHS = 4
CDK = str(ROOT / "local" / "node_modules" / ".bin" / "cdk")


def stack_name(context: Mapping[str, str]) -> str:
    """Return the name of the stack that these settings make."""
    return from_context(context).stack_name


async def deploy(context: Mapping[str, str], work: Path) -> dict[str, str]:
    """Deploy the app to the emulator of ``os.environ``, and return the stack's outputs.

    Raises ``Failed`` if the CLI fails.
    """
    assembly = await synth(context, work)
    boto3.client("s3").create_bucket(Bucket=CODE_BUCKET)
    stack, outputs = stack_name(context), work / "outputs.json"
    options = ["--require-approval", "never", "--progress", "events"]
    await cdk(["deploy", stack, *options, "--outputs-file", str(outputs)], work, assembly)
    found: dict[str, str] = json.loads(outputs.read_bytes()).get(stack, {})
    return found


async def cdk(arguments: Sequence[str], work: Path, assembly: Path | None = None) -> None:
    """Run the CLI, on a synthesized app if there is one.

    Raises ``Failed`` with the end of its output if it fails.
    """
    what = f"cdk {arguments[0]}"
    command = [CDK, *arguments, "--no-notices"]
    await run(
        what,
        [*command, "--app", str(assembly)] if assembly else command,
        work / f"{arguments[0]}.log",
        cli_environment(),
        folder=work,  # it has no cdk.json, which would make the CLI run the app again
    )


def cli_environment() -> dict[str, str]:
    """Return the environment for the CLI.

    The CLI runs the app with the Python of this virtual environment, does not warn of Node 20, and
    sends no telemetry.
    It leaves out CloudFormation's validation of the template, which takes half of a synth: the
    tests check the template with cfn-lint.
    """
    return os.environ | {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))),
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
        "NODE_NO_WARNINGS": "1",
        "PYTHONPATH": str(ROOT),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_DISABLE_VERSION_CHECK": "1",
        "CDK_VALIDATION": "false",
    }


async def synth(context: Mapping[str, str], work: Path) -> Path:
    """Return the cloud assembly for these settings.

    It is made only if none is kept from an earlier start. Raises ``Failed`` if that fails.
    """
    kept = WORK / f"cdk.out-{fingerprint(context)}"
    if kept.is_dir():
        kept.touch()
        return kept
    settings = [part for name, value in context.items() for part in ("-c", f"{name}={value}")]
    with tempfile.TemporaryDirectory(dir=work) as folder:
        made = Path(folder) / "cdk.out"
        command = [CDK, "synth", "--quiet", "--no-notices", "--output", str(made)]
        await run("cdk synth", [*command, *settings], work / "synth.log", cli_environment())
        try:
            made.rename(kept)
        except OSError as error:
            if not kept.is_dir():  # otherwise another stack has just made the same assembly
                raise Failed(f"Could not keep the synth in {kept}: {error}") from error
    _prune()
    return kept


def _prune() -> None:
    """Delete all kept assemblies except the ``KEPT_SYNTHS`` that were used last."""
    synths = sorted(WORK.glob("cdk.out-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in synths[KEPT_SYNTHS:]:
        shutil.rmtree(old, ignore_errors=True)


def fingerprint(context: Mapping[str, str], root: Path = ROOT) -> str:
    """Return a hash of everything a synth depends on: sources, locked versions and settings."""
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
