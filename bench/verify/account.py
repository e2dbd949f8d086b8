"""Checks that need the AWS account for more than people: metrics, alarms, rights, deployments."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from bench.verify import costs
from bench.verify.calls import Pair
from bench.verify.check import Outcome, judged, not_checked
from bench.verify.client import Unexpected
from bench.verify.handshakes import ENGINE
from bench.verify.run import Run

METRICS_SECONDS = 240
"""How late CloudWatch's metrics may be complete."""

CLOSE_ENOUGH = 1.5
"""How far the measured cost may be from the documented one: metrics count whatever else runs."""

ALARM_SECONDS = 20 * 60
AGE_SECONDS = 180
"""The ``max_age_seconds`` of the opener's asynchronous invocations."""

RIGHTS_SECONDS = 30
"""How long IAM may take until it knows a changed policy."""

FUNCTIONS_AT_ONCE = 8
"""How many functions are changed at once. AWS takes 15 such requests a second."""

DENIED_SECONDS = 30
DENIAL = "verification"
EVENTS_ALARMS = ("errors-functions", "dead-letters-events")


async def cost_per_call(run: Run) -> Outcome:
    """Read the account's metrics of the time in which the calls were measured, at list prices."""
    if run.measured is None:
        return not_checked("No calls were measured")
    began, ended, calls, users = run.measured
    await asyncio.sleep(max(0, ended + METRICS_SECONDS - time.time()))
    used = await costs.used(run.account, began, ended)
    if not used.messages:
        return not_checked("CloudWatch has no metrics of the stack for this time")
    parts = costs.dollars(used)
    million = sum(parts.values()) / calls * 1_000_000
    documented = costs.documented(users)
    text = ", ".join(f"{name} ${value / calls * 1e6:.2f}" for name, value in parts.items())
    return judged(
        million <= CLOSE_ENOUGH * documented,
        f"A million calls are ${million:.2f} ({text}), documented are ${documented:.2f}. "
        "Other traffic of the stage counts too",
        **{"$ per million calls": round(million, 2)},
    )


async def alarms(run: Run) -> Outcome:
    """Put a message into the queue of events that is no event, and wait for both alarms to begin
    and to end."""
    queue = run.settings.events_queue_url
    body = f"not JSON {secrets.token_hex(8)}"
    names = [f"{run.account.name}-{name}" for name in EVENTS_ALARMS]
    states = await _states(run, names)
    if len(states) < len(names):
        return not_checked(f"The stack has no alarms {', '.join(names)}")
    if set(states.values()) == {"ALARM"}:
        return not_checked("The alarms have begun already")
    await run.account.ask("sqs", "send_message", QueueUrl=queue, MessageBody=body)
    try:
        began = await _until(run, names, lambda found: set(found) == {"ALARM"})
    finally:
        await _remove_dead_letter(run, queue, body)
    ended = began and await _until(run, names, lambda found: "ALARM" not in found)
    return judged(bool(ended), f"Both alarms {'began' if began else 'did not begin'}"
                  f"{' and ended' if ended else ''}")  # fmt: skip


async def _states(run: Run, names: list[str]) -> dict[str, str]:
    found = await run.account.ask("cloudwatch", "describe_alarms", AlarmNames=names)
    return {alarm["AlarmName"]: alarm["StateValue"] for alarm in found["MetricAlarms"]}


async def _until(run: Run, names: list[str], reached: Callable[[list[str]], bool]) -> bool:
    deadline = time.monotonic() + ALARM_SECONDS
    while time.monotonic() < deadline:
        if reached(list((await _states(run, names)).values())):
            return True
        await asyncio.sleep(15)
    return False


