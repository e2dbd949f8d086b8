"""Checks of broadcasts to many connections, all in one channel of chat."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

from bench.verify import latencies
from bench.verify.check import Outcome, judged, not_checked
from bench.verify.client import Socket, Unexpected
from bench.verify.guests import Guest
from bench.verify.run import Run

TABS = 25
"""How many connections one person has. When a person joins, all others in the channel hear of it,
so as many persons as connections would be many more posts than the broadcasts."""

SEVERAL = 20
ROUNDS = 2
QUIET_SECONDS = 620
"""Longer than API Gateway keeps an idle connection of a function."""

ALL_SECONDS = 60.0
TWICE_SECONDS = 1.0
"""How long the check waits for messages that come twice."""

AT_ONCE = 20
SHARE_OF_TIME = 0.5
"""The share of the time that is left in which connections may be opened."""


async def to_many(run: Run) -> Outcome:
    """Send messages to a channel in which there are as many connections as the run may open."""
    wanted = _affordable(run)
    people = [run.people.chatter() for _ in range(-(-wanted // TABS))]
    channel = await run.people.channel(people)
    run.audience, run.channel = await _audience(run, people, channel, wanted), channel
    rounds = SEVERAL if wanted < 10 * SEVERAL else ROUNDS
    reached = await _send(run.audience, channel, [f"{number}" for number in range(rounds)])
    times = [at for one in reached for at in one]
    lost = sum(not one for one in reached)
    doubled = sum(len(one) > 1 for one in reached)
    return judged(
        not lost and not doubled,
        f"{wanted} connections; {lost} events were lost, and {doubled} came twice",
        connections=wanted,
        **latencies.in_ms("broadcast", times),
    )


def _affordable(run: Run) -> int:
    """Return how many connections there is time to open."""
    minutes = max(1, int(run.minutes_left * SHARE_OF_TIME))
    return min(run.bounds.connections, minutes * run.handshakes.limit)


async def _audience(run: Run, people: Sequence[Guest], channel: str, wanted: int) -> list[Socket]:
    """Open the connections, a few at a time, and let them join the channel."""
    some = asyncio.Semaphore(AT_ONCE)

    async def come(number: int) -> Socket:
        guest = people[number % len(people)]
        async with some:
            socket = await run.open("/socket.io/?EIO=4&transport=websocket")
            await socket.join("/")
            await socket.emit("authenticate", guest.token)
            await socket.event("authenticated")
            await socket.ask("join_channel", channel)
            return socket

    return list(await asyncio.gather(*(come(number) for number in range(wanted))))


async def _send(
    audience: Sequence[Socket], channel: str, texts: Sequence[str]
) -> list[list[float]]:
    """Send messages, each when all have received the one before.

    Returns for each message and connection the seconds until it came, each time it came.
    """

    async def come(one: Socket, text: str) -> None:
        with suppress(Unexpected):
            await one.event("chat:new_message", seconds=ALL_SECONDS, message=text)

    began: dict[str, float] = {}
    for text in texts:
        began[text] = time.monotonic()
        await audience[0].emit("chat:send_message", {"channelId": channel, "message": text})
        await asyncio.gather(*(come(one, text) for one in audience))
    await asyncio.sleep(TWICE_SECONDS)
    return [
        [at - began[text] for at, data in one.events("chat:new_message") if data["message"] == text]
        for text in texts
        for one in audience
    ]


async def after_quiet(run: Run) -> Outcome:
    """Send one more message when the functions have been idle for ten minutes."""
    if not run.audience:
        return not_checked("There is no audience: the broadcast before has failed")
    await asyncio.sleep(QUIET_SECONDS)
    there = [one for one in run.audience if one.ended is None]
    if len(there) < len(run.audience):
        return judged(False, f"{len(run.audience) - len(there)} connections have ended meanwhile")
    reached = await _send(there, run.channel, ["after a quiet time"])
    lost = sum(not one for one in reached)
    times = [at for one in reached for at in one]
    return judged(
        not lost,
        f"{len(there) - lost} of {len(there)} connections were reached",
        **latencies.in_ms("broadcast", times),
    )
