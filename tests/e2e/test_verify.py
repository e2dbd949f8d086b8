"""``make verify`` against the stack on this machine, as against one in AWS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import msgspec
import pytest

from bench.verify import calls
from bench.verify.__main__ import main
from bench.verify.checks import CHECKS
from bench.verify.deployed import Deployed, defaults, find
from bench.verify.emulator import DIFFERENCES
from bench.verify.run import Bounds
from bench.verify.runner import verify
from tests.e2e import backstage
from tests.e2e.stack import Stack

GRACE_SECONDS = 3
CONNECTIONS_PER_MINUTE = 10
EXPIRES = "expiresAt"
MARK = "verify-"

OF_TIME = {check.name for check in CHECKS if check.minutes}
OF_OTHERS = {check.name for check in CHECKS if check.disturbs}
NEEDS_A_LOW_LIMIT = {"limit-by-address"}


@pytest.fixture
def account(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Use the emulator as the AWS account whose credentials are in the environment."""
    for name, value in stack.environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setattr(calls, "TIMER_SLACK_SECONDS", 60.0)  # this machine has other work
    yield
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


def deployed(stack: Stack, **settings: object) -> Deployed:
    found = find(stack.url, "dev")
    assert found
    found.settings = msgspec.structs.replace(found.settings, **settings)
    return found


def run(stack: Stack, known: Deployed | None, *only: str, **bounds: Any) -> dict[str, str]:
    """Run checks, and return the verdict of each by its name."""
    given = {"connections": 4, "calls": 2, "timers": 1, "posts": 10, "minutes": 8} | bounds
    report = asyncio.run(verify(stack.url, Bounds(**given, only=only), known, print))
    assert report["left"] == []
    return {check["name"]: check["verdict"] for check in report["checks"]}


@pytest.mark.usefixtures("account")
def test_only_what_the_emulator_cannot_do_is_not_as_documented(stack: Stack) -> None:
    with backstage.settings_of(stack, "disconnect", reconnect_grace_seconds=GRACE_SECONDS):
        verdicts = run(stack, deployed(stack, reconnect_grace_seconds=GRACE_SECONDS))
    others = {name for name, verdict in verdicts.items() if verdict != "as documented"}
    assert "different" not in verdicts.values()
    assert others == DIFFERENCES.keys() | OF_TIME | OF_OTHERS | NEEDS_A_LOW_LIMIT
    assert rows_about_a_run(stack) == []


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
    assert rows_about_a_run(stack) == []


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


def rows_about_a_run(stack: Stack) -> list[str]:
    """Return the rows of all tables that name something of a run and never expire."""
    tables = [value for name, value in stack.environment.items() if name.endswith("_TABLE")]
    found = []
    for table in tables:
        for page in stack.dynamodb.get_paginator("scan").paginate(TableName=table):
            rows = [row for row in page["Items"] if MARK in json.dumps(row, default=str)]
            found += [f"{table}: {row}" for row in rows if EXPIRES not in row]
    return found
