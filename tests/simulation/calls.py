"""Scenarios of the call product, and of connections as such."""

from __future__ import annotations

from typing import Any

from tests.fakes import NOW_MS
from tests.simulation.clients import Who
from tests.simulation.stage import SHIM, Stage, event, nothing, scenario
from tests.simulation.world import ADA, ANNA, RATES, THEO, TINA, ULLA, UWE


def call_people(stage: Stage) -> None:
    """A user with two devices, a telecaller with two, another user, and an admin."""
    stage.come(ULLA, ULLA, TINA, TINA, UWE, ADA)
    stage.world.run(2_000)


def ringing(stage: Stage) -> None:
    """A call that rings."""
    call_people(stage)
    call = {"telecallerId": TINA.id, "callType": "AUDIO"}
    stage.call(ULLA, "call:initiate", call)


def answered(stage: Stage) -> None:
    """A call that has been answered, some seconds ago."""
    ringing(stage)
    stage.ask(stage.app(TINA), "call:accept", {"callId": stage.kept["call"]})
    stage.world.run(5_000)


def coins(stage: Stage, number: int) -> None:
    """Report how many coins ulla has bought."""
    account = {"_id": ULLA.id, "role": "USER", "name": f"Name of {ULLA.id}", "coins": number}
    stage.world.tell("account.upserted", **account)


def paid_for_two_minutes(stage: Stage) -> None:
    """A prepaid call that has been answered, with coins for two minutes; ulla is not warned yet."""
    coins(stage, 2 * RATES["AUDIO"])
    answered(stage)


def paid_to_the_end(stage: Stage) -> None:
    """The same call, seconds before the coins are used up."""
    paid_for_two_minutes(stage)
    stage.world.run(105_000)


def report(stage: Stage, event: str, *whos: Who) -> None:
    """Report an event of each person in the room of the call, and wait until it is noted."""
    for who in whos:
        joined_s = stage.kept.setdefault("joined", int(stage.world.now_ms / 1000))
        stage.world.report_room(event, stage.kept["call"], who, joined_s)
        stage.world.run(1_000)


def alone_in_room(stage: Stage) -> None:
    """A call whose user has left its room."""
    answered(stage)
    report(stage, "participant_joined", ULLA, TINA)
    report(stage, "participant_left", ULLA)


def ref(kept: dict[str, Any]) -> dict[str, str]:
    """The payload that names the call."""
    return {"callId": kept["call"]}


INITIATE = {"telecallerId": TINA.id, "callType": "AUDIO"}
event("call:initiate", call_people, ULLA, INITIATE, SHIM, "presence-stream")
event("call:accept", ringing, TINA, ref, SHIM, "presence-stream", "broadcast")
event("call:reject", ringing, TINA, ref)
event("call:cancel", ringing, ULLA, ref)
event("call:end by user", answered, ULLA, ref, SHIM, "presence-stream", "livekit-rooms")
event("call:end by telecaller", answered, TINA, ref)
event("telecallers:watch", call_people, ULLA)
event("telecallers:unwatch", call_people, ULLA)
event("presence:request-counts", call_people, ADA)


@scenario("ring timeout", ringing, "ring-timeout")
def _ring_timeout(stage: Stage) -> None:
    stage.world.run(31_000)


@scenario("coins run low", paid_for_two_minutes, "balance-due")
def _low(stage: Stage) -> None:
    stage.world.run(61_000)


@scenario("coins run out", paid_to_the_end, "balance-due")
def _out(stage: Stage) -> None:
    stage.world.run(15_000)


@scenario("coins arrive", paid_to_the_end, "backend", "balance-due")
def _bought(stage: Stage) -> None:
    coins(stage, 3 * RATES["AUDIO"])
    stage.world.run(15_000)


@scenario("sweep finds a call without coins", paid_to_the_end, "sweep")
def _without_coins(stage: Stage) -> None:
    stage.world.ring.lost = True
    stage.world.run(120_000)


@scenario("the room is empty", alone_in_room, "http")
def _room_left(stage: Stage) -> None:
    report(stage, "participant_left", TINA, TINA)


@scenario("a person leaves the room after the end", alone_in_room, "http")
def _room_left_late(stage: Stage) -> None:
    stage.emit(TINA, "call:end", {"callId": stage.kept["call"]})
    stage.world.run()
    report(stage, "participant_left", TINA)
    report(stage, "room_finished", TINA)


@scenario("sweep finds an empty room", alone_in_room, "sweep")
def _room_found_empty(stage: Stage) -> None:
    stage.world.rooms_empty = False
    report(stage, "participant_left", TINA)
    stage.world.rooms_empty = True
    stage.world.run(60_000)


@scenario("sweep finds a forgotten ring", ringing, "sweep")
def _forgotten(stage: Stage) -> None:
    stage.world.ring.lost = True
    stage.world.run(60_000)


def leave_one(stage: Stage, *whos: Who) -> None:
    """Close the second app of people."""
    for who in whos:
        stage.app(who, 1).close()
    stage.world.run()


def one_device(stage: Stage) -> None:
    """A telecaller with one device."""
    call_people(stage)
    leave_one(stage, TINA)


def ringing_last(stage: Stage) -> None:
    """A call that rings, with one device left on either side."""
    ringing(stage)
    leave_one(stage, ULLA, TINA)


def answered_last(stage: Stage) -> None:
    """A call that has been answered, with one device left on either side."""
    answered(stage)
    leave_one(stage, ULLA, TINA)


@scenario("user leaves while ringing", ringing_last, "disconnect")
def _user_leaves_ringing(stage: Stage) -> None:
    stage.app(ULLA).close()


@scenario("telecaller leaves while ringing", ringing_last, "disconnect")
def _telecaller_leaves_ringing(stage: Stage) -> None:
    stage.app(TINA).close()


@scenario("user leaves in a call", answered_last, "disconnect")
def _user_leaves(stage: Stage) -> None:
    stage.app(ULLA).close()


@scenario("telecaller leaves in a call", answered_last, "disconnect", "presence-stream")
def _telecaller_leaves(stage: Stage) -> None:
    stage.app(TINA).close()


def pinged_in_a_call(stage: Stage) -> None:
    """A call whose people have just answered a ping, so that the next one is far away."""
    answered_last(stage)
    stage.world.run(NOW_MS + 185_000 - stage.world.now_ms)


@scenario("user breaks off in a call", pinged_in_a_call)
def _user_breaks_off(stage: Stage) -> None:
    stage.world.gateway.vanish(stage.app(ULLA).id)


@scenario("user reloads in a call", answered_last, "disconnect")
def _comes_back_in_call(stage: Stage) -> None:
    stage.app(ULLA).close()
    stage.world.come(ULLA)


@scenario("user connects", nothing, "connect", "opener", SHIM, "presence-stream")
def _user_connects(stage: Stage) -> None:
    stage.world.come(ULLA)


@scenario("telecaller connects", call_people, "connect", "opener", SHIM, "broadcast")
def _telecaller_connects(stage: Stage) -> None:
    stage.world.come(THEO)


@scenario("native telecaller connects", call_people, "connect", "opener")
def _native_connects(stage: Stage) -> None:
    stage.world.come(THEO, wire="n")


@scenario("tab connects", nothing, "connect", "opener", SHIM)
def _tab_connects(stage: Stage) -> None:
    stage.world.come(ANNA)
