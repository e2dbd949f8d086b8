"""A client that asks again for what it has achieved is answered as the first time."""

from __future__ import annotations

import pytest

from functions.calls import store
from functions.calls.endings import ring_timeout
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.rows import CurrentCall, PartyRow
from functions.chat import call_rows
from functions.chat.call_rows import Party
from functions.products import REGISTRY
from shared.pipeline import departure
from shared.pipeline.context import Background
from tests.conftest import UseSettings
from tests.fakes import Fakes
from tests.integration import stage
from tests.integration.chat import Chat
from tests.integration.clients import Clients, failure

NO_LONGER = "Call is no longer available"


def names(fakes: Fakes, connection_id: str) -> list[str]:
    return [name for name, _ in fakes.events(connection_id)]


def act(clients: Clients, device: str, event: str, call_id: str) -> None:
    namespace = TELECALLER.path if device.startswith("t") else USER.path
    clients.send(device, event, {"callId": call_id}, namespace=namespace)


def answered(clients: Clients) -> str:
    call_id = clients.initiate()
    clients.telecaller("call:accept", call_id)
    clients.forget()
    return call_id


class TestACall:
    def test_that_this_device_has_accepted(self, clients: Clients) -> None:
        call_id = answered(clients)
        clients.telecaller("call:accept", call_id)
        assert clients.acks("t1") == [None]
        for device in ("t1", "u1", "u2"):
            assert names(clients.fakes, device) == ["call:accepted"]
        assert names(clients.fakes, "t2") == ["call:cancelled"]

    def test_that_another_device_has_accepted(self, clients: Clients) -> None:
        call_id = answered(clients)
        act(clients, "t2", "call:accept", call_id)
        assert clients.acks("t2") == [failure(NO_LONGER)]
        assert names(clients.fakes, "u1") == []

    def test_that_a_device_has_accepted_that_is_gone(self, clients: Clients) -> None:
        call_id = answered(clients)
        departure.end_connection(REGISTRY, clients.fakes.ports, "t1")
        act(clients, "t2", "call:accept", call_id)
        assert clients.acks("t2") == [None]
        for device in ("t2", "u1", "u2"):
            assert names(clients.fakes, device) == ["call:accepted"]

    def test_that_was_accepted_and_is_over(self, clients: Clients) -> None:
        call_id = answered(clients)
        clients.send("u1", "call:end", {"callId": call_id})
        clients.forget()
        clients.telecaller("call:accept", call_id)
        assert clients.acks("t1") == [failure(NO_LONGER)]

    @pytest.mark.parametrize(
        ("event", "by", "others"),
        [
            ("call:reject", "t1", {"u1": "call:rejected", "t2": "call:cancelled"}),
            ("call:reject", "t2", {"u1": "call:rejected", "t1": "call:cancelled"}),
            ("call:cancel", "u1", {"t1": "call:cancelled", "u2": "call:ended"}),
            ("call:end", "t1", {"u1": "call:ended", "t2": "call:ended"}),
            ("call:end", "u2", {"t1": "call:ended", "u1": "call:ended"}),
        ],
    )
    def test_that_this_person_has_ended(
        self, clients: Clients, event: str, by: str, others: dict[str, str]
    ) -> None:
        call_id = answered(clients) if event == "call:end" else clients.initiate()
        for again in range(3):
            clients.forget()
            act(clients, by, event, call_id)
            assert clients.acks(by) == [None]
            assert names(clients.fakes, by) == []
            for device, expected in others.items():
                assert names(clients.fakes, device) == ([] if again else [expected])
        assert len(stage.records()) == 1

    @pytest.mark.parametrize(
        ("first", "by", "then", "asks"),
        [
            ("call:reject", "t1", "call:cancel", "u1"),
            ("call:reject", "t1", "call:end", "t1"),
            ("call:cancel", "u1", "call:reject", "t1"),
            ("call:cancel", "u1", "call:end", "u1"),
            ("call:end", "t1", "call:end", "u1"),
            ("call:end", "u1", "call:end", "t1"),
            ("call:end", "u1", "call:cancel", "u1"),
        ],
    )
    def test_that_was_ended_otherwise(
        self, clients: Clients, first: str, by: str, then: str, asks: str
    ) -> None:
        call_id = answered(clients) if first == "call:end" else clients.initiate()
        act(clients, by, first, call_id)
        clients.forget()
        act(clients, asks, then, call_id)
        assert clients.acks(asks) == [failure(NO_LONGER)]
        assert len(clients.fakes.connections.posted) == 2

    def test_that_was_missed(self, clients: Clients) -> None:
        call_id = clients.initiate()
        background = Background.on(REGISTRY, clients.fakes.ports)
        ring_timeout(background, stage.telecaller("tina"), call_id)
        clients.forget()
        act(clients, "u1", "call:cancel", call_id)
        assert clients.acks("u1") == [failure(NO_LONGER)]


