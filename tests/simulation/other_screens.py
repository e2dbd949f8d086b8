"""Invariants of screens: presence, channels, messages, bookings, and what a backend reports."""

from __future__ import annotations

import re
from typing import Any

from functions.bookings.state import FINAL as OVER
from functions.bookings.state import PARTNER_TRIGGERS, Status, after
from shared import times
from tests.simulation.clients import App
from tests.simulation.screens import Screen
from tests.simulation.truth import (
    ADMIN,
    CHAT,
    CUSTOMER,
    PARTNER,
    TELECALLER,
    USER,
    Broken,
    Truth,
    all_judged,
    in_channel_since,
)
from tests.simulation.world import World, presence_of

_STATUSES = {"update_presence", "presence:set_status"}


def presence_shown(world: World, truth: Truth) -> Broken:
    """Users' apps show every telecaller as they are."""
    telecallers = {id_: presence_of(one) for id_, one in truth.of(TELECALLER).items()}
    for app in all_judged(world, USER):
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
    for app in all_judged(world, CHAT):
        for event in ("presence_updated", "presence:update"):
            for (name, id_), payload in app.screen.told.items():
                if name != event:
                    continue
                online = truth.of(CHAT).get(id_, {}).get("connections")
                status = stored.get(f"person#{id_}", {}).get("status", "online")
                real = status if online else "offline"
                if payload["status"] != real:
                    yield f"{app.who.id}'s {app.id} shows {id_} {payload['status']}, who is {real}"


def statuses_kept(world: World, truth: Truth) -> Broken:
    """The last status of a person that was confirmed is stored, if they have stayed since then."""
    stored = {one["topic"]: one for one in truth.chat if one["item"] == "status"}
    for app in all_judged(world, CHAT):
        asked = [one.at_ms for one in app.screen.asked if one.done and one.event in _STATUSES]
        row = stored.get(f"person#{app.who.id}", {})
        gone = [
            at_ms
            for at_ms, event, payload in app.screen.events
            if event == "presence_updated"
            and (payload["userId"], payload["status"]) == (app.who.id, "offline")
        ]
        asked = [one for one in asked if one > max(gone, default=0)]
        if asked and row.get("setAt", 0) < max(asked):
            yield f"{app.who.id}'s last status of {app.id} is not stored"


def bookings_shown(world: World, truth: Truth) -> Broken:
    """Customers' apps show the status of their bookings, and admins' of all that they monitor."""
    for app in (*all_judged(world, CUSTOMER), *all_judged(world, ADMIN)):
        monitors = app.screen.done("monitor:bookings", None)
        admin = app.who.namespace == ADMIN
        for id_, booking in truth.bookings.items():
            if admin and monitors:
                heard = app.screen.last("booking:updated", id_) or app.screen.last(
                    "booking:created", id_
                )
                shown = heard["status"] if heard else None
            elif booking["customerId"] == app.who.id and not admin:
                heard = app.screen.last("booking:status_updated", id_)
                shown = heard["status"] if heard else (app.screen.loaded or {}).get(id_, "PENDING")
            else:
                continue
            if shown != booking["status"]:
                real = booking["status"]
                yield f"{app.who.id}'s {app.id} shows {id_} as {shown}, which is {real}"


def offers_shown(world: World, truth: Truth) -> Broken:
    """Partners' apps show the bookings that are theirs, and customers' the partner."""
    for app in all_judged(world, PARTNER):
        for id_, booking in truth.bookings.items():
            shown = _is_offered(app.screen, id_)
            mine = booking.get("partnerId") == app.who.id and booking["status"] not in OVER
            given_up = any(
                one.event == "booking:reject"
                and one.payload == {"bookingId": id_}
                and not one.failure
                for other in world.apps
                if other.who == app.who
                for one in other.screen.asked
            )
            done = booking["status"] == "COMPLETED"
            if shown != mine and not given_up and not done:
                yield f"{app.who.id}'s {app.id}: {id_} is {'' if mine else 'not '}theirs"
    for app in all_judged(world, CUSTOMER):
        for id_, booking in truth.bookings.items():
            partner, loaded = booking.get("partnerId"), app.screen.loaded or {}
            if booking["customerId"] != app.who.id or not partner or id_ in loaded:
                continue
            heard = app.screen.last("partner:assigned", id_)
            if (heard or {}).get("partner", {}).get("_id") != partner:
                yield f"{app.who.id}'s {app.id} does not know {id_}'s partner {partner}"


def _is_offered(screen: Screen, booking_id: str) -> bool:
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
    """Stored messages reach everybody whom they are for."""
    for app in all_judged(world, CHAT):
        for message in truth.messages:
            joined_ms = in_channel_since(app, message["channel"])
            concerned = joined_ms is not None and message["sentAt"] > joined_ms
            if concerned and not app.screen.count("chat:new_message", id=message["messageId"]):
                yield f"{app.who.id}'s {app.id} lacks message {message['messageId']}"
    for message in truth.booking_messages:
        for app in all_judged(world, message["recipientNamespace"]):
            mine = app.who.id == message["recipientId"] and app.joined_ms < message["createdAt"]
            if mine and not app.screen.count("message:received", id=message["messageId"]):
                yield f"{app.who.id}'s {app.id} lacks message {message['messageId']}"


