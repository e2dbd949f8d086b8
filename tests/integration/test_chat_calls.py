"""Chat calls: of two transitions at the same moment, one happens."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from functions.chat import call_endings, call_rows, call_store
from functions.chat.state import Trigger
from functions.products import REGISTRY
from shared.aws.tables import transact
from shared.calling import call_records, ring
from shared.pipeline.context import Background
from shared.pipeline.sweep import Sweep
from shared.realtime import people
from shared.realtime.emitter import Emitter
from tests.fakes import NOW_MS, Fakes
from tests.integration.chat import Chat, Overtaken
from tests.integration.conftest import Race


@pytest.fixture
def chat(tables: object, fakes: Fakes) -> Chat:
    """Anna with one tab, Bert with two."""
    chat = Chat(fakes)
    for person, tab in (("anna", "a1"), ("bert", "b1"), ("bert", "b2")):
        chat.tab(person, tab)
    return chat


def invite(chat: Chat) -> str:
    """Let Anna call Bert, and return the call's id."""
    chat.send("a1", "call:invite", {"targetUserId": "bert", "callType": "audio", "offer": 1})
    return str(chat.answer("a1")["callId"])


def free(call_id: str) -> bool:
    """Return whether the call is over and neither person has one."""
    people = (call_rows.party(person).with_peers() for person in ("anna", "bert"))
    return call_rows.get(call_id) is None and not any(people)


def names(chat: Chat, tab: str) -> list[str]:
    """Return the names of all events that a tab has received."""
    return [name for name, _ in chat.fakes.events(tab)]


def test_two_tabs_that_accept_at_once(chat: Chat, race: Race) -> None:
    call_id = invite(chat)
    accept = {"callId": call_id, "answer": 1}
    race(
        *[
            partial(chat.send, tab, "call:accept", accept, frame=frame)
            for tab, frame in (("b1", 90), ("b2", 91))
        ]
    )
    assert names(chat, "a1") == ["call:accepted"]
    assert len(chat.errors("b1") + chat.errors("b2")) == 1


@pytest.mark.parametrize(
    ("trigger", "status"), [(Trigger.TIMEOUT, None), (Trigger.CALLER_ENDS, "COMPLETED")]
)
def test_accepted_between_reading_the_call_and_ending_it(
    chat: Chat, monkeypatch: pytest.MonkeyPatch, trigger: Trigger, status: str | None
) -> None:
    """The call ends from the state it has by then: an answered call does not time out."""
    call_id = invite(chat)
    accept = partial(chat.send, "b1", "call:accept", {"callId": call_id, "answer": 1})
    monkeypatch.setattr(call_store, "transact", Overtaken(transact, accept))
    done = call_store.finish(call_id, trigger, NOW_MS)
    assert names(chat, "a1") == ["call:accepted"]
    assert (done and done.record.status) == status
    assert free(call_id) == (status is not None)


def test_accept_and_end_at_once_end_in_one_record(chat: Chat, race: Race) -> None:
    for _ in range(4):
        call_id = invite(chat)
        accept = partial(chat.send, "b1", "call:accept", {"callId": call_id, "answer": 1}, frame=90)
        race(accept, partial(chat.send, "a1", "call:end", {"callId": call_id}, frame=91))
        call_store.finish(call_id, Trigger.GONE, chat.fakes.clock.now)
        assert free(call_id)
    found = call_records.of_person("anna", 10, None)
    assert len(found) == 4
    assert {one.product for one in found} == {"chat"}


def test_a_timer_that_fires_twice_ends_the_call_once(chat: Chat) -> None:
    call_id = invite(chat)
    assert [started[1] for started in chat.fakes.tasks.rings] == [f"call#{call_id}"]
    background = Background.on(REGISTRY, chat.fakes.ports)
    timeout = REGISTRY.ring_timeouts["call"]
    row = timeout.row.get(f"call#{call_id}", consistent_read=True)
    assert ring.prefix(row.person) == "call"
    for _ in range(2):
        timeout.handle(background, row, call_id)
    for tab in ("a1", "b1", "b2"):
        assert names(chat, tab).count("call:ended") == 1
    assert free(call_id)
    assert [one.status for one in call_records.of_person("bert", 10, None)] == ["MISSED"]


