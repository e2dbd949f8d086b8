"""Runs the checks of ``make verify`` against a stack on this machine."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from bench.verify.deployed import Deployed, find
from bench.verify.run import Bounds
from bench.verify.runner import verify
from tests.e2e.stack import Stack


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
