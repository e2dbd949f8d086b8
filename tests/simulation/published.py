"""Invariants of the bus: what has happened is on it, at least once, with the same id each time."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.simulation.truth import TELECALLER, Broken, Truth
from tests.simulation.world import World, presence_of

ENDS = {
    "COMPLETED": "call.ended",
    "MISSED": "call.missed",
    "REJECTED": "call.rejected",
    "CANCELLED": "call.cancelled",
}
"""The event of the end of a call, by its last status."""


def ids_unique(world: World, truth: Truth) -> Broken:
    """Two events with the same id are the same event."""
    known: dict[str, Any] = {}
    for event in world.published:
        if known.setdefault(event[1]["id"], event) != event:
            yield f"{event} has the id of {known[event[1]['id']]}"


def calls_published(world: World, truth: Truth) -> Broken:
    """A call has one event of its start, of its accept if it was answered, and of its end."""
    heard: dict[str, list[str]] = {}
    for type_, data in _once(world):
        if type_.startswith("call."):
            heard.setdefault(data["callId"], []).append(type_)
    calls: dict[str, dict[str, Any]] = dict(truth.chat_calls)
    for one in truth.of(TELECALLER).values():
        if one.get("call"):
            calls[one["call"]["id"]] = one["call"]
    for call_id in sorted({*heard, *calls, *truth.records}):
        wanted = _events_of(truth.records.get(call_id) or calls.get(call_id))
        if sorted(heard.get(call_id, ())) != sorted(wanted):
            yield f"call {call_id} has {heard.get(call_id)} instead of {wanted}"


def _events_of(call: dict[str, Any] | None) -> list[str]:
    """Return the events of a call, by its record or as it goes on."""
    if call is None:  # it was withdrawn, and there is no record of it
        return ["call.ringing", "call.cancelled"]
    answered = ["call.answered"] if call.get("acceptedAt") else []
    over = [ENDS[call["status"]]] if "endedAt" in call else []
    return ["call.ringing", *answered, *over]


def bookings_published(world: World, truth: Truth) -> Broken:
    """The last event about a booking says what it is now."""
    last = _last(world, "booking.", "bookingId")
    for booking_id, one in truth.bookings.items():
        said = last.get(booking_id, {})
        real = (one["status"], one.get("partnerId"))
        if (said.get("status"), said.get("partnerId")) != real:
            yield f"booking {booking_id} is {real}, and not {said}"


def messages_published(world: World, truth: Truth) -> Broken:
    """Every message has an event, and nobody's text is in one."""
    heard = Counter(data["messageId"] for type_, data in _once(world) if type_ == "message.sent")
    stored = Counter(one["messageId"] for one in (*truth.messages, *truth.booking_messages))
    if heard != stored:
        yield f"messages {dict(stored)} have events {dict(heard)}"


def presence_published(world: World, truth: Truth) -> Broken:
    """The last event about a person says what the others see of them."""
    last = _last(world, "presence.", "telecallerId")
    for id_, one in truth.of(TELECALLER).items():
        said = last.get(id_, {}).get("presence", "OFFLINE")
        if said != presence_of(one):
            yield f"{id_} is {presence_of(one)}, and not {said}"
    last = _last(world, "presence.", "userId")
    for one in truth.chat:
        if one["item"] == "status" and (one.get("setAt") or one.get("goneAt")):
            id_ = one["topic"].removeprefix("person#")
            if last.get(id_, {}).get("status") != one["status"]:
                yield f"{id_} is {one['status']}, and not {last.get(id_)}"


def _once(world: World) -> list[tuple[str, dict[str, Any]]]:
    """Return the types and data of all events, each event once."""
    known = {detail["id"]: (type_, detail["data"]) for type_, detail in world.published}
    return list(known.values())


def _last(world: World, prefix: str, key: str) -> dict[str, dict[str, Any]]:
    """Return the data of the last event of some types, by what they are about."""
    found: dict[str, tuple[tuple[str, str], dict[str, Any]]] = {}
    for type_, detail in world.published:
        data = detail["data"]
        if type_.startswith(prefix) and key in data:
            at = detail["time"], detail["sequence"]
            found[data[key]] = max(found.get(data[key], (at, data)), (at, data), key=_at)
    return {id_: data for id_, (_, data) in found.items()}


def _at(event: tuple[tuple[str, str], dict[str, Any]]) -> tuple[str, str]:
    return event[0]
