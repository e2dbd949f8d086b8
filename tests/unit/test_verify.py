"""The pure parts of ``make verify``: percentiles, costs, the report, and what it refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.verify import costs, latencies, report
from bench.verify.__main__ import main
from bench.verify.check import judged, not_checked
from bench.verify.checks import CHECKS
from bench.verify.costs import Used
from bench.verify.deployed import defaults
from bench.verify.emulator import DIFFERENCES
from bench.verify.run import Bounds

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([5.0], 99.9, 5.0),
        ([3.0, 1.0, 2.0], 50, 2.0),
        ([float(n) for n in range(1, 101)], 99, 99.0),
        ([float(n) for n in range(1, 1001)], 99.9, 999.0),
        ([1.0, 2.0], 0, 1.0),
    ],
)
def test_a_percentile_is_one_of_the_values(
    values: list[float], percent: float, expected: float
) -> None:
    assert latencies.percentile(values, percent) == expected


def test_nothing_measured_has_no_percentiles() -> None:
    assert latencies.in_ms("ring", []) == {}
    assert latencies.in_ms("ring", [0.1]) == {
        "ring p50 ms": 100.0,
        "ring p99 ms": 100.0,
        "ring p99.9 ms": 100.0,
    }


def test_a_call_as_documented_costs_what_is_documented() -> None:
    """The parts of docs/operations.md, "A million calls", that the metrics show."""
    per_call = Used(
        messages=8, invocations=12, gb_seconds=0.175, reads=26, writes=33, queued=3, timers=1,
        timer_ms=30_000,
    )  # fmt: skip
    million = sum(costs.dollars(per_call).values()) * 1e6
    assert 0.7 * costs.documented(0) < million < costs.documented(0)


def test_the_page_shows_what_was_found_as_text() -> None:
    known, other = CHECKS[0], CHECKS[-1]
    assert known.leans != other.leans
    outcomes = [(known, judged(False, "<b>", ms=1.5)), (other, not_checked("no time"))]
    facts = report.facts("https://x", "dev", Bounds(), outcomes, ["/user#1"])
    assert report.summary(facts) == (
        "0 as documented, 1 different, 1 not checked. Left behind: /user#1"
    )
    page = report.page(facts)
    assert "&lt;b&gt;" in page
    assert known.leans in page
    assert other.leans not in page


def test_a_production_stage_is_refused_before_anything_is_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["https://rt.example.com", "--stage", "prod"]) == 2
    assert "--prod" in capsys.readouterr().err


def test_without_an_account_the_defaults_are_assumed() -> None:
    assert defaults().limit_connections_per_minute == 10


def test_every_check_is_documented_and_leans_on_a_page() -> None:
    text = (ROOT / "docs/first-deploy.md").read_text()
    section = text.partition("## Check once on real AWS")[2].partition("\n## ")[0]
    named = re.findall(r"^\| `([a-z-]+)` ", section, re.MULTILINE)
    assert named == [check.name for check in CHECKS]
    assert [check.leans for check in CHECKS if not (ROOT / check.leans).exists()] == []
    assert DIFFERENCES.keys() <= set(named)