def test_a_lost_timer_is_found_by_the_sweep(chat: Chat) -> None:
    call_id = invite(chat)
    ports = chat.fakes.ports
    call_endings.look_after_calls(Sweep(REGISTRY, ports, Emitter(ports), float("inf")))
    assert not names(chat, "a1")
    chat.fakes.clock.now += 60_000
    call_endings.look_after_calls(Sweep(REGISTRY, ports, Emitter(ports), float("inf")))
    assert names(chat, "a1") == ["call:ended"]
    assert free(call_id)
    call_endings.look_after_calls(Sweep(REGISTRY, ports, Emitter(ports), float("inf")))
    assert list(call_rows.listed()) == []


def test_a_timer_that_cannot_be_started_ends_the_call(chat: Chat) -> None:
    chat.fakes.tasks.ring_error = TimeoutError("no answer")
    chat.send("a1", "call:invite", {"targetUserId": "bert", "callType": "audio", "offer": 1})
    assert chat.errors("a1") == ["Something went wrong. Please try again."]
    assert names(chat, "b1") == ["call:incoming", "call:ended"]
    assert not call_rows.party("anna").with_peers()


def test_a_timer_that_cannot_be_started_leaves_an_answered_call(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ring(*, call_id: str, person: str, seconds: int) -> None:
        chat.send("b1", "call:accept", {"callId": call_id, "answer": 1})
        raise TimeoutError

    monkeypatch.setattr(chat.fakes.tasks, "ring", ring)
    call_id = invite(chat)
    assert names(chat, "a1") == ["call:accepted"]
    assert not free(call_id)


@pytest.mark.parametrize("broken", [{"b2"}, {"b1", "b2"}])
def test_a_post_that_fails_ends_no_invite(chat: Chat, broken: set[str]) -> None:
    chat.fakes.connections.broken = broken
    call_id = invite(chat)
    assert chat.errors("a1") == []
    for tab in {"b1", "b2"} - broken:
        assert names(chat, tab) == ["call:incoming"]
    assert not free(call_id)


@pytest.mark.parametrize("event", ["call:accept", "call:reject", "call:end"])
def test_a_transition_of_which_one_tab_receives_nothing_is_acknowledged(
    chat: Chat, event: str
) -> None:
    call_id = invite(chat)
    chat.fakes.connections.broken = {"a1"}
    chat.send("b1", event, {"callId": call_id, "answer": 1})
    assert chat.answer("b1") is None
    assert names(chat, "b2") == ["call:incoming", "call:ended"]


def test_the_same_frame_twice_is_answered_once_whatever_came_between(chat: Chat) -> None:
    payload: dict[str, Any] = {"targetUserId": "bert", "callType": "audio", "offer": 1}
    invite = partial(chat.send, "a1", "call:invite", payload, frame=70)
    for _ in range(2):
        invite()
    answer = {"callId": chat.answer("a1")["callId"]}
    accept = partial(chat.send, "b1", "call:accept", answer | {"answer": 1}, frame=71)
    end = partial(chat.send, "a1", "call:end", answer, frame=72)
    for _ in range(2):
        accept()
    for _ in range(2):
        end()
    accept()
    invite()
    assert names(chat, "a1") == ["call:accepted"]
    assert names(chat, "b1") == ["call:incoming", "call:ended"]
    assert free(answer["callId"])


def test_an_invite_of_a_person_who_is_just_authenticating_is_answered(chat: Chat) -> None:
    address = chat.tab("carl", "c1")
    people.leave(address, "carl")  # as before the last step of authenticating
    chat.send("c1", "call:invite", {"targetUserId": "bert", "callType": "audio", "offer": 1})
    assert chat.errors("c1") == ["Authentication required"]
    assert chat.answer("c1") == {"error": {"message": "Authentication required"}}
    assert names(chat, "b1") == []


def test_only_the_last_tab_ends_a_call(chat: Chat) -> None:
    call_id = invite(chat)
    chat.depart("b2")
    assert not free(call_id)
    chat.depart("b1")
    assert names(chat, "a1") == ["call:ended"]
    assert free(call_id)
