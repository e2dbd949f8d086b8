"""Checks of how connections end, and of how long they last."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise

from bench.verify.check import Outcome, judged, not_checked
from bench.verify.client import Socket, Unexpected
from bench.verify.guests import Guest
from bench.verify.run import Run
from tests.e2e.client_js import JavaScript, NodeDriver
from tests.e2e.clients import Ticket

IDLE_SECONDS = 600
"""After this time without traffic API Gateway closes a connection."""

LIFETIME_SECONDS = 7200
SLACK_SECONDS = 60
"""How much later than documented something that AWS does by its own clock may happen."""

MARGIN_SECONDS = 60
"""How much closer to ``IDLE_SECONDS`` no silence of a client may come that answers pings."""

KEPT_SECONDS = 3600
LOG_SECONDS = 60.0
"""How late a function's line may be in CloudWatch's logs."""

CODE = re.compile(r"\$disconnect (\d+)")
GOODBYES = (1000, 1005)
"""The codes with which a client says goodbye."""


async def manners(run: Run) -> Outcome:
    """End a user's connections in three ways while a call rings, and see when it is missed: at once
    after a goodbye, and after the grace otherwise."""
    grace = run.settings.reconnect_grace_seconds
    if not 1 <= grace < run.settings.ring_timeout_seconds - 1:
        return not_checked(f"The grace is {grace} s, the ring {run.settings.ring_timeout_seconds}")
    telecaller = await run.people.telecaller()
    callee = await run.join("/telecaller", telecaller.token)
    ways: dict[str, tuple[bool, Callable[[Socket], Awaitable[None]]]] = {
        "a normal close (1000)": (True, lambda one: one.close(1000)),
        "leaving the page (1001)": (False, lambda one: one.close(1001)),
        "a torn connection (1006)": (False, lambda one: one.tear()),
    }
    seen, wrong = {}, 0
    for name, (is_goodbye, leave) in ways.items():
        user = await run.join("/user", run.people.guest("USER").token)
        call_id = await _ring(user, callee, telecaller)
        began = time.monotonic()
        await leave(user)
        missed_at, _ = await callee.event("call:missed", callId=call_id)
        seen[name] = missed_at - began
        wrong += (seen[name] < grace) is not is_goodbye
    await callee.close()
    text = ", ".join(f"{name}: {seconds:.1f} s" for name, seconds in seen.items())
    return judged(not wrong, f"Missed after {text}; the grace is {grace} s")


async def _ring(user: Socket, callee: Socket, telecaller: Guest) -> str:
    request = {"telecallerId": telecaller.id, "callType": "AUDIO"}
    call_id: str = (await user.ask("call:initiate", request))["callId"]
    await callee.event("call:incoming", callId=call_id)
    return call_id


async def codes(run: Run) -> Outcome:
    """End connections in three ways, and read in the log with which code API Gateway has seen each
    of them end."""
    ways: dict[str, tuple[tuple[int, ...], Callable[[], Awaitable[None]]]] = {
        "disconnect() of socket.io-client": (GOODBYES, lambda: _with_library(run)),
        "leaving the page": ((1001,), lambda: _open_and(run, lambda one: one.close(1001))),
        "a torn connection": ((1006,), lambda: _open_and(run, lambda one: one.tear())),
    }
    seen: dict[str, set[int]] = {}
    wrong = 0
    for name, (wanted, end) in ways.items():
        since = time.time()
        await end()
        seen[name] = await _logged_codes(run, since)
        wrong += not seen[name] <= {*wanted}
    if not all(seen.values()):
        return not_checked(f"The log of the function has no codes after {LOG_SECONDS:g} s")
    text = ", ".join(f"{name}: {sorted(found)}" for name, found in seen.items())
    return judged(not wrong, f"{text}. Other clients of the stage that end meanwhile count too")


async def _with_library(run: Run) -> None:
    await run.handshakes.take()
    ticket = Ticket(run.url, "/user", run.people.guest("USER").token)
    await asyncio.to_thread(_connect_and_disconnect, ticket)


def _connect_and_disconnect(ticket: Ticket) -> None:
    driver = NodeDriver()
    try:
        JavaScript(driver, ticket).leave()
        time.sleep(1)  # until the connection is closed
    finally:
        driver.close()


async def _open_and(run: Run, end: Callable[[Socket], Awaitable[None]]) -> None:
    await end(await run.join("/user", run.people.guest("USER").token))


async def _logged_codes(run: Run, since: float) -> set[int]:
    """Return the codes that the log has from a time on, in epoch seconds. Waits for the first."""
    function, deadline = run.settings.disconnect_function, time.monotonic() + LOG_SECONDS
    while time.monotonic() < deadline:
        await asyncio.sleep(3)
        page = await run.account.ask(
            "logs",
            "filter_log_events",
            logGroupName=f"/aws/lambda/{function.partition(':')[0]}",
            startTime=int(since * 1000),
            filterPattern='"$disconnect"',
        )
        if found := {int(code) for one in page["events"] for code in CODE.findall(one["message"])}:
            return found
    return set()


async def silent(run: Run) -> Outcome:
    """Connect a native client that sends nothing, and that nothing is sent to."""
    guest = run.people.guest("CUSTOMER")
    began = time.monotonic()
    socket = await run.open(
        "/ws?namespace=/customer", additional_headers={"Authorization": f"Bearer {guest.token}"}
    )
    ended = await socket.end(IDLE_SECONDS + SLACK_SECONDS)
    await socket.close()
    lasted = (socket.ended or time.monotonic()) - began
    holds = ended and abs(lasted - IDLE_SECONDS) <= SLACK_SECONDS
    return judged(holds, f"It lasted {lasted:.0f} s, and ended with {socket.code}", seconds=lasted)


async def pinged(run: Run) -> Outcome:
    """Connect a client that only answers pings, for an hour or as long as the run takes."""
    socket = await run.join("/customer", run.people.guest("CUSTOMER").token)
    seconds = min(KEPT_SECONDS, (run.minutes_left - 1) * 60)
    ended = await socket.end(seconds)
    at = [frame.at for frame in socket.frames] + [socket.ended or time.monotonic()]
    silence = max(later - earlier for earlier, later in pairwise(at))
    await socket.close()
    return judged(
        not ended and silence < IDLE_SECONDS - MARGIN_SECONDS,
        f"After {at[-1] - at[0]:.0f} s it was {'closed' if ended else 'open'}; "
        f"the longest silence was {silence:.0f} s",
        **{"longest silence s": round(silence, 1)},
    )


async def two_hours(run: Run) -> Outcome:
    """Let two people be in a call until API Gateway cuts them, and come back."""
    telecaller, user = await run.people.telecaller(), run.people.guest("USER")
    callee = await run.join("/telecaller", telecaller.token)
    caller = await run.join("/user", user.token)
    call_id = await _ring(caller, callee, telecaller)
    await callee.ask("call:accept", {"callId": call_id})
    ended = await caller.end(LIFETIME_SECONDS + SLACK_SECONDS)
    lasted = (caller.ended or time.monotonic()) - caller.began
    again = await run.join("/user", user.token)
    if callee.ended is not None:
        callee = await run.join("/telecaller", telecaller.token)
    await asyncio.sleep(2 * run.settings.reconnect_grace_seconds + 2)
    goes_on = not again.events("call:ended") and not callee.events("call:ended")
    await again.ask("call:end", {"callId": call_id})
    await again.close()
    await callee.close()
    holds = ended and goes_on and caller.code not in GOODBYES
    holds = holds and abs(lasted - LIFETIME_SECONDS) <= SLACK_SECONDS
    return judged(
        holds,
        f"Cut after {lasted:.0f} s with {caller.code}; "
        f"the call {'went on' if goes_on else 'ended'}",
        seconds=lasted,
    )


async def deaf(run: Run) -> Outcome:
    """Let a user in a call stop answering pings, as a phone does whose connection is dead."""
    telecaller = await run.people.telecaller()
    callee = await run.join("/telecaller", telecaller.token)
    caller = await run.join("/user", run.people.guest("USER").token)
    call_id = await _ring(caller, callee, telecaller)
    await callee.ask("call:accept", {"callId": call_id})
    caller.answers = False
    began = time.monotonic()
    most = 2 * (run.settings.ping_period_seconds + 60) + SLACK_SECONDS
    try:
        at, _ = await callee.event("call:ended", callId=call_id, seconds=most)
    except Unexpected:
        return judged(False, f"After {most} s the call still went on")
    finally:
        await caller.close()
        await callee.close()
    return judged(True, f"The call was ended after {at - began:.0f} s", seconds=at - began)