@pytest.mark.parametrize("after", [False, True], ids=["before the row", "after the row"])
def test_no_accept_has_the_last_word_on_a_call_that_is_over(
    clients: Clients, monkeypatch: pytest.MonkeyPatch, use_settings: UseSettings, *, after: bool
) -> None:
    """The user leaves before or after the accept writes and reads the user's row, to send its
    events."""
    use_settings(overtake_seconds=0)
    call_id = clients.initiate()
    clients.forget()
    note_answered = store.note_answered

    def write(call: CurrentCall) -> PartyRow | None:
        user = note_answered(call) if after else None
        for connection_id in ("u1", "u2"):
            departure.end_connection(REGISTRY, clients.fakes.ports, connection_id)
        return user if after else note_answered(call)

    monkeypatch.setattr(store, "note_answered", write)
    clients.telecaller("call:accept", call_id)
    assert clients.acks("t1") == [None]
    accepted = ["call:ended", "call:accepted"] if after else []
    assert names(clients.fakes, "t1") == [*accepted, "call:ended"]
    assert stage.free("ulla", "tina")


@pytest.fixture
def chat(tables: object, fakes: Fakes) -> Chat:
    """Anna with one tab, Bert with two."""
    chat = Chat(fakes)
    for person, tab in (("anna", "a1"), ("bert", "b1"), ("bert", "b2")):
        chat.tab(person, tab)
    return chat


def invite(chat: Chat) -> str:
    chat.send("a1", "call:invite", {"targetUserId": "bert", "callType": "audio", "offer": 1})
    call_id = str(chat.answer("a1")["callId"])
    chat.fakes.connections.posted.clear()
    return call_id


class TestAChatCall:
    def test_that_this_tab_has_accepted(self, chat: Chat) -> None:
        accept = {"callId": invite(chat), "answer": 7}
        for _ in range(2):
            chat.fakes.connections.posted.clear()
            chat.send("b1", "call:accept", accept)
            assert chat.answer("b1") is None
            assert chat.fakes.events("a1") == [("call:accepted", accept)]
            assert names(chat.fakes, "b2") == ["call:ended"]
        chat.send("b2", "call:accept", accept)
        assert chat.errors("b2") == [NO_LONGER]

    def test_that_a_tab_has_accepted_that_is_gone(self, chat: Chat) -> None:
        accept = {"callId": invite(chat), "answer": 7}
        chat.send("b1", "call:accept", accept)
        chat.depart("b1")
        chat.send("b2", "call:accept", accept)
        assert chat.answer("b2") is None
        assert names(chat.fakes, "a1") == ["call:accepted"] * 2

    @pytest.mark.parametrize(
        ("event", "by", "expected"),
        [
            ("call:reject", "b1", "call:rejected"),
            ("call:end", "b1", "call:ended"),
            ("call:end", "a1", "call:ended"),
        ],
    )
    def test_that_this_person_has_ended(
        self, chat: Chat, event: str, by: str, expected: str
    ) -> None:
        call = {"callId": invite(chat)}
        for again in range(2):
            chat.fakes.connections.posted.clear()
            chat.send(by, event, call)
            assert chat.answer(by) is None
            for tab in {"b1", "a1"} - {by}:
                assert names(chat.fakes, tab) == ([] if again else [expected])

    @pytest.mark.parametrize(
        ("first", "by", "then", "asks"),
        [
            ("call:end", "a1", "call:end", "b1"),
            ("call:end", "b1", "call:end", "a1"),
            ("call:reject", "b1", "call:end", "b1"),
            ("call:end", "b1", "call:reject", "b1"),
        ],
    )
    def test_that_was_ended_otherwise(
        self, chat: Chat, first: str, by: str, then: str, asks: str
    ) -> None:
        call = {"callId": invite(chat)}
        chat.send(by, first, call)
        chat.send(asks, then, call)
        assert chat.errors(asks) == [NO_LONGER]

    def test_that_ends_while_it_is_accepted(
        self, chat: Chat, monkeypatch: pytest.MonkeyPatch, use_settings: UseSettings
    ) -> None:
        use_settings(overtake_seconds=0)
        call_id = invite(chat)
        party, left = call_rows.party, [2]

        def read(person_id: str) -> Party:
            found = party(person_id)
            left[0] -= 1
            if left[0] == 0:
                chat.send("a1", "call:end", {"callId": call_id})
            return found

        monkeypatch.setattr(call_rows, "party", read)
        chat.send("b1", "call:accept", {"callId": call_id, "answer": 1})
        for tab in ("a1", "b1"):
            assert names(chat.fakes, tab)[-1] == "call:ended"
