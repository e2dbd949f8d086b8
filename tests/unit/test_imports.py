"""Modules that no function may load before its first event: imports are most of a cold start."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# Powertools imports its metrics and tracing in any case; the X-Ray SDK is the expensive part.
# PyJWT itself is light, but loads cryptography in a stack with published keys.
HEAVY = (
    "aiohttp",
    "asyncio",
    "aws_cdk",
    "aws_lambda_powertools.event_handler",
    "aws_xray_sdk",
    "boto3",
    "cryptography",
    "jwt",
    "livekit",
    "pydantic",
    "requests",
)
ALLOWED = {
    "functions.calls.livekit_rooms": {"aiohttp", "asyncio", "cryptography", "jwt", "livekit"},
    "functions.http.main": {"asyncio", "aws_lambda_powertools.event_handler"},
}
LOADED = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
print(json.dumps([name for name in json.loads(sys.argv[2]) if name in sys.modules]))
"""

COLLECTING = """
import gc, importlib, sys
usual = gc.get_threshold()
import functions
runs = gc.get_stats()[0]["collections"]
module = importlib.import_module(sys.argv[1])
assert gc.get_stats()[0]["collections"] == runs, "collected while importing"
assert gc.get_freeze_count() == 0
module.handler({"warm": True}, None)
assert gc.get_freeze_count() > 10_000
assert gc.get_threshold() == usual
"""


def handlers() -> list[str]:
    from infra.functions import FUNCTIONS

    return sorted({row.handler.rpartition(".")[0] for row in FUNCTIONS})


@pytest.mark.parametrize("module", handlers())
def test_a_function_imports_no_heavy_module(module: str) -> None:
    command = [sys.executable, "-c", LOADED, module, json.dumps(HEAVY)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) <= ALLOWED.get(module, set())


@pytest.mark.parametrize("module", handlers())
def test_the_garbage_collector_rests_until_the_first_event(module: str) -> None:
    subprocess.run([sys.executable, "-c", COLLECTING, module], check=True)
