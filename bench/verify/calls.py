"""Checks and measurements of calls."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from livekit import api as livekit

from bench.verify import latencies
from bench.verify.check import Outcome, judged, not_checked
from bench.verify.client import Socket
from bench.verify.guests import Guest
from bench.verify.run import Allowance, Run

PAIRS = 10
"""How many pairs call at the same time."""

TIMER_SLACK_SECONDS = 5.0
ROOM_SECONDS = 60.0
"""How long LiveKit may keep the room of a call that is over: the queue may be tried again."""


@dataclass
class Times:
    """The seconds from sending an event until the other side has received what follows from it."""

    ring: list[float] = field(default_factory=list)
    accept: list[float] = field(default_factory=list)
    end: list[float] = field(default_factory=list)


class Pair:
    """A user and a telecaller who call each other.

    attempts: what the limits let the user do.
    """

    def __init__(self, run: Run, user: Socket, telecaller: Socket, callee: Guest) -> None:
        self.user, self.telecaller, self._callee = user, telecaller, callee
        values = run.settings
        self.attempts = Allowance(
            min(
                values.limit_call_initiate_per_minute,
                values.limit_call_accept_per_minute,
                values.limit_call_end_per_minute,
            )
        )

    @classmethod
    async def meet(cls, run: Run) -> Pair:
        """Connect a new pair, whose calls cost nothing."""
        return await cls.between(run, run.people.guest("USER"), await run.people.telecaller())

    @classmethod
    async def between(cls, run: Run, caller: Guest, callee: Guest) -> Pair:
        """Connect a pair of these people."""
        telecaller = await run.join("/telecaller", callee.token)
        return cls(run, await run.join("/user", caller.token), telecaller, callee)

    async def ring(self) -> tuple[str, float, float]:
        """Start a call. Returns its id, and when it was sent and when it rang."""
        await self.attempts.take()
        began = time.monotonic()
        request = {"telecallerId": self._callee.id, "callType": "AUDIO"}
        call_id: str = (await self.user.ask("call:initiate", request))["callId"]
        rang, _ = await self.telecaller.event("call:incoming", callId=call_id)
        return call_id, began, rang

    async def call(self, times: Times) -> None:
        """Make a whole call, without acknowledgements after the first."""
        call_id, began, rang = await self.ring()
        times.ring.append(rang - began)
        times.accept.append(await self._then(self.telecaller, "accept", "call:accepted", call_id))
        times.end.append(await self._then(self.telecaller, "end", "call:ended", call_id))

    async def _then(self, actor: Socket, what: str, event: str, call_id: str) -> float:
        """Let the telecaller act, and return after how long the user has heard of it."""
        began = time.monotonic()
        await actor.emit(f"call:{what}", {"callId": call_id})
        heard, _ = await self.user.event(event, callId=call_id)
        return heard - began

    async def close(self) -> None:
        """Disconnect both."""
        await self.user.close()
        await self.telecaller.close()


async def meet(run: Run, most: int) -> list[Pair]:
    """Connect the pairs of a check."""
    return [await Pair.meet(run) for _ in range(min(PAIRS, most, run.bounds.connections // 2))]


async def measure(run: Run) -> Outcome:
    """Make calls, several at a time, and measure how long each step takes from app to app."""
    pairs, times = await meet(run, run.bounds.calls), Times()
    for pair in pairs:  # what is cold is not measured
        await pair.call(Times())
    began, begun = time.time(), time.monotonic()
    numbers = iter(range(run.bounds.calls))

    async def work(pair: Pair) -> None:
        for _ in numbers:
            await pair.call(times)

    await asyncio.gather(*map(work, pairs))
    seconds = time.monotonic() - begun
    run.measured = began, time.time(), run.bounds.calls, len(pairs)
    for pair in pairs:
        await pair.close()
    return judged(
        len(times.end) == run.bounds.calls,
        f"{len(times.end)} calls of {len(pairs)} pairs, {len(times.end) / seconds:.1f} a second",
        **latencies.in_ms("ring", times.ring),
        **latencies.in_ms("accept", times.accept),
        **latencies.in_ms("end", times.end),
        **{"calls per second": round(len(times.end) / seconds, 2)},
    )


async def timers(run: Run) -> Outcome:
    """Leave calls unanswered, and see when each of them is missed."""
    pairs = await meet(run, run.bounds.timers)
    wanted = run.settings.ring_timeout_seconds
    per_round = wanted + TIMER_SLACK_SECONDS
    made = min(run.bounds.timers, int(run.minutes_left * 60 / per_round) * len(pairs))
    numbers = iter(range(made))
    took: list[float] = []

    async def work(pair: Pair) -> None:
        for _ in numbers:
            call_id, _, rang = await pair.ring()
            at, _ = await pair.user.event("call:missed", callId=call_id, seconds=3 * wanted + 30)
            took.append(at - rang)

    await asyncio.gather(*map(work, pairs))
    for pair in pairs:
        await pair.close()
    if not took:
        return not_checked(f"There is no time for a call of {wanted} s")
    holds = wanted - 1 <= min(took) and max(took) <= wanted + TIMER_SLACK_SECONDS
    return judged(
        holds,
        f"{len(took)} calls were missed after {min(took):.1f} to {max(took):.1f} s of {wanted}",
        **latencies.in_ms("missed after", took),
    )


async def room(run: Run) -> Outcome:
    """Make the LiveKit room of a call, and see it go after the call."""
    key, secret = run.account.livekit_key
    if not key or not secret:
        return not_checked("The stack's secret has no keys of LiveKit")
    url = run.settings.livekit_url.replace("ws", "http", 1)
    client = livekit.LiveKitAPI(url, key, secret)
    try:
        await client.room.list_rooms(livekit.ListRoomsRequest())
    except (aiohttp.ClientError, livekit.TwirpError, TimeoutError) as error:
        await client.aclose()
        return not_checked(f"LiveKit at {url} does not answer: {type(error).__name__}")
    pair = await Pair.meet(run)
    try:
        return await _room_goes(pair, client)
    finally:
        await pair.close()
        await client.aclose()


async def _room_goes(pair: Pair, client: Any) -> Outcome:
    call_id, _, _ = await pair.ring()
    await pair.telecaller.ask("call:accept", {"callId": call_id})
    await client.room.create_room(livekit.CreateRoomRequest(name=call_id))
    await pair.telecaller.ask("call:end", {"callId": call_id})
    began = time.monotonic()
    while time.monotonic() < began + ROOM_SECONDS:
        answer = await client.room.list_rooms(livekit.ListRoomsRequest(names=[call_id]))
        if not answer.rooms:
            return judged(True, f"Deleted {time.monotonic() - began:.1f} s after the call")
        await asyncio.sleep(0.5)
    await client.room.delete_room(livekit.DeleteRoomRequest(room=call_id))
    return judged(False, f"{ROOM_SECONDS:g} s after the call the room was still there")
