"""Scenarios of phones: registering them, and calls that ring by push."""

from __future__ import annotations

import json
from typing import Any

from functions.push.devices import id_of
from tests.simulation.calls import INITIATE, ref
from tests.simulation.chat import CHANNEL, private_channel
from tests.simulation.clients import Who
from tests.simulation.gateway import TORN
from tests.simulation.stage import SHIM, Stage, event, scenario
from tests.simulation.world import ANNA, BERT, CARL, THEO, TINA, ULLA

GRACE_MS = 8_000
"""After this a connection that was lost has left its person."""

PHONES = (("APNS_VOIP", "voip"), ("FCM", "android"))


def register(stage: Stage, who: Who) -> None:
    """Register an iPhone and an Android phone."""
    for platform, token in PHONES:
        stage.world.asks(who, "POST /devices", json.dumps({"platform": platform, "token": token}))


def fall_asleep(stage: Stage, who: Who) -> None:
    """Break all connections of a person, as a phone does that sends its app to sleep, and wait
    until they are not expected back."""
    for app in stage.world.of(who):
        stage.world.gateway.close(app.id, TORN)
    stage.world.run(GRACE_MS)


def with_phones(stage: Stage) -> None:
    """A user with two devices, and a telecaller with an app who has registered phones."""
    stage.come(ULLA, ULLA, TINA)
    register(stage, TINA)
    stage.world.run()


def asleep(stage: Stage) -> None:
    """The same, when the telecaller's app has been put to sleep."""
    with_phones(stage)
    fall_asleep(stage, TINA)


def ringing_asleep(stage: Stage) -> None:
    """A call that rings by push."""
    asleep(stage)
    stage.call(ULLA, "call:initiate", INITIATE)


def ringing_with_phones(stage: Stage) -> None:
    """A call that rings at an app whose telecaller has phones, too."""
    with_phones(stage)
    stage.call(ULLA, "call:initiate", INITIATE)


def woken(stage: Stage) -> None:
    """A call that has rung by push, when the app is back."""
    ringing_asleep(stage)
    stage.come(TINA)


@scenario("POST /devices", with_phones, "http")
def _register(stage: Stage) -> None:
    register(stage, THEO)


@scenario("DELETE /devices/{id}", asleep, "http", "presence-stream")
def _log_out(stage: Stage) -> None:
    stage.world.asks(TINA, "GET /devices")
    for platform, token in PHONES:
        stage.world.asks(TINA, f"DELETE /devices/{id_of(platform, token)}")


event("call:initiate by push", asleep, ULLA, INITIATE, SHIM, "presence-stream", "push")
event("call:cancel by push", ringing_asleep, ULLA, ref, SHIM, "presence-stream", "push")
event("call:accept of a phone", woken, TINA, ref)
event("call:reject of a phone", woken, TINA, ref)


def _accept(stage: Stage) -> Any:
    return stage.emit(TINA, "call:accept", {"callId": stage.kept["call"]}, 1)


@scenario("the app wakes and accepts", ringing_asleep, "opener", SHIM, "push")
def _wakes(stage: Stage) -> None:
    stage.come(TINA)
    _accept(stage)


@scenario("a ring by push times out", ringing_asleep, "ring-timeout", "presence-stream", "push")
def _times_out(stage: Stage) -> None:
    stage.world.run(31_000)


@scenario("a ring by push has lost its timer", ringing_asleep, "push")
def _without_timer(stage: Stage) -> None:
    stage.world.ring.lost = True
    stage.world.run(60_000)


@scenario("the app falls asleep while it rings", ringing_with_phones, "disconnect", "push")
def _falls_asleep(stage: Stage) -> None:
    fall_asleep(stage, TINA)


@scenario("a call to an app that is asleep and not noticed", with_phones, SHIM, "disconnect")
def _not_noticed(stage: Stage) -> None:
    stage.world.gateway.vanish(stage.app(TINA).id)
    stage.emit(ULLA, "call:initiate", INITIATE)
    stage.world.run(GRACE_MS)


@scenario("the telecaller leaves by themselves while it rings", ringing_with_phones, "disconnect")
def _leaves(stage: Stage) -> None:
    stage.app(TINA).close()


@scenario("a phone is not known any longer", asleep, "push")
def _unknown(stage: Stage) -> None:
    stage.world.phones.disabled.add("android")
    stage.emit(ULLA, "call:initiate", INITIATE)


def tab_with_phones(stage: Stage) -> None:
    """A private channel of two people, one of whom has registered phones."""
    private_channel(stage)
    register(stage, CARL)
    stage.world.run()


def tab_asleep(stage: Stage) -> None:
    """The same, when the tab of the person with the phones has been put to sleep."""
    tab_with_phones(stage)
    fall_asleep(stage, CARL)


def tab_rings_asleep(stage: Stage) -> None:
    """A chat call that rings by push."""
    tab_asleep(stage)
    stage.call(BERT, "call:invite", INVITE)


def tab_rings(stage: Stage) -> None:
    """A chat call that rings at a tab whose person has phones, too."""
    tab_with_phones(stage)
    stage.call(BERT, "call:invite", INVITE)


INVITE = {"targetUserId": CARL.id, "callType": "audio", "offer": {}}
SAID = {"channelId": CHANNEL, "message": "Hello"}
event("chat:send_message to a phone", tab_asleep, ANNA, SAID, SHIM, "chat-stream", "push")
event("call:invite by push", tab_asleep, BERT, INVITE, SHIM, "push")
event("call:end by push in chat", tab_rings_asleep, BERT, ref, SHIM, "push")


@scenario("chat: the tab wakes and accepts", tab_rings_asleep, "push")
def _tab_wakes(stage: Stage) -> None:
    stage.come(CARL)
    stage.emit(CARL, "call:accept", {"callId": stage.kept["call"], "answer": {}}, 1)


@scenario("chat: a ring by push times out", tab_rings_asleep, "ring-timeout", "push")
def _tab_times_out(stage: Stage) -> None:
    stage.world.run(31_000)


@scenario("chat: the tab falls asleep while it rings", tab_rings, "disconnect", "push")
def _tab_falls_asleep(stage: Stage) -> None:
    fall_asleep(stage, CARL)


@scenario("chat: a call to a tab that is asleep and not noticed", tab_rings, SHIM)
def _tab_not_noticed(stage: Stage) -> None:
    stage.emit(BERT, "call:end", ref(stage.kept))
    stage.world.gateway.vanish(stage.app(CARL).id)
    stage.emit(BERT, "call:invite", INVITE)
    stage.world.run(GRACE_MS)
