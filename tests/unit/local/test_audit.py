"""What the dependency audit makes of the registries' answers."""

from __future__ import annotations

import json
import sys

import pytest

from local import audit
from local.audit import Audit, of_npm, of_pip, report

CLEAN_PIP = {"dependencies": [{"name": "a", "version": "1", "vulns": []}]}
WEAK_PIP = {"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1"}]}]}
SKIPPED_PIP = {"dependencies": [{"name": "a", "skip_reason": "not found"}]}
CLEAN_NPM = {"vulnerabilities": {}, "metadata": {"dependencies": {"total": 3}}}
WEAK_NPM = CLEAN_NPM | {"vulnerabilities": {"b": {"severity": "high"}}}


def test_the_reports_are_read() -> None:
    assert of_pip(json.dumps(CLEAN_PIP)) == Audit(1, [])
    assert of_pip(json.dumps(WEAK_PIP)) == Audit(1, ["a 1: PYSEC-1"])
    assert of_pip(json.dumps(SKIPPED_PIP)) == Audit(0, [])
    assert of_npm(json.dumps(CLEAN_NPM)) == Audit(3, [])
    assert of_npm(json.dumps(WEAK_NPM)) == Audit(3, ["b: high"])


@pytest.mark.parametrize(
    "code",
    [
        'print(\'{"message": "405 Method Not Allowed"}\')',
        "print('no network'); raise SystemExit(1)",
        "import time; time.sleep(60)",
    ],
)
def test_a_registry_that_does_not_answer_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], code: str
) -> None:
    monkeypatch.setattr(audit, "SECONDS", 2)
    monkeypatch.setattr(audit, "PYTHON", (sys.executable, "-c", code))
    monkeypatch.setattr(audit, "NODE", ("/nowhere/npm",))
    assert audit.main() == 0
    assert capsys.readouterr().out.count("nothing was audited") == 2


def test_a_weakness_fails_the_audit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = f"print({json.dumps(json.dumps(WEAK_PIP))}); raise SystemExit(1)"
    monkeypatch.setattr(audit, "PYTHON", (sys.executable, "-c", code))
    monkeypatch.setattr(audit, "NODE", ("/nowhere/npm",))
    assert audit.main() == 1
    assert "a 1: PYSEC-1" in capsys.readouterr().out


def test_the_report_says_how_many_were_asked_about() -> None:
    assert report("Python", Audit(7, [])) == "Python: 7 dependencies without a known weakness"
