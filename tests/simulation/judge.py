"""The invariants: what must be true when everything has come to rest.

To add one: write a function of the world that yields a sentence for each violation, and name it in
``INVARIANTS``. The name is what reports and the table of known failures call it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from functions.bookings.state import FINAL as OVER
from functions.calls.billing import cost, duration_seconds
from shared.realtime.address import Address
from tests.simulation import stack
from tests.simulation.engine import row
from tests.simulation.screens import ANSWERING, CALLING, DIALING, IN_CALL, LEAVING, RINGING
from tests.simulation.world import COINS, RATES, World, presence_of

Broken = Iterator[str]
USER, TELECALLER, CHAT, CUSTOMER, PARTNER, ADMIN = (
    "/user",
    "/telecaller",
    "/",
    "/customer",
    "/partner",
    "/admin",
)
FINAL = {"COMPLETED", "MISSED", "REJECTED", "CANCELLED"}
CALL_KEY = "call#"
OVERDUE_SECONDS = 60
"""A sweep looks at a connection within a minute from when it is due."""



class Truth:
    """The tables, without DynamoDB's types."""

    def __init__(self, world: World) -> None:
        rows = world.dynamo.rows
        self.people = {key[0]: row(item) for key, item in rows["people"].items()}
        self.connections = {key[0]: row(item) for key, item in rows["connections"].items()}
        self.rooms = [row(item) for item in rows["rooms"].values()]
        self.records = {key[1]: row(item) for key, item in rows["calls"].items()}
        self.bookings = {
            key[0]: found for key, item in rows["bookings"].items() if "status" in (found := row(item))
        }
        self.counts = {key[0]: row(item) for key, item in rows["counts"].items()}
        self.chat = [row(item) for item in rows["chat"].values()]
        self.messages = [row(item) for item in rows["messages"].values()]
        self.booking_messages = [row(item) for item in rows["booking_messages"].values()]

    def of(self, namespace: str) -> dict[str, dict[str, Any]]:
        """Return the rows of people of a namespace, by id."""
        prefix = f"{namespace}#"
        return {
            key.removeprefix(prefix): one
            for key, one in self.people.items()
            if key.startswith(prefix)
        }

    @property
    def chat_calls(self) -> dict[str, dict[str, Any]]:
        """The calls of chat that are not over, by id."""
        return {
            key.removeprefix(CALL_KEY): one["call"]
            for key, one in self.people.items()
            if key.startswith(CALL_KEY)
        }


def free(world: World, truth: Truth) -> Broken:
    """Everybody is free, or in an answered call with the other person, both of them there."""
    telecallers = truth.of(TELECALLER)
    users = truth.of(USER)
    for mine, theirs in ((users, telecallers), (telecallers, users)):
        for person_id, one in mine.items():
            call = one.get("call")
            if not call:
                continue
            peer = (theirs.get(call["peerId"]) or {}).get("call") or {}
            if peer.get("id") != call["id"]:
                yield f"{person_id} is in a call, and {call['peerId']} is not"
            if not _is_there(world, one):
                yield f"{person_id} is in a call, and not connected"
    for person_id, one in telecallers.items():
        if (one.get("call") or {}).get("status") == "RINGING":
            yield f"it still rings at {person_id}"
    for call_id, call in truth.chat_calls.items():
        if call["status"] == "RINGING":
            yield f"chat call {call_id} still rings"
        for person_id in (call["callerId"], call["calleeId"]):
            if not _is_there(world, truth.of(CHAT).get(person_id, {})):
                yield f"{person_id} is in a chat call, and not connected"


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
    """Coins are only moved, by the price of calls."""
    earned: Counter[str] = Counter()
    for record in truth.records.values():
        if record.get("product", "calls") != "calls":
            continue
        seconds = duration_seconds(record.get("acceptedAt"), record["endedAt"])
        price = cost(seconds, RATES[record["callType"]])
        if record["coins"] > price:
            yield f"call {record['callId']} cost {record['coins']} instead of {price}"
        earned[record["callerId"]] -= record["coins"]
        earned[record["calleeId"]] += record["coins"]
    for namespace, first in ((USER, COINS), (TELECALLER, 0)):
        for person_id, one in truth.of(namespace).items():
            if one.get("coins", 0) != first + earned[person_id]:
                yield f"{person_id} has {one.get('coins')}, not {first + earned[person_id]}"


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
            if not world.gateway.alive(member.split(":", 1)[1]):
                yield f"{member} of {key}"