def messages_stored(world: World, truth: Truth) -> Broken:
    """Messages that were confirmed are stored."""
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
    for app in all_judged(world, CHAT):
        shown: dict[tuple[str, str], bool] = {}
        for at_ms, event, payload in app.screen.events:
            if event in ("user_joined", "user_left"):
                since = in_channel_since(app, f"channel#{payload['channelId']}")
                if since is not None and at_ms > since:  # an app that leaves forgets who was there
                    shown[str(payload["channelId"]), payload["userId"]] = event == "user_joined"
        for (channel, person), joined in shown.items():
            if joined != ((channel, person) in here):
                yield f"{app.who.id}'s {app.id}: {person} is {'not ' if joined else ''}in {channel}"


def receipts_delivered(world: World, truth: Truth) -> Broken:
    """Whoever is in a channel knows that the others have read it."""
    for one in truth.chat:
        if "readUpTo" not in one:
            continue
        read_ms, reader = int(one["readUpTo"][:11], 16), one["item"].removeprefix("person#")
        for app in all_judged(world, CHAT):
            since = in_channel_since(app, one["topic"])
            concerned = since is not None and reader != app.who.id and since < read_ms
            if concerned and not app.screen.count("message_read_receipt", userId=reader):
                yield f"{app.who.id}'s {app.id} lacks {reader}'s receipt in {one['topic']}"


def reports_passed_on(world: World, truth: Truth) -> Broken:
    """What a team's backend reports for people reaches all of their apps: of earnings the last."""
    earned = {
        data["partnerId"]: at_ms for at_ms, type_, data in world.told if type_ == "earnings.updated"
    }
    for at_ms, type_, data in world.told:
        if type_ == "earnings.updated" and at_ms < earned[data["partnerId"]]:
            continue
        match type_:
            case "notification.created":
                apps = [*all_judged(world, CUSTOMER), *all_judged(world, PARTNER)]
                event, wanted = "notification:new", data["accountId"]
            case "earnings.updated":
                apps, event, wanted = (
                    all_judged(world, PARTNER),
                    "earnings:updated",
                    data["partnerId"],
                )
            case "partner.registered" | "kyc.submitted":
                apps, event, wanted = all_judged(world, ADMIN), type_.replace(".", ":"), None
            case _:
                continue
        for app in apps:
            monitors = app.screen.done("monitor:bookings", None)
            concerned = app.who.id == wanted if wanted else monitors
            if concerned and app.joined_ms < at_ms and not app.screen.count(event, **data):
                yield f"{app.who.id}'s {app.id} lacks {event}"


def tracked(world: World, truth: Truth) -> Broken:
    """A customer's app tracks a booking exactly if that is what it asked for last."""
    for app in all_judged(world, CUSTOMER):
        last: dict[str, Any] = {}
        for asked in app.screen.asked:
            if asked.event in ("booking:track", "booking:untrack"):
                last[asked.payload] = asked
        for id_, asked in last.items():
            booking = truth.bookings.get(id_, {})
            mine = any(app.mark in text for text in booking.get("trackers", ()))
            wanted = asked.event == "booking:track"
            if asked.done and booking.get("status") not in OVER and mine != wanted:
                yield f"{app.who.id}'s {app.id} {'does not track' if wanted else 'tracks'} {id_}"


def locations_shown(world: World, truth: Truth) -> Broken:
    """A customer's app that tracks a booking shows where its partner was last.

    Only a location that was confirmed to the partner's app counts: without a confirmation the app
    sends where it is again, as it does every few seconds.
    """
    confirmed = {
        (app.who.id, one.at_ms)
        for app in world.apps
        for one in app.screen.asked
        if one.event == "location:update" and one.done
    }
    for app in all_judged(world, CUSTOMER):
        for id_, booking in truth.bookings.items():
            partner = truth.partners.get(booking.get("partnerId", ""), {})
            since = max(
                _last_ms([app], "booking:track", id_),
                _last_ms(all_judged(world, PARTNER), "booking:accept", id_),
            )
            at_ms = partner.get("locatedAt", 0)
            mine = any(app.mark in text for text in booking.get("trackers", ()))
            heard = app.screen.last("partner:location_update", id_)
            known = (booking.get("partnerId"), at_ms) in confirmed
            late = known and at_ms > since and id_ in partner.get("active", ())
            if mine and late and (heard or {}).get("timestamp") != times.iso(at_ms):
                yield f"{app.who.id}'s {app.id} shows {heard}, and {id_}'s partner is {partner}"


def _last_ms(apps: list[App], event: str, payload: str) -> float:
    """Return when the last such event of some apps was confirmed; infinity if none was."""
    found = (
        one.answered_ms
        for app in apps
        for one in app.screen.asked
        if one.done and (one.event, one.payload) == (event, payload)
    )
    return max(found, default=float("inf"))


def refusals_true(world: World, truth: Truth) -> Broken:
    """No refusal says that a booking cannot go from one status to another that may follow it."""
    for app in world.apps:
        for asked in app.screen.asked:
            found = re.fullmatch(r"Booking cannot go from (\w+) to (\w+)", asked.failure or "")
            if found and after(Status(found[1]), PARTNER_TRIGGERS[Status(found[2])]):
                yield f"{app.who.id}'s {app.id}: {asked.failure}"
