"""A decision that its process has not told is told by the sweep, or by whoever leaves."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from functions.calls import announcements, rows, store
from functions.calls import sweep as sweep_of_calls
from functions.calls.endings import telecaller_gone
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.state import Trigger
from functions.chat import call_announcements, call_endings, call_rows, call_store
from functions.products import REGISTRY
from shared.pipeline.context import Background
from shared.pipeline.sweep import Sweep
from shared.realtime import people
from shared.realtime.address import Address, Wire
from shared.realtime.emitter import Emitter
from shared.realtime.untold import Mark, overtake
from tests.conftest import UseSettings
from tests.fakes import NOW_MS, Fakes
from tests.integration import stage
from tests.integration.chat import Chat

CALL = f"{1:024x}"
pytestmark = pytest.mark.usefixtures("tables")


def sweep(fakes: Fakes, *, later: float = 0) -> None:
    """Run the products' sweep of calls, ``later`` seconds after what happened before."""
    fakes.clock.now += int(later * 1000)
    one = Sweep(REGISTRY, fakes.ports, Emitter(fakes.ports), float("inf"))
    sweep_of_calls.look_after_calls(one)
    call_endings.look_after_calls(one)
    assert one.failures == []


def names(fakes: Fakes, connection_id: str) -> list[str]:
    return [name for name, _ in fakes.events(connection_id)]


class TestACall:
    @pytest.fixture(autouse=True)
    def ringing(self, tables: object, fakes: Fakes) -> None:
        for device in ("t1", "t2"):
            stage.connect(TELECALLER.path, "tina", device)
        stage.connect(USER.path, "ulla", "u1")
        assert stage.start(CALL, "ulla", "tina") is None
        fakes.clock.now = NOW_MS

    def accept(self, at_ms: int = NOW_MS) -> None:
        assert store.accept("tina", CALL, stage.accepting(at_ms), "frame", "s:t1")

    def finish(self, trigger: Trigger) -> store.Finished:
        done = store.finish(stage.rows("tina", "ulla"), CALL, trigger, NOW_MS)
        assert done
        return done

    def marks(self) -> list[Mark]:
        return rows.get(TELECALLER.path, "tina").marks

    def test_that_was_accepted_is_told_once(self, fakes: Fakes) -> None:
        self.accept()
        sweep(fakes, later=9)
        assert names(fakes, "u1") == []
        for _ in range(2):
            sweep(fakes, later=1)
        assert names(fakes, "u1") == names(fakes, "t1") == ["call:accepted"]
        assert names(fakes, "t2") == ["call:cancelled"]
        assert self.marks() == []
        for device, payload in ((one, fakes.events(one)[0][1]) for one in ("u1", "t1")):
            assert payload["livekit"]["token"], device

    @pytest.mark.parametrize(
        ("trigger", "user", "telecaller"),
        [
            (Trigger.REJECT, "call:rejected", "call:cancelled"),
            (Trigger.CANCEL, "call:ended", "call:cancelled"),
            (Trigger.TIMEOUT, "call:missed", "call:missed"),
            (Trigger.GONE, "call:missed", "call:missed"),
        ],
    )
    def test_that_is_over_is_told_once(
        self, fakes: Fakes, trigger: Trigger, user: str, telecaller: str
    ) -> None:
        self.finish(trigger)
        for _ in range(2):
            sweep(fakes, later=10)
        assert names(fakes, "u1") == [user]
        assert names(fakes, "t1") == names(fakes, "t2") == [telecaller]
        assert self.marks() == []

    def test_whose_accept_was_overtaken_is_told_as_over(self, fakes: Fakes) -> None:
        self.accept()
        self.finish(Trigger.END)
        sweep(fakes, later=10)
        assert names(fakes, "u1") == names(fakes, "t1") == ["call:ended"]
        assert fakes.tasks.rooms == [CALL]
        assert self.marks() == []

    def test_of_a_telecaller_who_leaves_is_told_by_the_departure(
        self, fakes: Fakes, use_settings: UseSettings
    ) -> None:
        use_settings(untold_seconds=0.2, untold_pause_seconds=0.05)
        self.finish(Trigger.REJECT)
        for device in ("t1", "t2"):
            left = people.leave(
                Address(TELECALLER.path, Wire.SOCKETIO, device), "tina", rows.PartyRow
            )
        fakes.clock.now += 1_000
        telecaller_gone(Background.on(REGISTRY, fakes.ports), left)
        assert names(fakes, "u1") == ["call:rejected"]
        assert self.marks() == []

    def test_of_which_one_of_several_transitions_is_told_keeps_the_other_marks(
        self, fakes: Fakes
    ) -> None:
        first = self.finish(Trigger.CANCEL)
        other = f"{2:024x}"
        assert stage.start(other, "ulla", "tina") is None
        assert store.accept("tina", other, stage.accepting(NOW_MS), "frame", "s:t1")
        announcements.ended(Background.on(REGISTRY, fakes.ports), first)
        assert [mark.about for mark in self.marks()] == [other]

    def test_whose_end_waits_for_the_accept_is_told_after_it(
        self, fakes: Fakes, use_settings: UseSettings
    ) -> None:
        use_settings(overtake_seconds=60)
        self.accept()
        row = rows.get(TELECALLER.path, "tina")
        (mark,) = row.marks
        done = self.finish(Trigger.END)
        told: list[bool] = []
        accept = threading.Timer(0.15, lambda: told.append(row.note_told(mark)))
        accept.start()
        announcements.ended(Background.on(REGISTRY, fakes.ports), done)
        accept.join()
        assert told == [True], "it was taken away before"
        assert names(fakes, "u1") == ["call:ended"]
        assert self.marks() == []

    def test_whose_mark_is_taken_away_tells_the_accept_s_process(
        self, use_settings: UseSettings
    ) -> None:
        use_settings(overtake_seconds=0)
        self.accept()
        row = rows.get(TELECALLER.path, "tina")
        (mark,) = row.marks
        assert list(overtake(rows.of_key(TELECALLER.path, "tina"), [mark], NOW_MS)) == [mark]
        assert row.note_told(mark) is False


