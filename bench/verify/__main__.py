"""``make verify URL=…``, or ``python -m bench.verify https://… --minutes 150``."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from urllib.parse import urlsplit

from bench.verify import report
from bench.verify.check import Verdict
from bench.verify.checks import CHECKS
from bench.verify.deployed import PRODUCTION, Deployed, Refused, find
from bench.verify.run import Bounds
from bench.verify.runner import verify
from local.emulator import aws_environment
from local.settings import STAGE, WORK

REPORTS = Path(__file__).parents[2] / ".local" / "verify"


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="make verify", description=__doc__)
    parser.add_argument("url", help="the stack's origin")
    parser.add_argument("--stage", default="", help="the stage, if the URL is no output of a stack")
    for bound, text in (
        ("minutes", "how long it may take: 14 checks the ten quiet minutes, 130 the two hours"),
        ("connections", "the most connections at a time"),
        ("calls", "how many calls are measured"),
        ("timers", "how many calls are left unanswered"),
        ("posts", "how many pairs of posts are compared in their order"),
    ):
        default = getattr(Bounds, bound)
        parser.add_argument(f"--{bound}", type=type(default), default=default, help=text)
    parser.add_argument(
        "--disturb", action="store_true", help="also what others notice: alarms, denied rights"
    )
    names = [check.name for check in CHECKS]
    parser.add_argument("--only", nargs="+", default=(), choices=names, metavar="CHECK")
    parser.add_argument("--prod", action="store_true", help=f"allow the stage {PRODUCTION}")
    parser.add_argument("--report", type=Path, default=REPORTS, help="where reports are written")
    return parser.parse_args(given)


def admitted(url: str, stage: str, *, prod: bool) -> Deployed | None:
    """Return the stack at a URL, or None if its account is not known.

    Raises ``Refused`` if it is in production and this was not said.
    """
    stack = None if stage == PRODUCTION and not prod else find(url, stage)
    if PRODUCTION in {stage, stack.stage if stack else ""} and not prod:
        raise Refused(
            f"This is the stage {PRODUCTION}: a run makes calls, and all users are told of its "
            "telecallers. Say --prod if you mean it."
        )
    return stack


def use_emulator(url: str) -> bool:
    """If ``make run`` serves a URL, use its emulator as the AWS account, and return True."""
    parts = urlsplit(url)
    facts = WORK / f"{parts.port}.json"
    if parts.hostname not in {"127.0.0.1", "localhost"} or not facts.exists():
        return False
    emulator = json.loads(facts.read_text())["emulator"]
    os.environ.update(aws_environment(os.environ, emulator))
    return True


def main(given: Sequence[str]) -> int:
    """Run the checks. Returns 1 if one of them has found something different, 2 if it refuses."""
    if region := os.environ.get("AWS_REGION"):
        os.environ.setdefault("AWS_DEFAULT_REGION", region)
    parsed = arguments(given)
    url = parsed.url.rstrip("/")
    given_bounds = {bound.name: getattr(parsed, bound.name) for bound in fields(Bounds)}
    bounds = Bounds(**given_bounds | {"only": tuple(parsed.only)})
    try:
        stage = STAGE if use_emulator(url) else parsed.stage
        stack = admitted(url, stage, prod=parsed.prod)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 2
    found = asyncio.run(verify(url, bounds, stack, print))
    print(f"{report.summary(found)}\n{report.write(parsed.report, found)}")
    return int(any(one["verdict"] == Verdict.DIFFERENT.value for one in found["checks"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
