"""Invariants of what is stored and of what was asked, whatever the screens show."""

from __future__ import annotations

from collections import Counter
from typing import Any

from functions.bookings.state import FINAL as OVER
from functions.calls import attendance
from functions.calls.billing import cost, duration_seconds
from functions.products import REGISTRY
from shared.ids import decompose
from shared.pipeline.account_changes import is_admitted, updated
from shared.realtime.address import Address
from shared.realtime.sessions import session_of
from shared.settings import settings
from tests.simulation import stack
from tests.simulation.clients import App
from tests.simulation.recovering import RecoveringApp
from tests.simulation.screens import Asked
from tests.simulation.truth import CHAT, TELECALLER, USER, Broken, Truth, in_channel_since
from tests.simulation.world import RATES, World

UNPAID_SECONDS = 150
"""How long a call may go on without coins if its timer is lost and a sweep fails as well."""
FINAL = {"COMPLETED", "MISSED", "REJECTED", "CANCELLED"}
OVERDUE_SECONDS = 60
"""A sweep looks at a connection within a minute from when it is due."""


def free(world: World, truth: Truth) -> Broken:
    """Everybody is free, or in an answered call with the other person, both of them there."""
    telecallers, users = truth.of(TELECALLER), truth.of(USER)
    for mine, theirs in ((users, telecallers), (telecallers, users)):
        for person_id, one in mine.items():
            call = one.get("call")
            if call:
                yield from _in_company(world, person_id, one, theirs.get(call["peerId"], {}))
    for call_id, call in truth.chat_calls.items():
        if call["status"] == "RINGING":
            yield f"chat call {call_id} still rings"
        for person_id in (call["callerId"], call["calleeId"]):
            if not is_there(world, truth.of(CHAT).get(person_id, {})):
                yield f"{person_id} is in a chat call, and not connected"


def _in_company(world: World, person_id: str, one: dict[str, Any], other: dict[str, Any]) -> Broken:
    """A person who is in a call is in it with the other person, and has answered it."""
    call = one["call"]
    if (other.get("call") or {}).get("id") != call["id"]:
        yield f"{person_id} is in a call, and {call['peerId']} is not"
    if call.get("status") == "RINGING":
        yield f"it still rings at {person_id}"
    if not is_there(world, one):
        yield f"{person_id} is in a call, and not connected"


def is_there(world: World, person: dict[str, Any]) -> bool:
    """Return whether any of a person's connections is open."""
    return any(
        world.gateway.alive(Address.of_member("", member).connection_id)
        for member in person.get("connections", ())
    )


def recorded(world: World, truth: Truth) -> Broken:
    """Every call that began is under way or has one final record."""
    under_way = {one["call"]["id"] for one in truth.of(USER).values() if one.get("call")}
    under_way |= truth.chat_calls.keys()
    for app in world.apps:
        for asked in app.screen.asked:
            call_id = asked.answer.get("callId") if isinstance(asked.answer, dict) else None
            if call_id and call_id not in under_way and call_id not in truth.records:
                yield f"call {call_id} has no record"
    for call_id, record in truth.records.items():
        if call_id in under_way:
            yield f"call {call_id} is over and goes on"
        if record["status"] not in FINAL:
            yield f"call {call_id} ended as {record['status']}"


def coins(world: World, truth: Truth) -> Broken:
    """Coins are only moved, by the price of calls, and no call goes on without them."""
    earned: Counter[str] = Counter()
    for record in truth.records.values():
        if record.get("product", "calls") != "calls":
            continue
        seconds = duration_seconds(record.get("acceptedAt"), record["endedAt"])
        price = cost(seconds, RATES[record["callType"]])
        unpaid = seconds - record["coins"] / RATES[record["callType"]] * settings().billed_seconds
        if unpaid > UNPAID_SECONDS:
            yield f"call {record['callId']} lasted for {unpaid} s without coins"
        if record["coins"] > price:
            yield f"call {record['callId']} cost {record['coins']} instead of {price}"
        earned[record["callerId"]] -= record["coins"]
        earned[record["calleeId"]] += record["coins"]
    for namespace in (USER, TELECALLER):
        for person_id, one in truth.of(namespace).items():
            wanted = truth.accounts[person_id].coins + earned[person_id]
            if one.get("coins", 0) != wanted:
                yield f"{person_id} has {one.get('coins')}, not {wanted}"


