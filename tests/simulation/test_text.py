"""No text is poison: what people and teams write reaches its readers, whatever it holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis.strategies import SearchStrategy, characters, sampled_from, text

from tests.integration import engines
from tests.simulation import runner
from tests.simulation.bookings import BOOKING, CREATED
from tests.simulation.chat import CHANNEL, tabs
from tests.simulation.clients import App
from tests.simulation.runner import Runner
from tests.simulation.stage import Stage
from tests.simulation.world import ADA, ANNA, BERT, CARL, CORA, PAUL, TINA, ULLA, UWE

pytestmark = [
    pytest.mark.xdist_group("simulation"),
    pytest.mark.skipif(engines.missing() is not None, reason="no engine"),
]

AWKWARD = '\ufffe\uffff\x00\x01\x1f\x7f\x80\u2028\u2029\ufdd0\ufeff\ufffd\U0001fffe\U0010ffff"\\</'


def texts(longest: int = 20) -> SearchStrategy[str]:
    """Text with the characters that some service or parser may refuse, among all others."""
    anything = characters(exclude_categories=["Cs"])
    return text(sampled_from(AWKWARD) | anything, min_size=1, max_size=longest)


FOR_ALL = settings(
    deadline=None, max_examples=8, suppress_health_check=list(HealthCheck), database=None
)


@pytest.fixture(scope="module")
def run() -> Iterator[Runner]:
    with runner.running() as made:
        yield made


def heard(app: App, event: str) -> list[Any]:
    return [payload for _, name, payload in app.screen.events if name == event]


def nothing_is_set_aside(stage: Stage) -> None:
    stage.world.settle()
    world = stage.world
    assert not world.queues.dead_letters
    assert not world.streams.dead_letters
    assert not world.lambdas.dead_letters


@FOR_ALL
@given(texts())
@example("\ufffe")
@example("\uffff")
def test_a_telecaller_is_announced(run: Runner, words: str) -> None:
    """And so are the others, whatever one of them calls themselves."""
    stage = Stage(run.world(1))
    (ulla,) = stage.come(ULLA)
    about = {"name": words, "profile": words, "language": words, "about": words}
    account = {"_id": TINA.id, "role": TINA.role, "approvalStatus": "APPROVED"}
    stage.tell("account.upserted", **account, **about)
    stage.come(TINA)
    (online,) = heard(ulla, "telecaller:presence-changed")
    assert online["telecaller"] == {"_id": TINA.id} | about
    nothing_is_set_aside(stage)


@FOR_ALL
@given(texts())
@example("\uffff")
def test_a_chat_user_comes_and_goes(run: Runner, words: str) -> None:
    stage = Stage(run.world(1))
    stage.tell("account.upserted", _id=ANNA.id, role=ANNA.role, name=words, profile=words)
    tabs(stage)
    for anna in stage.world.of(ANNA):
        anna.close()
    stage.world.run()
    bert, carl = stage.app(BERT), stage.app(CARL)
    assert [one["userDisplayName"] for one in heard(bert, "user_left")] == [words]
    (gone,) = heard(carl, "presence_updated")
    assert (gone["userDisplayName"], gone["status"]) == (words, "offline")
    nothing_is_set_aside(stage)


@FOR_ALL
@given(texts(200))
@example("\ufffe and \uffff")
def test_a_message_arrives_as_it_was_sent(run: Runner, words: str) -> None:
    stage = run.prepare(tabs).restore()
    anna, bert = stage.app(ANNA), stage.app(BERT)
    stage.ask(anna, "chat:send_message", {"channelId": CHANNEL, "message": words})
    stage.ask(anna, "update_presence", {"status": "away", "statusMessage": words})
    stage.ask(anna, "system_broadcast", {"message": words})
    stage.ask(anna, "channel_updated", {"channelId": CHANNEL, "changes": {words: words}})
    assert heard(bert, "chat:new_message")[-1]["message"] == words
    assert heard(bert, "presence_updated")[-1]["statusMessage"] == words
    assert heard(bert, "system_broadcast_received")[-1]["message"] == words
    assert heard(bert, "channel_updated")[-1]["changes"] == {words: words}
    nothing_is_set_aside(stage)


@FOR_ALL
@given(texts())
@example("Street 1\uffff")
def test_admins_see_a_booking(run: Runner, words: str) -> None:
    stage = Stage(run.world(1))
    ada, cora, _ = stage.come(ADA, CORA, PAUL)
    stage.ask(ada, "monitor:bookings")
    stage.tell("booking.created", **CREATED | {"address": words, "service": words})
    stage.tell("booking.assigned", bookingId=BOOKING, partnerId=PAUL.id)
    stage.ask(cora, "booking:cancel", {"bookingId": BOOKING, "reason": words})
    assert heard(ada, "booking:created")[0]["address"] == words
    assert heard(ada, "booking:updated")[-1]["status"] == "CANCELLED"
    assert heard(stage.app(PAUL), "booking:cancelled")[0]["reason"] == words
    nothing_is_set_aside(stage)


@FOR_ALL
@given(texts())
@example("\uffff")
def test_ids_of_any_text_ring_and_end(run: Runner, words: str) -> None:
    """Ids travel through the ring timer, the queues' groups and the tables' keys."""
    tina, ulla = TINA._replace(id=words), UWE._replace(id=f"{words}#")
    stage = Stage(run.world(1))
    account = {"_id": tina.id, "role": tina.role, "approvalStatus": "APPROVED", "name": "Tina"}
    stage.tell("account.upserted", **account)
    user, telecaller = stage.come(ulla, tina)
    assert heard(user, "telecaller:presence-changed")[0]["telecallerId"] == words
    stage.ask(user, "call:initiate", {"telecallerId": words, "callType": "AUDIO"})
    stage.world.run(31_000)
    assert len(heard(telecaller, "call:missed")) == 1
    assert len(heard(user, "call:missed")) == 1
    nothing_is_set_aside(stage)