def deaf(world: World, truth: Truth) -> Broken:
    """Who believes to be connected can be reached."""
    for app in world.apps:
        if not app.alive:
            continue
        member = f"{app.wire}:{app.id}"
        person = truth.people.get(f"{app.who.namespace}#{app.who.id}", {})
        if member not in person.get("connections", ()):
            yield f"{app.who.id}'s {app.id} is not reachable"
        if app.who.namespace in (USER, TELECALLER, CHAT):
            rooms = {one["connectionId"] for one in truth.rooms if one["room"].startswith(f"{app.who.namespace}#")}
            if app.id not in rooms:
                yield f"{app.who.id}'s {app.id} receives no announcements"


def calls_shown(world: World, truth: Truth) -> Broken:
    """Apps of callers and telecallers show the call that their person is in, and no other."""
    for app in world.apps:
        if not (_judged(world, app) and app.who.namespace in (USER, TELECALLER)):
            continue
        person = truth.people.get(f"{app.who.namespace}#{app.who.id}", {})
        call = person.get("call") or {}
        for call_id, shown in app.screen.calls.items():
            if not _agrees(shown, call_id, call, truth):
                yield f"{app.who.id}'s {app.id} shows {call_id} as {shown}; the row says {call}"
        if call and app.screen.calls.get(call["id"]) not in (IN_CALL, LEAVING):
            if app.who.namespace == USER or not _another_has(world, app, call["id"]):
                yield f"{app.who.id}'s {app.id} does not show the call that lasts"


def _another_has(world: World, app: Any, call_id: str) -> bool:
    """Return whether another device of a telecaller has the call, or had it when it broke.

    A call lasts until the last connection of its person closes, whichever device has it.
    """
    return any(
        other.screen.calls.get(call_id) in (IN_CALL, LEAVING, ANSWERING)
        and (other.screen.calls[call_id] != ANSWERING or not _judged(world, other))
        for other in world.apps
        if other.who == app.who and other is not app
    )


def _agrees(shown: str, call_id: str, call: dict[str, Any], truth: Truth) -> bool:
    """Return whether what is shown of a call can stay on the screen."""
    if shown == LEAVING:
        return True
    if shown == DIALING:  # nothing was decided, so there is nothing to hear of
        return call_id not in truth.records and call.get("id") != call_id
    return bool(shown == IN_CALL and call.get("id") == call_id and call.get("status", "ACCEPTED") == "ACCEPTED")


def chat_calls_shown(world: World, truth: Truth) -> Broken:
    """Tabs show the calls that they have, and no others."""
    lasting = truth.chat_calls
    for app in world.apps:
        if not (_judged(world, app) and app.who.namespace == CHAT):
            continue
        for call_id, shown in app.screen.calls.items():
            call = lasting.get(call_id)
            wrong = {RINGING, CALLING, IN_CALL, ANSWERING} if call is None else {RINGING, CALLING}
            if shown in wrong or (shown == DIALING and call_id in truth.records):
                yield f"{app.who.id}'s {app.id} shows {call_id} as {shown}"
    for call_id, call in lasting.items():
        for tab in (call["callerTab"], call.get("calleeTab", "")):
            for app in world.apps:
                if tab == f"s:{app.id}" and call_id not in app.screen.calls and _judged(world, app):
                    yield f"{app.who.id}'s {app.id} does not show the call that lasts"


