"""Scenarios of clients that poll, and stay so or upgrade."""

from __future__ import annotations

from tests.simulation.calls import INITIATE
from tests.simulation.chat import CHANNEL
from tests.simulation.clients import Who
from tests.simulation.polling import PollingApp
from tests.simulation.stage import Stage, nothing, scenario
from tests.simulation.world import ANNA, BERT, CORA, PAUL, POLLING, TINA, ULLA, UPGRADING, UWE

JOINED_MS = 5_000
A_LONG_GET_MS = 30_000


def _come(stage: Stage, wire: str, *whos: Who) -> None:
    """Connect an app of each person that polls, and wait until they are ready."""
    for who in whos:
        stage.world.come(who, wire=wire)
    stage.world.run(JOINED_MS)


def _meet(stage: Stage) -> None:
    """Let a user call a telecaller, and two people write to each other."""
    stage.tell("channel.upserted", channelId=CHANNEL, name="General")
    for who in (ANNA, BERT):
        stage.ask(stage.app(who), "join_channel", CHANNEL)
    stage.ask(stage.app(BERT), "chat:send_message", {"channelId": CHANNEL, "message": "Hello"})
    call = stage.ask(stage.app(ULLA), "call:initiate", INITIATE).answer["callId"]
    stage.ask(stage.app(TINA), "call:accept", {"callId": call})
    stage.ask(stage.app(ULLA), "call:end", {"callId": call})


@scenario("people who poll", nothing)
def _poll(stage: Stage) -> None:
    _come(stage, POLLING, ULLA, TINA, ANNA, BERT, CORA, PAUL)
    _meet(stage)
    stage.tell("notification.created", accountId=CORA.id, number=1)
    stage.world.run(A_LONG_GET_MS)
    stage.app(ANNA).close()


@scenario("people who upgrade", nothing)
def _upgrade(stage: Stage) -> None:
    _come(stage, UPGRADING, ULLA, TINA, ANNA, BERT)
    _meet(stage)
    stage.app(ANNA).close()


@scenario("a second GET at once", nothing)
def _second_get(stage: Stage) -> None:
    _come(stage, POLLING, UWE)
    app = stage.app(UWE)
    assert isinstance(app, PollingApp)
    app._poll()