async def _remove_dead_letter(run: Run, queue: str, body: str) -> None:
    """Delete our message, and no other, from the dead letters of a queue."""
    got = await run.account.ask(
        "sqs", "get_queue_attributes", QueueUrl=queue, AttributeNames=["RedrivePolicy"]
    )
    arn = json.loads(got["Attributes"]["RedrivePolicy"])["deadLetterTargetArn"]
    name = arn.rpartition(":")[2]
    dead = (await run.account.ask("sqs", "get_queue_url", QueueName=name))["QueueUrl"]
    for _ in range(30):
        found = await run.account.ask(
            "sqs", "receive_message", QueueUrl=dead, MaxNumberOfMessages=10, VisibilityTimeout=5
        )
        for message in found.get("Messages", ()):
            if message["Body"] == body:
                receipt = message["ReceiptHandle"]
                await run.account.ask("sqs", "delete_message", QueueUrl=dead, ReceiptHandle=receipt)
                return
        await asyncio.sleep(2)


async def opener_retry(run: Run) -> Outcome:
    """Take from the opener its right to post while a client connects, and give it back."""
    async with _denied(run, run.settings.opener_function):
        socket = await run.open(ENGINE)
        await asyncio.sleep(DENIED_SECONDS)
        early = bool(socket.frames)
    began = time.monotonic()
    with suppress(Unexpected):
        await socket.find(lambda _: True, seconds=AGE_SECONDS)
    took, opened, closed = time.monotonic() - began, bool(socket.frames), socket.ended is not None
    await socket.close()
    if early:
        return not_checked("The opener could still post: IAM did not know of the denial in time")
    if not opened and not closed:
        return judged(False, f"The connection was still silent after {AGE_SECONDS} s")
    what = "opened" if opened else "closed, so that its client connects again"
    return judged(True, f"{took:.0f} s after the opener might post again, it was {what}")


@asynccontextmanager
async def _denied(run: Run, function: str) -> AsyncIterator[None]:
    """Deny a function's role its posts while the block runs."""
    name = function.partition(":")[0]  # without the alias
    found = next(one for one in run.account.functions if one["FunctionName"] == name)
    role = found["Role"].rpartition("/")[2]
    denial: dict[str, Any] = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Deny", "Action": "execute-api:ManageConnections", "Resource": "*"}
        ],
    }
    await run.account.ask(
        "iam", "put_role_policy", RoleName=role, PolicyName=DENIAL,
        PolicyDocument=json.dumps(denial),
    )  # fmt: skip
    try:
        await asyncio.sleep(0 if run.account.emulator else RIGHTS_SECONDS)
        yield
    finally:
        await run.account.ask("iam", "delete_role_policy", RoleName=role, PolicyName=DENIAL)


async def deployment(run: Run) -> Outcome:
    """Change the description of every function while two people are in a call: their processes are
    replaced as in a deployment, and the call goes on."""
    pair = await Pair.meet(run)
    call_id, _, _ = await pair.ring()
    await pair.telecaller.ask("call:accept", {"callId": call_id})
    names = {one["FunctionName"]: one.get("Description", "") for one in run.account.functions}
    try:
        await _describe(run, dict.fromkeys(names, "Being verified"))
        open_ = pair.user.ended is None and pair.telecaller.ended is None
        if open_:
            await pair.user.ask("call:end", {"callId": call_id})
            await pair.telecaller.event("call:ended", callId=call_id)
    finally:
        await _describe(run, names)
        await pair.close()
    found = f"{len(names)} functions were changed during a call; its connections "
    return judged(open_, found + ("stayed open, and it was ended" if open_ else "were closed"))


async def _describe(run: Run, descriptions: Mapping[str, str]) -> None:
    """Change the descriptions of functions, a few at a time, and wait until that is done."""
    free = asyncio.Semaphore(FUNCTIONS_AT_ONCE)

    async def change(name: str, description: str) -> None:
        ask = run.account.ask
        async with free:
            await ask(
                "lambda", "update_function_configuration", FunctionName=name,
                Description=description,
            )  # fmt: skip
            for _ in range(60):
                found = await ask("lambda", "get_function_configuration", FunctionName=name)
                if found.get("LastUpdateStatus", "Successful") == "Successful":
                    return
                await asyncio.sleep(1)

    await asyncio.gather(*(change(*one) for one in descriptions.items()))
