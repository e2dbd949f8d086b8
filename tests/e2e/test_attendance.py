"""LiveKit reports who joins and leaves the rooms of calls."""

from __future__ import annotations

import time
from typing import Any

from shared.identity.accounts import Account
from tests.e2e.calls import answer, ring
from tests.e2e.people import token
from tests.e2e.waiting import until
from tests.e2e.world import World
from tests.livekit_server import LiveKitServer

SWEPT_SECONDS = 90.0
"""How long to wait for an end. If LiveKit has not answered in time, the next sweep asks again."""


def test_a_call_ends_when_both_have_left_its_room(world: World, livekit: LiveKitServer) -> None:
    caller, user = world.user()
    callee, telecaller = world.telecaller()
    call_id = ring(user, telecaller, callee)
    answer(user, telecaller, call_id)
    now = int(time.time())
    sent = []

    def report(event: str, who: Account, stay: str, joined: int, at: int) -> None:
        participant = {"sid": stay, "identity": who.id, "joinedAt": str(joined)}
        sent.append(
            {
                "event": event,
                "room": {"name": call_id},
                "participant": participant,
                "createdAt": str(at),
            }
        )
        # LiveKit repeats a report, too, that comes before the call is listed.
        until(lambda: post(sent[-1]) == 204, "the report is taken")

    def post(report: dict[str, Any]) -> int:
        body, headers = livekit.signed(report)
        return world.stack.request("POST", "/livekit/webhook", headers, body).status

    livekit.inside[call_id] = [caller.id]
    report("participant_joined", caller, "first", now, now)
    report("participant_joined", callee, "other", now, now)
    report("participant_left", callee, "other", now, now + 1)
    # The user has come back by the time at which the end of the first stay is reported.
    report("participant_left", caller, "first", now, now + 1)
    report("participant_joined", caller, "second", now + 2, now + 2)
    user.stays_quiet(0.3)
    assert [post(one) for one in sent] == [204] * 5
    user.stays_quiet(0.3)
    del livekit.inside[call_id]
    report("participant_left", caller, "second", now + 2, now + 3)
    for client in (user, telecaller):
        assert client.wait("call:ended", seconds=SWEPT_SECONDS) == {"callId": call_id}

    def seen(account: Account) -> Any:
        found = world.stack.get("/calls", Authorization=f"Bearer {token(account)}").body
        return found["items"][0]["attendance"]

    times = [time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now + one)) for one in range(4)]
    found = {name: text[:19] for name, text in seen(caller).items()}
    assert found == {
        "userJoinedAt": times[0],
        "userLeftAt": times[3],
        "telecallerJoinedAt": times[0],
        "telecallerLeftAt": times[1],
    }
    body, headers = livekit.signed(sent[0])
    forged = body.replace(caller.id.encode(), callee.id.encode())
    assert world.stack.request("POST", "/livekit/webhook", headers, forged).status == 401
