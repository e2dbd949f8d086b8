"""Runs the checks of ``make verify`` against a stack on this machine."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec

from bench.verify.deployed import Deployed, find
from bench.verify.run import Bounds
from bench.verify.runner import verify
from tests.e2e.stack import Stack

EXPIRES = "expiresAt"
MARK = "verify-"


def deployed(stack: Stack, **settings: object) -> Deployed:
    """Return the stack as ``make verify`` finds it, but with these settings."""
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


def left_behind(stack: Stack) -> list[str]:
    """Return what names something of a run: rows of all tables that never expire, queues, and rules
    of the bus."""
    queues = stack.client("sqs").list_queues(QueueNamePrefix=MARK).get("QueueUrls", [])
    bus = stack.facts["outputs"]["EventBus"]
    rules = stack.client("events").list_rules(EventBusName=bus, NamePrefix=MARK)["Rules"]
    found = [*queues, *(rule["Name"] for rule in rules)]
    for table in [value for name, value in stack.environment.items() if name.endswith("_TABLE")]:
        for page in stack.dynamodb.get_paginator("scan").paginate(TableName=table):
            rows = [row for row in page["Items"] if MARK in json.dumps(row, default=str)]
            found += [f"{table}: {row}" for row in rows if EXPIRES not in row]
    return found