def rooms(world: World, truth: Truth) -> Broken:
    """No call goes on that both have left."""
    for person_id, one in truth.of(TELECALLER).items():
        seats = attendance.read((one.get("call") or {}).get("attendance")).seats
        if world.rooms_empty and all(seat and seat.latest.left_ms for seat in seats):
            yield f"{person_id} is in a call whose room is empty"


def counted(world: World, truth: Truth) -> Broken:
    """The numbers for admins are what is there."""
    telecallers = truth.of(TELECALLER).values()
    statuses = Counter((one.get("call") or {}).get("status") for one in telecallers)
    real = {
        "connections": len(truth.connections),
        "onlineUsers": sum(bool(one.get("connections")) for one in truth.of(USER).values()),
        "onlineTelecallers": sum(bool(one.get("connections")) for one in telecallers),
        "ringing": statuses["RINGING"],
        "accepted": statuses["ACCEPTED"],
    }
    yield from _differences("live", truth.counts.get("live", {}), real)
    by_status = Counter(one["status"] for one in truth.bookings.values())
    yield from _differences("bookings", truth.counts.get("bookings", {}), dict(by_status))
    today: Counter[str] = Counter()
    for record in truth.records.values():
        if record.get("product", "calls") == "calls":
            today[record["status"].lower()] += 1
    days: Counter[str] = Counter()
    for name, one in truth.counts.items():
        if len(name) == len("2026-01-19"):
            days.update({outcome: one.get(outcome, 0) for outcome in map(str.lower, FINAL)})
    yield from _differences("today", days, today)


def _differences(what: str, kept: Any, real: Any) -> Broken:
    for name in sorted({*kept, *real} - {"name", "expiresAt", "countedAt"}):
        if kept.get(name, 0) != real.get(name, 0):
            yield f"{what} {name}: {kept.get(name, 0)} instead of {real.get(name, 0)}"


def ghosts(world: World, truth: Truth) -> Broken:
    """Nothing is kept of connections that are not there."""
    for connection_id, one in truth.connections.items():
        overdue = one["dueAt"] < world.now_ms / 1000 - OVERDUE_SECONDS
        if overdue and not world.gateway.alive(connection_id):
            yield f"the row of {connection_id}"
    for one in truth.rooms:
        if one.get("personId") and not world.gateway.alive(one["connectionId"]):
            yield f"{one['connectionId']} in {one['room']}"
    for key, one in truth.people.items():
        for member in one.get("connections", ()):
            if not world.gateway.alive(Address.of_member("", member).connection_id):
                yield f"{member} of {key}"


def members_only(world: World, truth: Truth) -> Broken:
    """Nobody is in a private channel who is not one of its members."""
    channels = {one["topic"]: one for one in truth.chat if one["item"] == "about"}
    for one in truth.chat:
        channel, person_id = channels.get(one["topic"]), one["item"].removeprefix("person#")
        private = channel is not None and channel.get("private") and one.get("tabs")
        if channel and private and person_id not in channel.get("members", ()):
            yield f"{person_id} is in {one['topic']}"


def accounts_followed(world: World, truth: Truth) -> Broken:
    """A person who is connected may be, and their sessions have what the account says."""
    for key, one in truth.people.items():
        if not one.get("connections"):
            continue
        path, person_id = decompose(key, 2)
        account = truth.accounts.get(person_id)
        if account is None:
            continue
        if not is_admitted(REGISTRY.namespaces[path], account):
            yield f"{person_id} is in {path}"
        for member in one["connections"]:
            connection_id = Address.of_member(path, member).connection_id
            text = truth.connections.get(connection_id, {}).get("sessions", {}).get(path)
            session = session_of(text) if text else None
            if session and session != updated(session, account):
                yield f"{person_id}'s {connection_id} does not follow the account"


