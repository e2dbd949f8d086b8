"""Many connections that open and close in any order, and numbers that are right afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from contextlib import suppress
from typing import Any

import pytest
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
"""Without any change: the numbers follow as fast as the machine lets them."""

Numbers = dict[str, int]


class Tab:
    """One connection of somebody's, as bare as it gets: what arrives is read and thrown away."""

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


async def storm(url: str, crowd: list[Account], chance: random.Random) -> list[Tab]:
    """All of the connections open, and most of them close meanwhile; those that are left."""
    people = crowd + chance.choices(crowd, k=CONNECTIONS - len(crowd))
    chance.shuffle(people)
    tabs = [Tab(url, account) for account in people]
    some = asyncio.Semaphore(AT_ONCE)

    async def live(number: int, tab: Tab) -> None:
        async with some:
            await tab.open()
        if number < STAYING:
            return
        await asyncio.sleep(chance.uniform(0, 1))
        async with some:
            await tab.close(abruptly=chance.random() < 0.5)

    order = list(enumerate(tabs))
    chance.shuffle(order)
    await asyncio.gather(*(live(number, tab) for number, tab in order))
    return tabs[:STAYING]


async def end(tabs: list[Tab], chance: random.Random) -> None:
    await asyncio.gather(*(tab.close(abruptly=chance.random() < 0.5) for tab in tabs))


def stats(world: World, admin: Account) -> Numbers:
    found: Any = world.stack.get("/admin/stats", Authorization=f"Bearer {token(admin)}").body
    return {name: found[name] for name in ("onlineUsers", "onlineTelecallers", "connections")}


def follow(world: World, admin: Account, wanted: Numbers) -> None:
    """Wait for exactly these numbers."""
    last, deadline = stats(world, admin), time.monotonic() + STUCK_SECONDS
    while last != wanted:
        assert time.monotonic() < deadline, f"{last} is not {wanted}"
        time.sleep(0.2)
        found = stats(world, admin)
        if found != last:
            last, deadline = found, time.monotonic() + STUCK_SECONDS


@pytest.mark.skipif("LOAD" not in os.environ, reason="it fills a machine for minutes: make load")
def test_the_numbers_are_right_when_a_storm_is_over(world: World) -> None:
    admin = world.people.take("ADMIN")
    users = [world.people.take("USER") for _ in range(USERS)]
    telecallers = [world.people.take("TELECALLER") for _ in range(TELECALLERS)]
    before = settled(lambda: stats(world, admin))
    asyncio.run(weather(world, admin, users + telecallers, before))
    follow(world, admin, before)


async def weather(world: World, admin: Account, crowd: list[Account], before: Numbers) -> None:
    chance = random.Random(20260119)
    tabs = await storm(world.stack.url, crowd, chance)
    roles = list({tab.account.id: tab.account.role for tab in tabs}.values())
    wanted = {
        "onlineUsers": before["onlineUsers"] + roles.count("USER"),
        "onlineTelecallers": before["onlineTelecallers"] + roles.count("TELECALLER"),
        "connections": before["connections"] + len(tabs),
    }
    await asyncio.to_thread(follow, world, admin, wanted)
    await end(tabs, chance)
