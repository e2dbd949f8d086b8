"""Scenarios of team chat."""

from __future__ import annotations

from typing import Any

from tests.fakes import NOW_MS
from tests.simulation.calls import ref
from tests.simulation.stage import SHIM, Stage, event, scenario
from tests.simulation.world import ANNA, BERT, CARL

CHANNEL = "general"


def tabs(stage: Stage) -> None:
    """Three people in chat, two of whom are in a channel, one with two tabs."""
    stage.tell("channel.upserted", channelId=CHANNEL, name="General")
    anna, bert, again, _ = stage.come(ANNA, BERT, ANNA, CARL)
    for app in (anna, bert, again):
        stage.ask(app, "join_channel", CHANNEL)


def private_channel(stage: Stage) -> None:
    """A private channel of Anna and Carl, as reported with a time that is exact to the second."""
    tabs(stage)
    stage.tell("channel.upserted", **PRIVATE, members=[ANNA.id, CARL.id])


PRIVATE: dict[str, Any] = {
    "channelId": CHANNEL,
    "name": "General",
    "private": True,
    "happenedAt": NOW_MS + 30_000,
}


def message_sent(stage: Stage) -> None:
    """A message in the channel."""
    tabs(stage)
    sent = {"channelId": CHANNEL, "message": "Hello"}
    stage.kept["message"] = stage.ask(stage.app(ANNA), "chat:send_message", sent).own_id


def chat_ringing(stage: Stage) -> None:
    """A chat call that rings at two tabs of Anna."""
    tabs(stage)
    invite = {"targetUserId": ANNA.id, "callType": "audio", "offer": {}}
    stage.call(BERT, "call:invite", invite)


def chat_answered(stage: Stage) -> None:
    """A chat call that has been answered."""
    chat_ringing(stage)
    stage.ask(stage.app(ANNA), "call:accept", {"callId": stage.kept["call"], "answer": {}})


def read(kept: dict[str, Any]) -> dict[str, Any]:
    """The payload that marks the message as read."""
    return {"channelId": CHANNEL, "messageId": kept["message"]}


IN_CHANNEL: dict[str, Any] = {"channelId": CHANNEL}
FILE = IN_CHANNEL | {"fileName": "a.txt", "fileSize": 1, "fileType": "text/plain"}
event("join_channel", tabs, CARL, CHANNEL, SHIM, "broadcast")
event("leave_channel", tabs, BERT, CHANNEL)
event("chat:send_message", tabs, ANNA, IN_CHANNEL | {"message": "Hello"}, SHIM, "broadcast")
event("message_read", message_sent, BERT, read)
event("chat:typing", tabs, ANNA, IN_CHANNEL | {"isTyping": True})
event("file_uploaded", tabs, ANNA, FILE)
event("channel_updated", tabs, ANNA, IN_CHANNEL | {"changes": {"name": "Other"}})
event("system_broadcast", tabs, ANNA, {"message": "Hello all"})
event("update_presence", tabs, ANNA, {"status": "away", "statusMessage": "Lunch"})
event("presence:set_status", tabs, ANNA, "busy")
event("presence:get_online_users", tabs, ANNA)
event("call:invite", tabs, BERT, {"targetUserId": ANNA.id, "callType": "audio", "offer": {}})
event("call:accept in chat", chat_ringing, ANNA, lambda kept: ref(kept) | {"answer": {}})
event("call:reject in chat", chat_ringing, ANNA, ref)
event("call:end in chat", chat_answered, BERT, ref)
event("call:ice_candidate", chat_answered, BERT, {"targetUserId": ANNA.id, "candidate": {}})


@scenario("chat ring timeout", chat_ringing, "ring-timeout")
def _chat_ring_timeout(stage: Stage) -> None:
    stage.world.run(31_000)


@scenario("tab of a call and a channel closes", chat_answered, "disconnect")
def _tab_closes(stage: Stage) -> None:
    stage.app(BERT).close()


@scenario("statuses and typing too soon", tabs, SHIM, "deadline")
def _too_soon(stage: Stage) -> None:
    for status, typing in (("away", True), ("busy", False)):
        stage.emit(ANNA, "presence:set_status", status)
        stage.emit(ANNA, "chat:typing", IN_CHANNEL | {"isTyping": typing})
    stage.world.run()


@scenario("join_channel once more", tabs, SHIM)
def _join_once_more(stage: Stage) -> None:
    stage.emit(BERT, "join_channel", CHANNEL)
    stage.world.run()


@scenario("authenticate comes back", tabs, SHIM)
def _comes_back(stage: Stage) -> None:
    stage.app(BERT).close()
    stage.world.run()
    stage.world.come(BERT)