def deaf(world: World, truth: Truth) -> Broken:
    """Who believes to be connected can be reached."""
    for app in world.apps:
        if not app.alive:
            continue
        person = truth.people.get(f"{app.who.namespace}#{app.who.id}", {})
        if app.member not in person.get("connections", ()):
            yield f"{app.who.id}'s {app.id} is not reachable"
        if app.who.namespace in (USER, TELECALLER, CHAT):
            rooms = {
                one["connectionId"]
                for one in truth.rooms
                if decompose(one["room"], 2)[1] == app.who.namespace
            }
            if app.id not in rooms:
                yield f"{app.who.id}'s {app.id} receives no announcements"


def recovered(world: World, truth: Truth) -> Broken:
    """An app that comes back in time has its session back."""
    for app in world.apps:
        for pid in app.unrecovered if isinstance(app, RecoveringApp) else ():
            yield f"{app.who.id}'s {app.id} does not have {pid} back"


def given_up(world: World, truth: Truth) -> Broken:
    """No work is given up."""
    # What runs every minute does then what it has not done now.
    functions = [one for one in world.lambdas.dead_letters if not stack.SPECS[one[0]].every_minute]
    for what, left in (
        ("queue", world.queues.dead_letters),
        ("function", functions),
        ("stream", world.streams.dead_letters),
        ("ring timer", world.ring.failed),
    ):
        for one in left:
            yield f"{what}: {str(one)[:120]}"


def rights(world: World, truth: Truth) -> Broken:
    """Every request is allowed by the function's role."""
    yield from sorted(world.missing_rights)


def served(world: World, truth: Truth) -> Broken:
    """What arrived before its client said goodbye is done. Judged where no process died.

    A frame that API Gateway holds back for longer than ``last_words_seconds`` after the goodbye is
    refused: that is the meaning of this setting. Whether a message was refused for another reason
    cannot be seen, because its client is gone: so only those are judged that might still be sent.
    """
    stored = {one["messageId"] for one in (*truth.messages, *truth.booking_messages)}
    longest_ms = settings().last_words_seconds * 1000
    for app in world.apps:
        for asked in app.screen.asked:
            began_ms = world.gateway.began_ms.get(asked.at_ms, float("inf"))
            if not app.closed_ms or asked.answered or began_ms - app.closed_ms >= longest_ms:
                continue
            if _may_send(app, asked, truth) and asked.own_id not in stored:
                yield f"{app.who.id}'s last {asked.event} is lost"
            if asked.event == "call:cancel":
                record = truth.records.get(asked.payload["callId"], {})
                if record.get("status") == "MISSED" and began_ms < _rings_until_ms(record):
                    yield f"{app.who.id}'s last {asked.event} is lost"


def _rings_until_ms(record: dict[str, Any]) -> int:
    """Return until when a missed call rang at the least. Then a cancel and what ends it race."""
    longest_ms = settings().ring_timeout_seconds * 1000
    return min(int(record["startedAt"]) + longest_ms, int(record["endedAt"])) - 1000


def _may_send(app: App, asked: Asked, truth: Truth) -> bool:
    """Return whether an event is a message that its sender might send, then and in the end."""
    if asked.event == "chat:send_message":
        since = in_channel_since(app, f"channel#{asked.payload['channelId']}")
        return since is not None and since < asked.at_ms
    if asked.event != "message:send":
        return False
    parties = {app.who.id, asked.payload["recipientId"]}
    return any(
        {one["customerId"], one.get("partnerId")} == parties
        and one["status"] not in OVER
        and one["updatedAt"] <= asked.at_ms
        for id_, one in truth.bookings.items()
        if asked.payload.get("bookingId") in (None, id_)
    )
