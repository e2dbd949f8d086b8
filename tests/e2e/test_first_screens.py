"""Tests of the lists with which an app begins, on the running stack, while things change."""

from __future__ import annotations

from typing import Any

from shared.identity.accounts import Account
from tests.e2e.backend import Backend
from tests.e2e.calls import ring
from tests.e2e.chat import get, make_channel, tab, unique
from tests.e2e.people import token
from tests.e2e.visit import Visit
from tests.e2e.waiting import until
from tests.e2e.world import World


def items(world: World, path: str, account: Account) -> list[Any]:
    """Return the items of the first page."""
    answer = world.stack.get(path, Authorization=f"Bearer {token(account)}")
    assert answer.status == 200, answer.body
    found: list[Any] = answer.body["items"]
    return found


def test_a_user_sees_the_presence_of_telecallers_and_their_own_call(world: World) -> None:
    account, user = world.user()
    callee, telecaller = world.telecaller()

    def presence(query: str) -> list[str]:
        found = items(world, f"/telecallers?limit=100&{query}", account)
        return [one["presence"] for one in found if one["_id"] == callee.id]

    until(lambda: presence("presence=ONLINE") == ["ONLINE"], "online")
    call_id = ring(user, telecaller, callee)
    for person in (account, callee):
        first = items(world, "/calls", person)[0]
        assert (first["callId"], first["status"], first["endedAt"]) == (call_id, "RINGING", None)
    telecaller.ask("call:accept", {"callId": call_id})
    until(lambda: presence("presence=ON_CALL") == ["ON_CALL"], "on a call")
    assert presence("presence=ONLINE") == []
    user.ask("call:end", {"callId": call_id})
    assert items(world, "/calls", account)[0]["status"] == "COMPLETED"
    telecaller.leave()
    until(lambda: presence("presence=ONLINE") == [], "offline")
    page = world.stack.get("/telecallers?limit=2", Authorization=f"Bearer {token(account)}").body
    assert len(page["items"]) == 2
    assert page["cursor"]


def test_a_person_sees_the_channels_with_what_is_new(world: World) -> None:
    channel, anna, bert = unique("channel"), unique("anna"), unique("bert")
    make_channel(world, channel, private=True, members=[anna, bert])
    sender = tab(world, bert, joins=channel)
    assert sender.ask("chat:send_message", {"channelId": channel, "message": "Hello"}) is None

    def shown(person_id: str) -> list[tuple[int, str]]:
        found = get(world, "/channels?limit=100", person_id).body["items"]
        return [
            (one["unread"], one["lastMessage"]["message"])
            for one in found
            if one["channelId"] == channel
        ]

    until(lambda: shown(anna) == [(1, "Hello")], "the channel with its message")
    assert shown(bert) == [(0, "Hello")]
    assert shown("stranger") == []


def test_the_parties_see_their_bookings_by_status(world: World) -> None:
    visit = Visit(world, Backend(world.stack))
    for account in (visit.customer_account, visit.partner_account):
        (booking,) = items(world, "/bookings?status=PARTNER_ASSIGNED", account)
        assert booking["bookingId"] == visit.id
        assert items(world, "/bookings?status=COMPLETED", account) == []
    visit.to("PARTNER_ACCEPTED")
    (booking,) = items(world, "/bookings", visit.customer_account)
    assert booking["status"] == "PARTNER_ACCEPTED"
