"""Invariants of what has been pushed to phones."""

from __future__ import annotations

from functions.push.devices import id_of
from tests.simulation.truth import CHAT, TELECALLER, Broken, Truth
from tests.simulation.world import World

VOIP = {id_of("APNS_VOIP", "voip")}
_ENDS = {"call.over", "call.missed"}


def rang_by_push(world: World, truth: Truth) -> Broken:
    """A call that nobody could have heard otherwise has been pushed to every phone.

    Apple takes no VoIP push about a missed call: such a device need not have heard of it.
    """
    for call_id, record in truth.records.items():
        place = CHAT if record.get("product") == "chat" else TELECALLER
        callee = truth.of(place).get(record["calleeId"], {})
        if record["status"] != "MISSED":
            continue
        heard = any(
            app.screen.count("call:incoming", callId=call_id)
            for app in world.apps
            if app.who.id == record["calleeId"]
        )
        told = world.phones.of_call(call_id)
        if heard or callee.get("connections") or not callee.get("devices"):
            continue
        for device in set(callee["devices"]) - VOIP:
            if not any(world.phones.device(endpoint) == device for endpoint in told):
                yield f"device {device} has heard nothing of {call_id}"


def told_by_push(world: World, truth: Truth) -> Broken:
    """A phone that rings has been told that the call no longer does."""
    rows = truth.of(TELECALLER).values()
    ringing = {
        one["call"]["id"] for one in rows if (one.get("call") or {}).get("status") == "RINGING"
    }
    ringing |= {id_ for id_, one in truth.chat_calls.items() if one["status"] == "RINGING"}
    calls = {one.data["callId"] for one in world.phones.received if "callId" in one.data}
    for call_id in calls - ringing:
        for endpoint, kinds in world.phones.of_call(call_id).items():
            known = endpoint in world.phones.known
            if known and "call.ringing" in kinds and kinds[-1] not in _ENDS:
                yield f"{endpoint} still rings for {call_id}"


def messages_pushed(world: World, truth: Truth) -> Broken:
    """A message in a private channel has been pushed to the phones of who was not there."""
    pushed = {
        (one.data.get("messageId"), world.phones.device(one.endpoint))
        for one in world.phones.received
    }
    channels = {one["topic"]: one for one in truth.chat if one["item"] == "about"}
    for message in truth.messages:
        channel = channels.get(message["channel"], {})
        members = set(channel.get("members", ())) if channel.get("private") else set()
        for person_id in members - {message["userId"]}:
            one = truth.of(CHAT).get(person_id, {})
            known = {world.phones.device(endpoint) for endpoint in world.phones.known}
            away = not any(app.who.id == person_id and app.alive for app in world.apps)
            for device in (set(one.get("devices", ())) & known) - VOIP if away else ():
                if (message["messageId"], device) not in pushed:
                    yield f"{message['messageId']} was not pushed to {device}"
