"""The report of a run, as JSON and as a page."""

from __future__ import annotations

import html
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.verify.check import Check, Outcome, Verdict
from bench.verify.run import Bounds

JSON_NAME, PAGE_NAME = "report.json", "report.html"

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ border-bottom: 1px solid #ddd; padding: .4rem .6rem }}
td, th {{ text-align: left; vertical-align: top }}
.different td:nth-child(2) {{ color: #b00020; font-weight: 600 }}
.as-documented td:nth-child(2) {{ color: #136f2d }}
.not-checked {{ color: #666 }}
</style>
<h1>{title}</h1>
<p>{summary}</p>
<table><tr><th>check<th>verdict<th>documented<th>found<th>measured</tr>
{rows}
</table>
"""


def facts(
    url: str,
    stage: str,
    bounds: Bounds,
    outcomes: Sequence[tuple[Check, Outcome]],
    left: Sequence[str],
) -> dict[str, Any]:
    """Return the report as plain data.

    stage: the stack's stage, or empty if it is not known.
    left: what the run could not remove.
    """
    return {
        "url": url,
        "stage": stage,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "bounds": asdict(bounds),
        "left": list(left),
        "checks": [
            {
                "name": check.name,
                "verdict": outcome.verdict.value,
                "documented": check.expects,
                "leans": check.leans,
                "found": outcome.found,
                "numbers": dict(outcome.numbers),
            }
            for check, outcome in outcomes
        ],
    }


def summary(report: Mapping[str, Any]) -> str:
    """Return one line: how many checks have which verdict, and what is left behind."""
    verdicts = [check["verdict"] for check in report["checks"]]
    parts = [f"{verdicts.count(verdict.value)} {verdict.value}" for verdict in Verdict]
    left = f". Left behind: {', '.join(report['left'])}" if report["left"] else ""
    return ", ".join(parts) + left


def page(report: Mapping[str, Any]) -> str:
    """Return the report as a page that needs no other file."""
    title = f"{report['url']} {report['stage']}, {report['at']}"
    rows = "\n".join(_row(check) for check in report["checks"])
    return _PAGE.format(title=html.escape(title), summary=html.escape(summary(report)), rows=rows)


def _row(check: Mapping[str, Any]) -> str:
    different = check["verdict"] == Verdict.DIFFERENT.value
    documented = check["documented"] + (f" Leans on it: {check['leans']}" if different else "")
    numbers = ", ".join(f"{name}: {value:g}" for name, value in check["numbers"].items())
    cells = (check["name"], check["verdict"], documented, check["found"], numbers)
    texts = "".join(f"<td>{html.escape(text)}" for text in cells)
    return f'<tr class="{check["verdict"].replace(" ", "-")}">{texts}</tr>'


def write(root: Path, report: Mapping[str, Any]) -> Path:
    """Write both files into a new folder. Returns the page's path."""
    folder = root / str(report["at"]).replace(":", "")
    folder.mkdir(parents=True)
    (folder / JSON_NAME).write_text(json.dumps(report, indent=2) + "\n")
    (folder / PAGE_NAME).write_text(page(report))
    return folder / PAGE_NAME
