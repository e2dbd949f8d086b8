"""Runs all checks, within the bounds, and removes what they have made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError
from websockets.exceptions import WebSocketException

from bench.verify import report
from bench.verify.check import Check, Outcome, Verdict, not_checked
from bench.verify.checks import CHECKS
from bench.verify.client import Unexpected
from bench.verify.deployed import Deployed, defaults
from bench.verify.emulator import DIFFERENCES
from bench.verify.guests import Guests
from bench.verify.run import REQUEST_SECONDS, Bounds, Run

FAILURES = (
    Unexpected,
    AssertionError,  # what the clients of the tests raise
    OSError,
    aiohttp.ClientError,
    WebSocketException,
    BotoCoreError,
    ClientError,
)
"""What a stack can do that no check expects. Anything else is a mistake of ours."""


async def verify(
    url: str, bounds: Bounds, stack: Deployed | None, say: Callable[[str], None]
) -> dict[str, Any]:
    """Run all checks against a stack, and return the report.

    stack: the stack in its account, or None: then only handshakes are checked.
    say: receives a line for every check that is over.
    """
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        guests = Guests(stack, http, url) if stack else None
        run = Run(url, bounds, stack.settings if stack else defaults(), http, stack, guests)
        try:
            outcomes = await _all(run, say)
        finally:
            await asyncio.gather(*(one.close() for one in run.sockets))
            left = await guests.remove() if guests else []
    return report.facts(url, stack.stage if stack else "", bounds, outcomes, left)


async def _all(run: Run, say: Callable[[str], None]) -> list[tuple[Check, Outcome]]:
    """Return every check with its outcome. Those that mostly wait run beside the others."""

    async def judge(check: Check) -> Outcome:
        outcome = await _judge(run, check)
        say(f"{outcome.verdict.value:14} {check.name}: {outcome.found}")
        return outcome

    async with asyncio.TaskGroup() as group:
        aside = {check: group.create_task(judge(check)) for check in CHECKS if check.aside}
        done = {check: await judge(check) for check in CHECKS if not check.aside}
    done |= {check: task.result() for check, task in aside.items()}
    return [(check, done[check]) for check in CHECKS]


async def _judge(run: Run, check: Check) -> Outcome:
    """Run a check if it may run, for as long as the run has time."""
    if why := _left_out(run, check):
        return not_checked(why)
    try:
        async with asyncio.timeout(max(1.0, run.minutes_left * 60)):
            return await check.run(run)
    except TimeoutError:
        return not_checked("The time of the run was over: --minutes")
    except FAILURES as error:
        return Outcome(Verdict.DIFFERENT, f"{type(error).__name__}: {error}")


def _left_out(run: Run, check: Check) -> str:
    """Return why a check is left out, or nothing if it is not."""
    reasons = (
        (run.bounds.only and check.name not in run.bounds.only, "It was not asked for: --only"),
        (check.account and run.stack is None, "It needs credentials of the stack's AWS account"),
        (
            run.stack and run.stack.emulator and check.name in DIFFERENCES,
            f"The emulator differs: {DIFFERENCES.get(check.name)}",
        ),
        (check.disturbs and not run.bounds.disturb, "Others would notice it: --disturb"),
        (
            check.minutes > run.bounds.minutes,
            f"It takes longer than this run: --minutes {check.minutes:g}",
        ),
    )
    return next((why for applies, why in reasons if applies), "")
