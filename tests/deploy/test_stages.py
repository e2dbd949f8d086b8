"""Two stages in one account, with the CDK's own CLI.

Both are created. One is changed while its connections are open, and deleted.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import boto3
import pytest

from local import deploy, edge, stack
from local.child import Failed
from local.emulator import Emulator, aws_environment
from local.settings import OWN_ORIGIN
from local.tokens import mint
from shared.identity.accounts import Account
from tests.deploy.phone import Phone, call

Context = dict[str, str]

COMMON = {"local": "true", "allowed_origins": OWN_ORIGIN}
DEV: Context = {**COMMON, "stage": "dev"}
CHANGED: Context = {**DEV, "ring_timeout_seconds": "31", "limit_call_accept_per_minute": "21"}
PROD: Context = {**COMMON, "stage": "prod"}


@pytest.fixture
def environment() -> Iterator[None]:
    """Restore this process's environment after the test, which sets the emulator's address."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@dataclass
class Stage:
    """A running stage with two people, each with an open connection."""

    outputs: dict[str, str]
    url: str
    token: str
    telecaller_id: str
    user: Phone
    telecaller: Phone

    async def call(self) -> None:
        await call(self.user, self.telecaller, self.telecaller_id)

    async def calls(self) -> list[str]:
        """Return the ids of the calls in the stage's history."""
        async with aiohttp.ClientSession() as session:
            answer = await get(session, self, f"/calls?userId={self.telecaller_id}")
            return [one["callId"] for one in answer["items"]]


async def get(session: aiohttp.ClientSession, stage: Stage, path: str) -> Any:
    headers = {"Authorization": f"Bearer {stage.token}"}
    async with session.get(stage.url + path, headers=headers) as response:
        return await response.json()


@asynccontextmanager
async def at_work(emulator: Emulator, outputs: dict[str, str], name: str) -> AsyncIterator[Stage]:
    target = stack.target(emulator, outputs)
    secret = f"{name}-secret-{name}-secret-{name}-secret"
    livekit = dict.fromkeys(("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"), secret)
    stack.put_secrets(outputs["SecretArn"], {"JWT_SECRET": secret, **livekit})
    telecaller = Account(
        id=f"{name}-telecaller", role="TELECALLER", name="Tara", approval_status="APPROVED"
    )
    user = Account(id=f"{name}-user", role="USER", name="Uli")
    admin = Account(id=f"{name}-admin", role="ADMIN", name="Ada")
    listener = edge.listen(0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with edge.serve(target, listener), AsyncExitStack() as connected:
        stage = Stage(
            outputs, url, mint(admin, secret), telecaller.id, Phone("/user"), Phone("/telecaller")
        )
        await introduce(stage, telecaller)
        for phone, account in ((stage.user, user), (stage.telecaller, telecaller)):
            await phone.connect(url, mint(account, secret))
            connected.push_async_callback(phone.close)
        yield stage


async def introduce(stage: Stage, telecaller: Account) -> None:
    """Report a telecaller as a team's backend does, and wait until the stage has stored them."""
    event = {
        "type": "account.upserted",
        "data": {
            "_id": telecaller.id,
            "role": telecaller.role,
            "name": telecaller.name,
            "approvalStatus": telecaller.approval_status,
        },
    }
    headers = {"Authorization": f"Bearer {stage.token}"}
    async with aiohttp.ClientSession(stage.url, headers=headers) as session:
        async with session.post("/events", json=event) as response:
            assert response.status == 202, await response.text()
        for _ in range(300):
            async with session.get(f"/accounts/{telecaller.id}") as response:
                if response.status == 200:
                    return
        raise AssertionError("the telecaller has not arrived")


async def test_two_stages_in_one_account_are_changed_and_deleted_independently(
    environment: None, tmp_path: Path
) -> None:
    emulator = await Emulator.start(tmp_path)
    try:
        os.environ.update(aws_environment(os.environ, emulator.url))
        dev_made = await deploy.deploy(DEV, tmp_path)
        prod_made = await deploy.deploy(PROD, tmp_path)
        async with (
            at_work(emulator, dev_made, "dev") as dev,
            at_work(emulator, prod_made, "prod") as prod,
        ):
            for stage in (dev, prod):
                await stage.call()
            assert not {*dev_made.values()} & {*prod_made.values()} - {"live"}
            assert len(await dev.calls()) == len(await prod.calls()) == 1

            await check_no_difference(DEV, tmp_path)
            with pytest.raises(Failed, match=r"cdk diff failed(.|\n)*RING_TIMEOUT_SECONDS"):
                await check_no_difference(CHANGED, tmp_path)
            assert await deploy.deploy(CHANGED, tmp_path) == dev_made
            await dev.call()
            assert len(await dev.calls()) == 2

            await deploy.cdk(
                ["destroy", "switchboard-dev", "--force"],
                tmp_path,
                await deploy.synth(CHANGED, tmp_path),
            )
            left = boto3.client("dynamodb").list_tables()["TableNames"]
            assert dev_made["AccountsTable"] not in left
            assert prod_made["AccountsTable"] in left
            await prod.call()
            assert len(await prod.calls()) == 2
    finally:
        await emulator.stop()


async def check_no_difference(context: Context, work: Path) -> None:
    """Raise ``Failed`` if the deployed stack differs from the synthesized one."""
    await deploy.cdk(
        ["diff", deploy.stack_name(context), "--fail"], work, await deploy.synth(context, work)
    )
