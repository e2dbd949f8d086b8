"""``make verify`` against the stack on this machine, as against one in AWS."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from bench.verify.__main__ import main
from bench.verify.checks import CHECKS
from bench.verify.deployed import defaults
from bench.verify.emulator import DIFFERENCES
from tests.e2e import backstage
from tests.e2e.stack import Stack
from tests.e2e.verification import deployed, left_behind, run

GRACE_SECONDS = 3
CONNECTIONS_PER_MINUTE = 10

OF_TIME = {check.name for check in CHECKS if check.minutes}
OF_OTHERS = {check.name for check in CHECKS if check.disturbs}
OF_OPTIONS = {"balance-timer", "livekit-webhook", "events-on-the-bus", "push"}
NEEDS_A_LOW_LIMIT = {"limit-by-address"}


@pytest.mark.usefixtures("account")
def test_only_what_the_emulator_cannot_do_is_not_as_documented(stack: Stack) -> None:
    with backstage.settings_of(stack, "disconnect", reconnect_grace_seconds=GRACE_SECONDS):
        verdicts = run(stack, deployed(stack, reconnect_grace_seconds=GRACE_SECONDS))
    others = {name for name, verdict in verdicts.items() if verdict != "as documented"}
    assert "different" not in verdicts.values()
    assert others == DIFFERENCES.keys() | OF_TIME | OF_OTHERS | OF_OPTIONS | NEEDS_A_LOW_LIMIT
    assert left_behind(stack) == []


@pytest.mark.usefixtures("account")
def test_handshakes_are_counted_for_the_real_address(stack: Stack) -> None:
    limit = {"limit_connections_per_minute": CONNECTIONS_PER_MINUTE}
    forget_lost_connections(stack)
    with backstage.settings_of(stack, "connect", **limit):
        verdicts = run(stack, deployed(stack, **limit), "limit-by-address", connections=20)
    assert verdicts["limit-by-address"] == "as documented"


@pytest.mark.usefixtures("account")
def test_a_call_outlives_the_processes_of_the_functions(stack: Stack) -> None:
    assert run(stack, deployed(stack), "deployment", disturb=True)["deployment"] == "as documented"


def test_without_an_account_only_handshakes_are_checked(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = msgspec.structs.replace(defaults(), limit_connections_per_minute=1000)
    monkeypatch.setattr("bench.verify.runner.defaults", lambda: many)
    verdicts = run(stack, None)
    checked = {name for name, verdict in verdicts.items() if verdict == "as documented"}
    assert checked == {check.name for check in CHECKS if not check.account} - NEEDS_A_LOW_LIMIT
    assert left_behind(stack) == []


@pytest.mark.usefixtures("account")
def test_what_is_different_is_said_with_the_page_that_leans_on_it(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("bench.verify.handshakes.PREFLIGHT", (200, "*"))
    arguments = [stack.url, "--only", "cors", "--report", str(tmp_path)]
    assert main(arguments) == 1
    (file,) = tmp_path.glob("*/report.json")
    report = json.loads(file.read_text())
    (cors,) = [check for check in report["checks"] if check["name"] == "cors"]
    assert cors["verdict"] == "different"
    page = file.with_name("report.html").read_text()
    assert "0015-one-origin" in page


def forget_lost_connections(stack: Stack) -> None:
    """Expect no client back: each lost one of an earlier test would let one handshake more in."""
    table = stack.environment["LIMITS_TABLE"]
    for page in stack.dynamodb.get_paginator("scan").paginate(TableName=table):
        for row in page["Items"]:
            if row["key"]["S"].startswith("returns#"):
                stack.dynamodb.delete_item(TableName=table, Key={"key": row["key"]})
