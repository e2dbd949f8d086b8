"""Sends every event that clients may send at least once, as apps do: with an acknowledgement.

As in a busy app, other people are connected and receive the resulting events.
"""

from __future__ import annotations

import time

from tests.e2e.backend import Backend
from tests.e2e.calls import answer, ring
from tests.e2e.chat import EVERYTHING, Tab, make_channel, tab, unique
from tests.e2e.visit import Visit
from tests.e2e.world import World


def calls(world: World) -> None:
    """Make calls that are rejected, cancelled and ended by each side; an admin requests counts."""
    _, user = world.user()
    callee, telecaller = world.telecaller()
    _, admin = world.admin()
    assert telecaller.ask("call:reject", {"callId": ring(user, telecaller, callee)}) is None
    user.wait("call:rejected")
    call_id = ring(user, telecaller, callee)
    assert user.ask("call:cancel", {"callId": call_id}) is None
    telecaller.wait("call:cancelled", callId=call_id)
    for one, other in ((user, telecaller), (telecaller, user)):
        call_id = ring(user, telecaller, callee)
        answer(user, telecaller, call_id)
        assert one.ask("call:end", {"callId": call_id}) is None
        other.wait("call:ended", callId=call_id)
    for event in ("telecallers:watch", "telecallers:unwatch"):
        assert user.ask(event) is None
    admin.ask("presence:request-counts")


def chat(world: World, kind: str = "js") -> None:
    """Let two people write in a channel and call each other twice."""
    channel = unique("channel")
    make_channel(world, channel)
    everything = [*EVERYTHING, "chat.send_broadcasts"]
    anna, bert = (
        tab(world, unique(name), kind, permissions=everything, joins=channel)
        for name in ("anna", "bert")
    )
    bert.ask("presence:get_online_users")
    file = {"fileName": "a.txt", "fileSize": 1, "fileType": "text/plain"}
    first = {"channelId": channel, "message": "Hello"}
    assert anna.ask("chat:send_message", first) is None
    message_id = bert.take("chat:new_message")["id"]
    for sender, event, payload in (
        (anna, "update_presence", {"status": "away", "statusMessage": "Lunch"}),
        (bert, "presence:set_status", "online"),
        (bert, "message_read", {"channelId": channel, "messageId": message_id}),
        (bert, "chat:send_message", {**first, "replyToId": message_id}),
        (anna, "chat:typing", {"channelId": channel, "isTyping": True}),
        (anna, "file_uploaded", {"channelId": channel, **file}),
        (anna, "channel_updated", {"channelId": channel, "changes": {"name": "Another"}}),
        (anna, "system_broadcast", {"message": "Hello all"}),
    ):
        assert sender.ask(event, payload) is None
    _signal(anna, bert)
    assert bert.ask("leave_channel", channel) is None


def _signal(caller: Tab, callee: Tab) -> None:
    """Make a call that is answered, and a call that is rejected."""
    asked = {"targetUserId": callee.person_id, "callType": "audio", "offer": {}}
    call_id: str = caller.ask("call:invite", asked)["callId"]
    callee.take("call:incoming", callId=call_id)
    candidate = {"targetUserId": callee.person_id, "candidate": {}}
    assert caller.ask("call:ice_candidate", candidate) is None
    assert callee.ask("call:accept", {"callId": call_id, "answer": {}}) is None
    assert caller.ask("call:end", {"callId": call_id}) is None
    call_id = caller.ask("call:invite", asked)["callId"]
    callee.take("call:incoming", callId=call_id)
    assert callee.ask("call:reject", {"callId": call_id}) is None


def bookings(world: World, kind: str = "js") -> None:
    """Make a booking that is completed and one that is not. An admin monitors them."""
    backend = Backend(world.stack)
    _, admin = world.admin()
    assert admin.ask("monitor:bookings") is None
    visit = Visit(world, backend, (kind, kind))
    customer, partner = visit.customer, visit.partner
    visit.to("PARTNER_ACCEPTED")
    assert customer.ask("booking:track", visit.id) is None
    assert partner.ask("location:update", {"latitude": 1, "longitude": 2}) is None
    for sender, recipient, reader in (
        (customer, visit.partner_account, partner),
        (partner, visit.customer_account, customer),
    ):
        sending = {"recipientId": recipient.id, "message": "When?", "bookingId": visit.id}
        message_id = sender.ask("message:send", sending)["id"]
        assert reader.ask("message:mark_read", message_id) is None
        assert sender.ask("typing:start", recipient.id) is None
        time.sleep(1.1)  # whoever stops within a second is told of later, which costs more
        assert sender.ask("typing:stop", recipient.id) is None
    assert customer.ask("booking:untrack", visit.id) is None
    visit.to("IN_PROGRESS", "COMPLETED")
    admin.ask("request:stats")
    for event in ("message:mark_read", "typing:start", "typing:stop"):
        assert "error" in admin.ask(event, visit.customer_account.id), "an admin is no party"
    other = Visit(world, backend, (kind, kind))
    assert other.partner.ask("booking:reject", {"bookingId": other.id}) is None
    assert other.customer.ask("booking:cancel", {"bookingId": other.id}) is None
