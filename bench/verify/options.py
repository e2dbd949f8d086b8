"""Checks of prepaid calls and of LiveKit's reports, which are off until a team sets them."""

from __future__ import annotations

import base64
import hashlib
import time
from functools import partial

import msgspec
from livekit.api import AccessToken

from bench.verify import calls
from bench.verify.calls import Pair
from bench.verify.check import Outcome, judged, not_checked
from bench.verify.client import Socket
from bench.verify.run import Run

RATE = 10


async def balance_timer(run: Run) -> Outcome:
    """Let a user call with coins for one unit of time, and see when the call ends."""
    if not run.settings.prepaid_calls:
        return not_checked("The stack has no prepaid calls: prepaid_calls")
    wanted = run.settings.billed_seconds
    if wanted + calls.TIMER_SLACK_SECONDS > run.minutes_left * 60:
        return not_checked(f"There is no time for a call of {wanted} s")
    pair = await Pair.between(run, await run.people.payer(RATE), await run.people.telecaller(RATE))
    call_id, _, _ = await pair.ring()
    began = time.monotonic()
    await pair.telecaller.ask("call:accept", {"callId": call_id})
    await pair.user.event("call:balance-low", callId=call_id, seconds=2 * wanted + 30)
    ended = partial(Socket.event, name="call:ended", callId=call_id, reason="BALANCE")
    at, _ = await ended(pair.user, seconds=2 * wanted + 30)
    await ended(pair.telecaller)
    await pair.close()
    took = at - began
    return judged(
        wanted - 1 <= took <= wanted + calls.TIMER_SLACK_SECONDS,
        f"After the warning, the call ended after {took:.1f} s of {wanted}",
        **{"balance timer, s": round(took, 1)},
    )


async def webhook(run: Run) -> Outcome:
    """Report about a room that there is not, as LiveKit would, and as a stranger would."""
    if not run.settings.livekit_webhooks:
        return not_checked("The stack takes no reports of LiveKit: livekit_webhooks")
    key, secret = run.account.livekit_key
    if not key or not secret:
        return not_checked("The stack's secret has no keys of LiveKit")
    now = int(time.time())
    report = {"event": "room_finished", "room": {"name": "verification"}, "createdAt": str(now)}
    body = msgspec.json.encode(report)
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    signed = AccessToken(key, secret).with_sha256(digest).to_jwt()
    statuses = []
    for token in (signed, AccessToken(key, secret).to_jwt()):
        headers = {"Authorization": token, "Content-Type": "application/webhook+json"}
        path = f"{run.url}/livekit/webhook"
        async with run.http.post(path, data=body, headers=headers) as answer:
            statuses.append(answer.status)
    return judged(
        statuses == [204, 401],
        f"A signed report: {statuses[0]}, one without its hash: {statuses[1]}",
    )
