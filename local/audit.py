"""``python -m local.audit``: looks up the dependencies of both lock files among known weaknesses.

The registries are asked. Where a registry does not answer such questions, as without a network or
behind a mirror, this says so and fails nothing: the check of a change must not need the network.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 180

PYTHON = (
    *(str(ROOT / ".venv/bin/uv"), "tool", "run", "--from", "pip-audit==2.10.1", "pip-audit"),
    *("--requirement", str(ROOT / "local/requirements.lock"), "--require-hashes", "--disable-pip"),
    *("--format", "json", "--timeout", "10", "--progress-spinner", "off"),
)
NODE = ("npm", "audit", "--json", "--prefix", str(ROOT / "local"))


class Audit(NamedTuple):
    """What came of asking about one lock file.

    asked: how many dependencies the registry has answered for. 0 if it does not answer.
    found: the known weaknesses, a line for each.
    """

    asked: int
    found: list[str]


class _PipWeakness(msgspec.Struct):
    id: str


class _PipDependency(msgspec.Struct):
    name: str
    version: str = ""
    vulns: list[_PipWeakness] | None = None


class _PipReport(msgspec.Struct):
    dependencies: list[_PipDependency]


class _NpmWeakness(msgspec.Struct):
    severity: str


class _NpmCounts(msgspec.Struct):
    total: int


class _NpmMetadata(msgspec.Struct):
    dependencies: _NpmCounts


class _NpmReport(msgspec.Struct):
    vulnerabilities: dict[str, _NpmWeakness]
    metadata: _NpmMetadata


def of_pip(text: str) -> Audit:
    """Read the report of pip-audit. A dependency that it has skipped has not been asked about."""
    report = msgspec.json.decode(text, type=_PipReport)
    asked = [one for one in report.dependencies if one.vulns is not None]
    return Audit(
        len(asked),
        [f"{one.name} {one.version}: {weak.id}" for one in asked for weak in one.vulns or ()],
    )


def of_npm(text: str) -> Audit:
    """Read the report of ``npm audit``."""
    report = msgspec.json.decode(text, type=_NpmReport)
    found = [f"{name}: {one.severity}" for name, one in sorted(report.vulnerabilities.items())]
    return Audit(report.metadata.dependencies.total, found)


def audit(command: Sequence[str], read: Callable[[str], Audit]) -> Audit:
    """Run a command and read its report. Without a report, no registry has answered."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        return read(done.stdout)
    except (OSError, subprocess.TimeoutExpired, msgspec.DecodeError):
        return Audit(0, [])


def report(name: str, audited: Audit) -> str:
    """Return what to print about a lock file."""
    if not audited.asked:
        return f"{name}: no registry answers here, so nothing was audited"
    if not audited.found:
        return f"{name}: {audited.asked} dependencies without a known weakness"
    return "\n".join([f"{name}: {len(audited.found)} known weaknesses", *audited.found])


def main() -> int:
    """Audit both lock files. Returns 1 if a registry knows of a weakness."""
    audits = {"Python": audit(PYTHON, of_pip), "Node": audit(NODE, of_npm)}
    for name, audited in audits.items():
        print(report(name, audited))
    return int(any(audited.found for audited in audits.values()))


if __name__ == "__main__":
    sys.exit(main())