def presence_shown(world: World, truth: Truth) -> Broken:
    """Users' apps show every telecaller as they are."""
    telecallers = {id_: presence_of(one) for id_, one in truth.of(TELECALLER).items()}
    for app in _all_judged(world, USER):
        if app.screen.loaded is None:
            continue
        for id_, real in telecallers.items():
            heard = app.screen.last("telecaller:presence-changed", id_)
            shown = heard["presence"] if heard else app.screen.loaded.get(id_, "OFFLINE")
            if shown != real:
                yield f"{app.who.id}'s {app.id} shows {id_} as {shown}, who is {real}"


def statuses_shown(world: World, truth: Truth) -> Broken:
    """Tabs show the people of chat as they are, if they have heard of them."""
    stored = {one["topic"]: one for one in truth.chat if one["item"] == "status"}
    for app in _all_judged(world, CHAT):
        for event in ("presence_updated", "presence:update"):
            for (name, id_), payload in app.screen.told.items():
                if name != event:
                    continue
                online = truth.of(CHAT).get(id_, {}).get("connections")
                status = stored.get(f"person#{id_}", {}).get("status", "online")
                real = status if online else "offline"
                if payload["status"] != real:
                    yield f"{app.who.id}'s {app.id} shows {id_} {payload['status']}, who is {real}"


def bookings_shown(world: World, truth: Truth) -> Broken:
    """Customers' apps show the status of their bookings, and admins' of all that they monitor."""
    for app in (*_all_judged(world, CUSTOMER), *_all_judged(world, ADMIN)):
        monitors = app.screen.done("monitor:bookings", None)
        admin = app.who.namespace == ADMIN
        for id_, booking in truth.bookings.items():
            if admin and monitors:
                heard = app.screen.last("booking:updated", id_) or app.screen.last("booking:created", id_)
                shown = heard["status"] if heard else None
            elif booking["customerId"] == app.who.id and not admin:
                heard = app.screen.last("booking:status_updated", id_)
                shown = heard["status"] if heard else (app.screen.loaded or {}).get(id_, "PENDING")
            else:
                continue
            if shown != booking["status"]:
                yield f"{app.who.id}'s {app.id} shows {id_} as {shown}, which is {booking['status']}"


def offers_shown(world: World, truth: Truth) -> Broken:
    """Partners' apps show the bookings that are theirs, and customers' the partner."""
    for app in _all_judged(world, PARTNER):
        for id_, booking in truth.bookings.items():
            shown = _is_offered(app.screen, id_)
            mine = booking.get("partnerId") == app.who.id and booking["status"] not in OVER
            given_up = any(
                one.event == "booking:reject" and one.payload == {"bookingId": id_} and not one.failure
                for one in app.screen.asked
            )
            done = booking["status"] == "COMPLETED"
            if shown != mine and not given_up and not done:
                yield f"{app.who.id}'s {app.id}: {id_} is {'' if mine else 'not '}theirs"
    for app in _all_judged(world, CUSTOMER):
        for id_, booking in truth.bookings.items():
            partner, loaded = booking.get("partnerId"), app.screen.loaded or {}
            if booking["customerId"] != app.who.id or not partner or id_ in loaded:
                continue
            heard = app.screen.last("partner:assigned", id_)
            if (heard or {}).get("partner", {}).get("_id") != partner:
                yield f"{app.who.id}'s {app.id} does not know {id_}'s partner {partner}"


def _is_offered(screen: Any, booking_id: str) -> bool:
    """Return whether a partner's app lists a booking, from the order of its events."""
    loaded = (screen.loaded or {}).get(booking_id)
    listed = loaded is not None and loaded not in OVER
    for _, event, payload in screen.events:
        if isinstance(payload, dict) and payload.get("bookingId") == booking_id:
            if event == "booking:new_request":
                listed = True
            elif event == "booking:cancelled":
                listed = False
    return listed