class TestAChatCall:
    @pytest.fixture
    def chat(self, fakes: Fakes) -> Chat:
        """Anna with one tab, Bert with two."""
        chat = Chat(fakes)
        for person, tab in (("anna", "a1"), ("bert", "b1"), ("bert", "b2")):
            chat.tab(person, tab)
        return chat

    def invite(self, chat: Chat) -> str:
        chat.send("a1", "call:invite", {"targetUserId": "bert", "callType": "audio", "offer": 1})
        return str(chat.answer("a1")["callId"])

    def break_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let processes die when they begin to announce."""

        def dies(*_: Any, **__: Any) -> None:
            raise SystemExit

        for name in ("accepted", "ended", "ended_before"):
            monkeypatch.setattr(call_announcements, name, dies)

    def test_that_was_accepted_is_told_with_its_answer_and_candidates(
        self, chat: Chat, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        call = {"callId": self.invite(chat)}
        with monkeypatch.context() as patch:
            self.break_off(patch)
            with pytest.raises(SystemExit):
                chat.send("b1", "call:accept", call | {"answer": {"sdp": "v=0"}})
        chat.send("b1", "call:ice_candidate", {"targetUserId": "anna", "candidate": {"n": 1}})
        assert names(chat.fakes, "a1") == []
        for _ in range(2):
            sweep(chat.fakes, later=10)
        told = chat.fakes.events("a1")
        assert [name for name, _ in told] == ["call:accepted", "call:ice_candidate"]
        assert told[0][1] == call | {"answer": {"sdp": "v=0"}}
        assert names(chat.fakes, "b2") == ["call:incoming", "call:ended"]
        row = call_rows.get(call["callId"])
        assert row is not None
        assert not any((row.untold, row.answer, row.held))

    @pytest.mark.parametrize(
        ("event", "told"), [("call:reject", "call:rejected"), ("call:end", "call:ended")]
    )
    def test_that_is_over_is_told_once(
        self, chat: Chat, monkeypatch: pytest.MonkeyPatch, event: str, told: str
    ) -> None:
        call = {"callId": self.invite(chat)}
        with monkeypatch.context() as patch:
            self.break_off(patch)
            with pytest.raises(SystemExit):
                chat.send("b1", event, call)
        assert names(chat.fakes, "a1") == []
        for _ in range(2):
            sweep(chat.fakes, later=10)
        assert names(chat.fakes, "a1") == [told]
        assert names(chat.fakes, "b2") == ["call:incoming", "call:ended"]
        assert call_rows.find(call["callId"]) is None
        assert list(call_rows.listed()) == []

    def test_gets_no_candidate_before_its_answer(self, chat: Chat) -> None:
        call = {"callId": self.invite(chat)}
        for number in (2, 1):
            candidate = {"targetUserId": "anna", "candidate": number}
            chat.send("b1", "call:ice_candidate", candidate)
        assert names(chat.fakes, "a1") == []
        chat.send("b1", "call:accept", call | {"answer": 1})
        told = chat.fakes.events("a1")
        assert [name for name, _ in told] == ["call:accepted", *["call:ice_candidate"] * 2]
        assert [payload["candidate"] for _, payload in told[1:]] == [2, 1]

    def test_gets_no_candidate_before_it_rings(
        self, chat: Chat, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rung = call_announcements.rung
        candidate = {"targetUserId": "bert", "candidate": 1}

        def early(*arguments: Any) -> bool:
            chat.send("a1", "call:ice_candidate", candidate)
            return rung(*arguments)

        monkeypatch.setattr(call_announcements, "rung", early)
        self.invite(chat)
        assert names(chat.fakes, "b1") == ["call:incoming", "call:ice_candidate"]

    def test_keeps_a_few_short_candidates_only(self, chat: Chat, use_settings: UseSettings) -> None:
        use_settings(held_candidates=1, held_candidate_bytes=100)
        self.invite(chat)
        for candidate in ("x" * 100, 1, 2):
            chat.send("b1", "call:ice_candidate", {"targetUserId": "anna", "candidate": candidate})
        assert len(chat.errors("b1")) == 2

    def test_whose_people_are_no_longer_there_is_found_every_minute(self, chat: Chat) -> None:
        call_id = self.invite(chat)
        assert call_store.accept(call_id, "s:b1", "1", chat.fakes.clock.now, "frame")
        chat.fakes.connections.gone = {"a1"}
        sweep(chat.fakes)
        assert chat.fakes.tasks.ended_connections == ["a1"]
