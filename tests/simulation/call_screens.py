"""Invariants of screens: calls of both products, and what may be heard but once."""

from __future__ import annotations

from collections import Counter
from typing import Any

from functions.bookings.state import FINAL as OVER
from shared.settings import settings
from tests.simulation.clients import App
from tests.simulation.screens import (
    ANSWERING,
    CALLING,
    DIALING,
    HIDES,
    IN_CALL,
    LEAVING,
    RINGING,
)
from tests.simulation.truth import CHAT, TELECALLER, USER, Broken, Truth, judged
from tests.simulation.world import World

RINGS_AFTER_MS = 2_000
"""A device that comes during a call rings sooner than this."""

LOOKS_AFTER_MS = 200
"""How long the function of a caller needs, after the last device has heard that the call rings, to
look whether it has been accepted or is over."""

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


def calls_shown(world: World, truth: Truth) -> Broken:
    """Apps of callers and telecallers show the call that their person is in, and no other."""
    for app in world.apps:
        if not (judged(world, app) and app.who.namespace in (USER, TELECALLER)):
            continue
        person = truth.people.get(f"{app.who.namespace}#{app.who.id}", {})
        call = person.get("call") or {}
        for call_id, shown in app.screen.calls.items():
            if not _agrees(shown, call_id, call, truth):
                yield f"{app.who.id}'s {app.id} shows {call_id} as {shown}; the row says {call}"
        hidden = call and app.screen.calls.get(call["id"]) not in (IN_CALL, LEAVING)
        if hidden and (app.who.namespace == USER or not _another_has(world, app, call["id"])):
            yield f"{app.who.id}'s {app.id} does not show the call that lasts"


def _another_has(world: World, app: Any, call_id: str) -> bool:
    """Return whether another device of a telecaller has the call, or had it when it broke.

    A call lasts until the last connection of its person closes, whichever device has it.
    """
    return any(
        other.screen.calls.get(call_id) in (IN_CALL, LEAVING, ANSWERING)
        and (other.screen.calls[call_id] != ANSWERING or not judged(world, other))
        for other in world.apps
        if other.who == app.who and other is not app
    )


def _agrees(shown: str, call_id: str, call: dict[str, Any], truth: Truth) -> bool:
    """Return whether what is shown of a call can stay on the screen."""
    if shown == LEAVING:
        return True
    if shown == DIALING:  # nothing was decided, so there is nothing to hear of
        return call_id not in truth.records and call.get("id") != call_id
    return bool(
        shown == IN_CALL
        and call.get("id") == call_id
        and call.get("status", "ACCEPTED") == "ACCEPTED"
    )


def chat_calls_shown(world: World, truth: Truth) -> Broken:
    """Tabs show the calls that they have, and no others."""
    lasting = truth.chat_calls
    for app in world.apps:
        if not (judged(world, app) and app.who.namespace == CHAT):
            continue
        for call_id, shown in app.screen.calls.items():
            call = lasting.get(call_id)
            wrong = {RINGING, CALLING, IN_CALL, ANSWERING} if call is None else {RINGING, CALLING}
            if shown in wrong or (shown == DIALING and call_id in truth.records):
                yield f"{app.who.id}'s {app.id} shows {call_id} as {shown}"
    for call_id, call in lasting.items():
        for tab in (call["callerTab"], call.get("calleeTab", "")):
            for app in world.apps:
                if app.mark in tab and call_id not in app.screen.calls and judged(world, app):
                    yield f"{app.who.id}'s {app.id} does not show the call that lasts"


def in_order(world: World, truth: Truth) -> Broken:
    """No tab receives a candidate before the call that it belongs to, or before its answer."""
    for app in world.apps:
        known = False
        for _, event, _ in app.screen.events if app.who.namespace == CHAT else ():
            known = known or event in ("call:incoming", "call:accepted")
            if event == "call:ice_candidate" and not known:
                yield f"{app.who.id}'s {app.id} heard a candidate too early"


def rang(world: World, truth: Truth) -> Broken:
    """A call that rang for a while has rung on every device of its callee that was there."""
    for call_id, record in truth.records.items():
        began_ms, until_ms = record["startedAt"], record.get("acceptedAt") or record["endedAt"]
        place = CHAT if record.get("product") == "chat" else TELECALLER
        for app in world.apps:
            if (app.who.namespace, app.who.id) != (place, record["calleeId"]):
                continue
            there = app.joined and (app.closed_ms or until_ms) >= until_ms
            long = until_ms - max(began_ms, app.joined_ms) > RINGS_AFTER_MS
            if there and long and not app.screen.count("call:incoming", callId=call_id):
                yield f"{app.who.id}'s {app.id} did not ring for {call_id}"