def messages_delivered(world: World, truth: Truth) -> Broken:
    """Stored messages reach everybody whom they are for, and confirmed messages are stored."""
    for app in _all_judged(world, CHAT):
        for message in truth.messages:
            joined_ms = _in_channel_since(app, message["channel"])
            if joined_ms is not None and message["sentAt"] > joined_ms:
                if not app.screen.count("chat:new_message", id=message["messageId"]):
                    yield f"{app.who.id}'s {app.id} lacks message {message['messageId']}"
    for message in truth.booking_messages:
        for app in _all_judged(world, message["recipientNamespace"]):
            mine = app.who.id == message["recipientId"] and app.joined_ms < message["createdAt"]
            if mine and not app.screen.count("message:received", id=message["messageId"]):
                yield f"{app.who.id}'s {app.id} lacks message {message['messageId']}"
    stored = {one["messageId"] for one in (*truth.messages, *truth.booking_messages)}
    for app in world.apps:
        for asked in app.screen.asked:
            sent = asked.event in ("chat:send_message", "message:send")
            if sent and asked.done and asked.own_id not in stored:
                yield f"{app.who.id}'s confirmed message is not stored"


def members_shown(world: World, truth: Truth) -> Broken:
    """Tabs show who is in their channels, if they have heard of them."""
    here = {
        (one["topic"].removeprefix("channel#"), one["item"].removeprefix("person#"))
        for one in truth.chat
        if one["topic"].startswith("channel#") and one.get("tabs")
    }
    for app in _all_judged(world, CHAT):
        shown: dict[tuple[str, str], bool] = {}
        for _, event, payload in app.screen.events:
            if event in ("user_joined", "user_left"):
                shown[str(payload["channelId"]), payload["userId"]] = event == "user_joined"
        for (channel, person), joined in shown.items():
            member = _in_channel_since(app, f"channel#{channel}") is not None
            if member and joined != ((channel, person) in here):
                yield f"{app.who.id}'s {app.id}: {person} is {'not ' if joined else ''}in {channel}"
    for one in truth.chat:
        read, channel = one.get("readUpTo"), one["topic"].removeprefix("channel#")
        for app in _all_judged(world, CHAT) if read else ():
            since = _in_channel_since(app, one["topic"])
            reader = one["item"].removeprefix("person#")
            if since is not None and reader != app.who.id and since < int(read[:11], 16):
                if not app.screen.count("message_read_receipt", userId=reader):
                    yield f"{app.who.id}'s {app.id} lacks {reader}'s receipt in {channel}"


def reports_passed_on(world: World, truth: Truth) -> Broken:
    """What a team's backend reports for people reaches all of their apps."""
    for at_ms, type_, data in world.told:
        match type_:
            case "notification.created":
                apps = [*_all_judged(world, CUSTOMER), *_all_judged(world, PARTNER)]
                event, wanted = "notification:new", data["accountId"]
            case "earnings.updated":
                apps, event, wanted = _all_judged(world, PARTNER), "earnings:updated", data["partnerId"]
            case "partner.registered" | "kyc.submitted":
                apps, event, wanted = _all_judged(world, ADMIN), type_.replace(".", ":"), None
            case _:
                continue
        for app in apps:
            monitors = app.screen.done("monitor:bookings", None)
            concerned = app.who.id == wanted if wanted else monitors
            if concerned and app.joined_ms < at_ms and not app.screen.count(event, **data):
                yield f"{app.who.id}'s {app.id} lacks {event}"


def tracked(world: World, truth: Truth) -> Broken:
    """A customer's app tracks a booking exactly if that is what it asked for last."""
    for app in _all_judged(world, CUSTOMER):
        last: dict[str, Any] = {}
        for asked in app.screen.asked:
            if asked.event in ("booking:track", "booking:untrack"):
                last[asked.payload] = asked
        for id_, asked in last.items():
            booking = truth.bookings.get(id_, {})
            mine = any(f'"s:{app.id}"' in text for text in booking.get("trackers", ()))
            wanted = asked.event == "booking:track"
            if asked.done and booking.get("status") not in OVER and mine != wanted:
                yield f"{app.who.id}'s {app.id} {'does not track' if wanted else 'tracks'} {id_}"


def in_order(world: World, truth: Truth) -> Broken:
    """No tab receives a candidate before the call that it belongs to, or before its answer."""
    for app in world.apps:
        known = False
        for _, event, _ in app.screen.events if app.who.namespace == CHAT else ():
            known = known or event in ("call:incoming", "call:accepted")
            if event == "call:ice_candidate" and not known:
                yield f"{app.who.id}'s {app.id} heard a candidate too early"


