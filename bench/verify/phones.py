"""The check of pushes to phones, as far as an account can be asked without a phone."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from bench.verify.check import Outcome, judged, not_checked
from bench.verify.client import Unexpected
from bench.verify.guests import Guest
from bench.verify.run import Run
from shared.ids import compose

PUSH_SECONDS = 60.0
MESSAGE = "chat.message"
VOIP = "APNS_VOIP"
"""The platform of devices to which calls are pushed, but no messages."""


async def pushed(run: Run) -> Outcome:
    """Register devices that do not exist, and push a message to them twice. SNS accepts the first
    push. Before the second, their endpoints are disabled, as SNS does when Apple or Google do not
    know a token."""
    applications = run.settings.platform_applications
    if not applications:
        return not_checked(
            "The stack pushes to no phones: push_apns_arn, push_apns_voip_arn, push_fcm_arn"
        )
    off = [arn for arn in applications.values() if not await _is_on(run, arn)]
    if off:
        return judged(False, f"SNS has switched off {', '.join(off)}: see their credentials")
    writer, sleeper = run.people.chatter(), run.people.chatter()
    channel = await run.people.channel([writer, sleeper])
    async with _devices(run, sleeper) as devices:
        first = await _write(run, writer, channel)
        told = [id_ for id_, platform in devices.items() if platform != VOIP]
        accepted = await _in_time(lambda: _accepted(run, sleeper, first, told))
        for id_ in told:
            endpoint = await _endpoint(run, sleeper, id_)
            disabled = {"Enabled": "false"}
            await run.account.ask(
                "sns", "set_endpoint_attributes", EndpointArn=endpoint, Attributes=disabled
            )
        await _write(run, writer, channel)
        forgotten = await _in_time(lambda: _forgotten(run, sleeper, told))
    return judged(
        accepted and forgotten,
        f"{', '.join(applications)}: devices were registered; SNS has "
        f"{'accepted' if accepted else 'not accepted'} a push to each, and those that were "
        f"disabled were {'forgotten' if forgotten else 'not forgotten'}",
    )


async def _is_on(run: Run, application: str) -> bool:
    found = await run.account.ask(
        "sns", "get_platform_application_attributes", PlatformApplicationArn=application
    )
    return bool(found["Attributes"].get("Enabled", "true") == "true")


@asynccontextmanager
async def _devices(run: Run, person: Guest) -> AsyncIterator[dict[str, str]]:
    """Register a device of each platform while the block runs. Yields the platform of each id."""
    made: dict[str, str] = {}
    try:
        for platform in run.settings.platform_applications:
            device = {"platform": platform, "token": secrets.token_hex(32)}
            status, answer = await run.ask("POST", "/devices", person.token, device)
            if status != 201:
                raise Unexpected(f"POST /devices, {platform}: {status} {answer}")
            made[answer["deviceId"]] = platform
        yield made
    finally:
        for id_ in made:
            await run.ask("DELETE", f"/devices/{id_}", person.token)


async def _write(run: Run, writer: Guest, channel: str) -> str:
    """Send a message to a channel. Returns its id."""
    socket = await run.open("/socket.io/?EIO=4&transport=websocket")
    await socket.join("/")
    await socket.emit("authenticate", writer.token)
    await socket.event("authenticated")
    await socket.ask("join_channel", channel)
    await socket.emit("chat:send_message", {"channelId": channel, "message": "Verification"})
    _, message = await socket.event("chat:new_message")
    await socket.close()
    return str(message["id"])


async def _accepted(run: Run, person: Guest, message_id: str, devices: list[str]) -> bool:
    """Return whether the stack has noted that SNS has accepted a push to all devices."""
    key = compose("push", MESSAGE, message_id, person.id)
    rows = [await _row(run, key, id_) for id_ in devices]
    return all(row.get("done", {}).get("BOOL") for row in rows)


async def _forgotten(run: Run, person: Guest, devices: list[str]) -> bool:
    _, answer = await run.ask("GET", "/devices", person.token)
    return not {one["deviceId"] for one in answer["items"]} & set(devices)


async def _endpoint(run: Run, person: Guest, device: str) -> str:
    row = await _row(run, compose("person", person.id), device)
    endpoint: str = row["endpoint"]["S"]
    return endpoint


async def _row(run: Run, owner: str, item: str) -> dict[str, Any]:
    """Return a row of the table of devices. Returns an empty one if there is none."""
    found = await run.account.ask(
        "dynamodb",
        "get_item",
        TableName=run.settings.tables["devices"],
        Key={"owner": {"S": owner}, "item": {"S": item}},
        ConsistentRead=True,
    )
    return dict(found.get("Item", {}))


async def _in_time(holds: Callable[[], Awaitable[bool]]) -> bool:
    """Wait until something holds. Returns whether it does in time."""
    deadline = time.monotonic() + PUSH_SECONDS
    while True:
        if (held := await holds()) or time.monotonic() > deadline:
            return held
        await asyncio.sleep(0.5)
