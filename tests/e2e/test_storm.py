"""A test that the live numbers are right after many connections open and close in any order."""

from __future__ import annotations

import asyncio
import json
import random
import time
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from shared.identity.accounts import Account
from tests.e2e.clients import SECONDS
from tests.e2e.people import token
from tests.e2e.waiting import settled
from tests.e2e.world import World

USERS, TELECALLERS, CONNECTIONS = 100, 20, 200
STAYING = 60
AT_ONCE = 6
STUCK_SECONDS = 30.0
"""How long the numbers may stay unchanged before the test fails."""

Numbers = dict[str, int]


class Tab:
    """A connection of a person without a client library. It ignores all frames it receives."""

    def __init__(self, url: str, account: Account) -> None:
        self._url = url.replace("http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket"
        self.account = account
        self._socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._socket = await connect(
            self._url, proxy=None, compression=None, open_timeout=2 * SECONDS
        )
        joined = f"40/{self.account.role.lower()},"
        await self._until("0{")
        await self._socket.send(joined + json.dumps({"token": token(self.account)}))
        await self._until(joined)
        self._reading = asyncio.create_task(self._read())

    async def close(self, *, abruptly: bool) -> None:
        assert self._socket
        assert self._reading
        if abruptly:
            self._socket.transport.abort()
        else:
            await self._socket.close()
        await self._reading

    async def _until(self, beginning: str) -> None:
        assert self._socket
        text = await asyncio.wait_for(self._socket.recv(), 2 * SECONDS)
        assert str(text).startswith(beginning), text

    async def _read(self) -> None:
        assert self._socket
        with suppress(ConnectionClosed):
            async for _ in self._socket:
                pass


async def storm(url: str, crowd: list[Account], rng: random.Random) -> list[Tab]:
    """Open all connections and close most of them meanwhile. Returns those that stay open."""
    people = crowd + rng.choices(crowd, k=CONNECTIONS - len(crowd))
    rng.shuffle(people)
    tabs = [Tab(url, account) for account in people]
    some = asyncio.Semaphore(AT_ONCE)

    async def live(number: int, tab: Tab) -> None:
        async with some:
            await tab.open()
        if number < STAYING:
            return
        await asyncio.sleep(rng.uniform(0, 1))
        async with some:
            await tab.close(abruptly=rng.random() < 0.5)

    order = list(enumerate(tabs))
    rng.shuffle(order)
    await asyncio.gather(*(live(number, tab) for number, tab in order))
    return tabs[:STAYING]


async def close_all(tabs: list[Tab], rng: random.Random) -> None:
    await asyncio.gather(*(tab.close(abruptly=rng.random() < 0.5) for tab in tabs))


def stats(world: World, admin: Account) -> Numbers:
    found: Any = world.stack.get("/admin/stats", Authorization=f"Bearer {token(admin)}").body
    return {name: found[name] for name in ("onlineUsers", "onlineTelecallers", "connections")}


def wait_for(world: World, admin: Account, wanted: Numbers) -> None:
    """Wait until the live numbers are exactly ``wanted``."""
    last, deadline = stats(world, admin), time.monotonic() + STUCK_SECONDS
    while last != wanted:
        assert time.monotonic() < deadline, f"{last} is not {wanted}"
        time.sleep(0.2)
        found = stats(world, admin)
        if found != last:
            last, deadline = found, time.monotonic() + STUCK_SECONDS


def test_the_numbers_are_right_after_many_connections_have_opened_and_closed(world: World) -> None:
    admin = world.people.take("ADMIN")
    users = [world.people.take("USER") for _ in range(USERS)]
    telecallers = [world.people.take("TELECALLER") for _ in range(TELECALLERS)]
    before = settled(lambda: stats(world, admin))
    asyncio.run(open_and_close(world, admin, users + telecallers, before))
    wait_for(world, admin, before)


async def open_and_close(
    world: World, admin: Account, crowd: list[Account], before: Numbers
) -> None:
    rng = random.Random(20260119)
    tabs = await storm(world.stack.url, crowd, rng)
    roles = list({tab.account.id: tab.account.role for tab in tabs}.values())
    wanted = {
        "onlineUsers": before["onlineUsers"] + roles.count("USER"),
        "onlineTelecallers": before["onlineTelecallers"] + roles.count("TELECALLER"),
        "connections": before["connections"] + len(tabs),
    }
    await asyncio.to_thread(wait_for, world, admin, wanted)
    await close_all(tabs, rng)