def served(world: World, truth: Truth) -> Broken:
    """What arrived before its client said goodbye is done. Judged where no process died."""
    stored = {one["messageId"] for one in (*truth.messages, *truth.booking_messages)}
    for app in world.apps:
        for asked in app.screen.asked:
            sent = asked.event in ("chat:send_message", "message:send")
            if sent and app.closed_ms and not asked.answered and asked.own_id not in stored:
                yield f"{app.who.id}'s last {asked.event} is lost"


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


def once(world: World, truth: Truth) -> Broken:
    """Nobody hears twice what happens once. Judged where no delivery was repeated on purpose."""
    for app in world.apps:
        heard = Counter((event, str(data)) for _, event, data in app.screen.events if event in _ONCE)
        for (event, data), number in heard.items():
            if number > 1:
                yield f"{app.who.id}'s {app.id} heard {event} {number} times: {data[:80]}"
        last: dict[tuple[str, str], Any] = {}
        for _, event, data in app.screen.events:
            field = _CHANGES.get(event)
            about = event, str(data.get("bookingId") or data.get("userId")) if field else ""
            if field and last.get(about) == data[field] and data[field] in _NEWS:
                yield f"{app.who.id}'s {app.id} heard {event} {data[field]} of {about[1]} again"
            last[about] = data[field] if field else None


_CHANGES = {"presence_updated": "status", "booking:status_updated": "status"}
_NEWS = {"offline", *OVER}
"""States that begin once. Somebody may say twice that they are away."""

_ONCE = {
    "call:incoming",
    "call:accepted",
    "call:ended",
    "call:missed",
    "call:rejected",
    "call:cancelled",
    "chat:new_message",
    "message:received",
    "notification:new",
    "system_broadcast_received",
    "user_joined",
    "user_left",
}

Invariant = Callable[[World, Truth], Broken]
INVARIANTS: dict[str, Invariant] = {
    one.__name__: one
    for one in (
        free,
        recorded,
        coins,
        counted,
        ghosts,
        deaf,
        calls_shown,
        chat_calls_shown,
        presence_shown,
        statuses_shown,
        bookings_shown,
        offers_shown,
        messages_delivered,
        members_shown,
        reports_passed_on,
        tracked,
        in_order,
        served,
        given_up,
        rights,
        once,
    )
}


def broken(world: World, *, but: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """Return what is broken: the violations by invariant."""
    truth = Truth(world)
    found = {
        name: list(invariant(world, truth))
        for name, invariant in INVARIANTS.items()
        if name not in but
    }
    return {name: violations for name, violations in found.items() if violations}


def _is_there(world: World, person: dict[str, Any]) -> bool:
    """Return whether any of a person's connections is open."""
    return any(
        world.gateway.alive(Address.of_member("", member).connection_id)
        for member in person.get("connections", ())
    )


def _judged(world: World, app: Any) -> bool:
    """Return whether an app can be expected to know. One that nothing reaches cannot."""
    return app.alive and app.id not in world.gateway.busy


def _all_judged(world: World, namespace: str) -> list[Any]:
    return [app for app in world.apps if app.who.namespace == namespace and _judged(world, app)]


def _in_channel_since(app: Any, room: str) -> int | None:
    """Return since when a tab is in a channel for certain, or None."""
    since: int | None = None
    for asked in app.screen.asked:
        if f"channel#{asked.payload}" != room:
            continue
        if asked.event == "join_channel":
            since = asked.at_ms if asked.done else since
        elif asked.event == "leave_channel":
            since = None
    return since


def _differences(what: str, kept: Any, real: Any) -> Broken:
    for name in sorted({*kept, *real} - {"name", "expiresAt", "countedAt"}):
        if kept.get(name, 0) != real.get(name, 0):
            yield f"{what} {name}: {kept.get(name, 0)} instead of {real.get(name, 0)}"