def once(world: World, truth: Truth) -> Broken:
    """Nobody hears twice what happens once. Judged where no delivery was repeated on purpose.

    That a call is over may be said once more to a device that came while it rang: the end may have
    been said before the device began to ring, or the device has come in place of a lost one, and
    receives what that one has missed. Each device that comes looks by itself whether the call still
    rings, so another one that came then and was lost at once adds a miss of its own. The same goes
    for a device that came when an answered call had ended, in place of a lost one: it may be among
    those who are looked for after the end, because they may have fetched the call, and it stands
    for the device that had the call as well as for those that rang in vain. The end and the accept
    are also said again if they may have overtaken ``call:ringing`` on one of the caller's devices.
    And if the device that has accepted a call is lost, another one may accept the call again, which
    is announced as the first time.
    """
    accepts = Counter(
        one.payload["callId"]
        for app in world.apps
        for one in app.screen.asked
        if one.event == "call:accept" and one.failure is None
    )
    for app in world.apps:
        heard = Counter(
            (event, str(data))
            for number, (_, event, data) in enumerate(app.screen.events)
            if event in _ONCE and not _is_excused(world, app, number, truth, accepts)
        )
        for (event, data), number in heard.items():
            if number > 1:
                yield f"{app.who.id}'s {app.id} heard {event} {number} times: {data[:80]}"
        last: dict[tuple[str, str], Any] = {}
        for at_ms, event, data in app.screen.events:
            field = _CHANGES.get(event)
            about = event, str(data.get("bookingId") or data.get("userId")) if field else ""
            again = field and last.get(about) == data[field] and data[field] in _NEWS
            if again and not (event == "booking:status_updated" and _stands_in(world, app, at_ms)):
                yield f"{app.who.id}'s {app.id} heard {event} {data[field]} of {about[1]} again"
            last[about] = data[field] if field else None


def _is_excused(world: World, app: App, number: int, truth: Truth, accepts: Counter[str]) -> bool:
    """Return whether an event tells once more that a call is over, to a device that has come while
    it rang or ended, or that a call is accepted which several devices have accepted."""
    _, event, data = app.screen.events[number]
    before = [(name, one) for _, name, one in app.screen.events[:number]].count((event, data))
    if not before or event not in {*HIDES, "call:accepted"}:
        return False
    names = [name for _, name, one in app.screen.events[:number] if _is_about(one, data["callId"])]
    if names[-1] == "call:ringing":
        return before == 1
    call = _call(truth, data["callId"])
    decided = "acceptedAt" if event == "call:accepted" else "endedAt"
    again = _may_overtake(world, app, data["callId"], call.get(decided) or 0)
    silent_at = call.get("acceptedAt") or call.get("endedAt") or float("inf")
    until_ms = silent_at + RINGS_AFTER_MS
    came = call["startedAt"] < app.joined_ms < until_ms
    lost = _lost_beside(world, app, call["startedAt"] - _grace_ms(), until_ms) if came else 0
    if event == "call:accepted":
        return before < accepts[data["callId"]] + again + lost
    if (event == "call:cancelled" and before < accepts[data["callId"]]) or (again and before == 1):
        return True
    since_end_ms = app.joined_ms - (call.get("endedAt") or 0)
    in_place = -RINGS_AFTER_MS < since_end_ms < _grace_ms()
    return (came and before <= 1 + lost) or (in_place and before == 1)


def _lost_beside(world: World, app: App, since_ms: float, until_ms: float) -> int:
    """Return how often other devices of an app's person lost their connection within some time."""
    others = (one for one in world.apps if one.who == app.who and one is not app)
    return sum(since_ms < ms < until_ms for one in others for ms in one.losses)


def _may_overtake(world: World, app: App, call_id: str, decided_ms: float) -> bool:
    """Return whether a call was accepted or over before all devices of its caller had heard that it
    rings, as far as the function that tells them could know."""
    return any(
        (event, one["callId"]) == ("call:ringing", call_id) and at_ms + LOOKS_AFTER_MS > decided_ms
        for other in world.apps
        if other.who == app.who
        for at_ms, event, one in other.screen.events
        if _is_about(one, call_id)
    )


def _stands_in(world: World, app: App, at_ms: float) -> bool:
    """Return whether a device has just come in place of a lost one. What has overtaken an event
    that the lost one has missed follows that event once more (``Product.overtakes``)."""
    lost = any(one.who == app.who and any(ms < at_ms for ms in one.losses) for one in world.apps)
    return lost and at_ms - app.joined_ms < _grace_ms()


def _grace_ms() -> int:
    return settings().reconnect_grace_seconds * 1000 + RINGS_AFTER_MS


def _is_about(payload: Any, call_id: str) -> bool:
    return isinstance(payload, dict) and payload.get("callId") == call_id


def _call(truth: Truth, call_id: str) -> dict[str, Any]:
    """Return the record of a call or, if it is not over, what a row says of it."""
    running = (one["call"] for one in truth.people.values() if one.get("call"))
    found = {one["id"]: one for one in running if "status" in one} | truth.chat_calls
    return truth.records.get(call_id) or found[call_id]
